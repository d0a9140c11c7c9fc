"""The format is read off the leading bytes, and off nothing else."""

import pytest

from vultus.imaging.sniff import is_picture_name, sniff

pytestmark = pytest.mark.unit

# Signatures as their specifications have them.
LEADING = {
    "jpeg": [b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", b"\xff\xd8\xff\xe1\x00\x20Exif\x00\x00", b"\xff\xd8\xff\xdb"],
    "png": [b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"],
    "gif": [b"GIF87a\x01\x00\x01\x00", b"GIF89a\x01\x00\x01\x00"],
    "webp": [b"RIFF\x24\x00\x00\x00WEBPVP8 ", b"RIFF\xff\xff\xff\xffWEBPVP8X"],
    "tiff": [b"II*\x00\x08\x00\x00\x00", b"MM\x00*\x00\x00\x00\x08", b"II+\x00\x08\x00", b"MM\x00+\x00\x08"],
    "ico": [b"\x00\x00\x01\x00\x01\x00\x10\x10"],
    "bmp": [b"BM" + bytes(12) + size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124)],
}

FOREIGN = [
    b"",
    b"\xff",
    b"\xff\xd8",  # no marker follows
    b"BM",
    b"BMW is a maker of cars and motorcycles",
    b"RIFF\x24\x00\x00\x00WAVEfmt ",
    b"GIF88a\x01\x00",
    b"\x00\x00\x02\x00\x01\x00",  # a cursor
    b"\x00\x00\x00\x20ftypheic",
    b"%PDF-1.7",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    b"PK\x03\x04",
    b" \xff\xd8\xff\xe0",
]


@pytest.mark.parametrize(("kind", "data"), [(kind, data) for kind, all_ in LEADING.items() for data in all_])
def test_known_signatures(kind: str, data: bytes) -> None:
    assert sniff(data) == kind


@pytest.mark.parametrize("data", FOREIGN)
def test_everything_else_is_foreign(data: bytes) -> None:
    assert sniff(data) is None


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("a.jpg", True),
        ("A.JPEG", True),
        ("a.tar.webp", True),
        ("a", False),
        ("jpg", False),
        (".jpg", False),
        (".a.jpg", False),
        ("a.jpg.txt", False),
        ("a.svg", False),
        ("", False),
    ],
)
def test_of_a_folder_names_decide(name: str, is_one: bool) -> None:
    assert is_picture_name(name) is is_one
