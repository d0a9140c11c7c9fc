"""Bytes that are no picture, or a picture and something else."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from functools import cache, partial

import numpy as np

from benchmarks.hostile import samples
from benchmarks.hostile.case import ANY, FINE, NO_PICTURE, UNSUPPORTED, Picture
from benchmarks.hostile.jpegs import segment, with_segments
from benchmarks.hostile.pngs import chunk, png


@cache
def _zip() -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("../../etc/passwd", b"root")
        return file.getvalue()


def pictures() -> Iterator[Picture]:
    """All of them."""
    yield from _magic()
    yield from _polyglots()
    yield from _texts()


def _magic() -> Iterator[Picture]:
    yield Picture("nothing", "wrong magic", bytes, frozenset({"picture_empty"}))
    for name, data in (
        ("a zero", b"\0"),
        ("20 MB of zeros", bytes(20 * 2**20)),
        ("a byte too many", bytes(20 * 2**20 + 1)),
        ("noise", np.random.default_rng(1).bytes(65536)),
        ("EXE", b"MZ" + bytes(999)),
        ("ELF", b"\x7fELF" + bytes(999)),
        ("PDF", b"%PDF-1.7\n" + bytes(999)),
        ("ZIP", _zip()),
        ("gzip", b"\x1f\x8b\x08" + bytes(99)),
        ("HTML", b"<!DOCTYPE html><script>alert(1)</script>"),
        ("SVG", b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"),
        ("SVG of entities", b"<!DOCTYPE s [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><svg>&b;</svg>"),
        ("PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file"),
        ("PPM", b"P6 65535 65535 255\n"),
        ("PSD", b"8BPS\0\1" + bytes(99)),
        ("JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99)),
        ("AVIF", b"\0\0\0\x1cftypavif" + bytes(99)),
        ("HEIC", b"\0\0\0\x18ftypheic" + bytes(99)),
        ("WAVE", b"RIFF\x24\0\0\0WAVEfmt "),
        ("BM text", b"BM is how a text may begin"),
        ("pickle", b"\x80\x04\x95\x10\0\0\0\0\0\0\0c__builtin__\neval\n"),
        ("Python array", b"\x93NUMPY\1\0v\0{'descr': '|O', 'shape': (9,)}"),
        ("a file's name", b"/etc/passwd"),
        ("an address", b"http://169.254.169.254/latest/meta-data/"),
    ):
        expect = frozenset({"picture_bytes_exceeded"}) if name == "a byte too many" else UNSUPPORTED
        yield Picture(name, "wrong magic", partial(bytes, data), expect)
    for name, magic in (
        ("JPEG", b"\xff\xd8\xff"),
        ("PNG", b"\x89PNG\r\n\x1a\n"),
        ("GIF", b"GIF89a"),
        ("TIFF", b"II*\0"),
        ("WebP", b"RIFF\0\1\0\0WEBP"),
        ("BMP", b"BM" + bytes(12) + b"\x28\0\0\0"),
        ("ICO", b"\0\0\1\0"),
    ):
        yield Picture(f"{name} magic, then nothing", "wrong magic", partial(bytes, magic), NO_PICTURE)
        yield Picture(f"{name} magic, then zeros", "wrong magic", partial(bytes, magic + bytes(9999)), NO_PICTURE)
        noise = np.random.default_rng(2).bytes(9999)
        yield Picture(
            f"{name} magic, then noise", "wrong magic", partial(bytes, magic + noise), ANY | {"picture_pixels_exceeded"}
        )


def _polyglots() -> Iterator[Picture]:
    jpeg, image = samples.saved("JPEG"), samples.saved("PNG")
    script = b"<html><script>alert(1)</script></html>"
    for name, data in (
        ("JPEG and HTML behind", jpeg + script),
        ("JPEG and HTML in a comment", with_segments(jpeg, segment(0xFE, script))),
        ("JPEG and ZIP behind", jpeg + _zip()),
        ("JPEG and PDF in a comment", with_segments(jpeg, segment(0xFE, b"%PDF-1.7\n1 0 obj\n"))),
        ("JPEG and PDF behind", jpeg + b"%PDF-1.7\n"),
        ("JPEG and PHP in EXIF", with_segments(jpeg, segment(0xE1, b"Exif\0\0<?php system($_GET[0]); ?>"))),
        ("JPEG and JPEG behind", jpeg + jpeg),
        ("JPEG and 10 MB behind", jpeg + bytes(10**7)),
        ("PNG and ZIP behind", image + _zip()),
        ("PNG and HTML in a text", png(64, 64, before=chunk(b"tEXt", b"Comment\0" + script))),
        ("PNG and PNG behind", image + image),
        ("GIF and JavaScript", samples.saved("GIF", comment=b"*/=1;alert(1);/*")),
    ):
        yield Picture(name, "polyglots", partial(bytes, data), FINE)
    for name, data in (("JPEG with PNG magic", image[:8] + jpeg[8:]), ("PNG with JPEG magic", jpeg[:4] + image[4:])):
        yield Picture(name, "polyglots", partial(bytes, data), NO_PICTURE)


def _texts() -> Iterator[Picture]:
    once = base64.b64encode(samples.saved("JPEG"))
    for name, data in (
        ("base64 of a JPEG", once),
        ("base64 of base64 of a JPEG", base64.b64encode(once)),
        ("data URL of a JPEG", b"data:image/jpeg;base64," + once),
        ("hexadecimal", samples.saved("JPEG").hex().encode()),
        ("JSON", b'{"images": []}'),
        ("invalid UTF-8", b"\xc3\x28\xa0\xa1\xe2\x28\xa1" * 99),
        ("UTF-16", "\ufeffa picture".encode("utf-16")),
    ):
        yield Picture(name, "texts", partial(bytes, data), UNSUPPORTED)
