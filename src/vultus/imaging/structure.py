"""Files of absurdly many pieces, refused before Pillow reads them: piece by piece, in Python.

The numbers are far above what encoders write, and low enough that a file that keeps to them is read in a fraction of
a second.
"""

from __future__ import annotations

from struct import unpack_from

from vultus.errors import CorruptPicture, UnsupportedFormat
from vultus.imaging.sniff import Format

_MOST_CHUNKS = 20_000  # of a PNG; 20 MB in chunks of 8 kB, as libpng writes them, are 2,500
_MOST_STRIPS = 100_000  # of a TIFF; with one row in each, a picture of that height
_MOST_VALUES = 3 * 2**16  # of another of its tags: TransferFunction and ColorMap of 16 bits
_MOST_RUN_BYTES = 2**20  # of a run-length encoded BMP, which is decoded in Python

_RUN_LENGTH = frozenset({1, 2})  # BI_RLE8, BI_RLE4
_COUNTED_TAGS = frozenset({273, 279, 324, 325})  # offsets and lengths of strips and tiles: TIFF 6.0, sections 3 and 15
_UNPARSED_TYPES = frozenset({1, 2, 7})  # BYTE, ASCII, UNDEFINED: Pillow leaves them as bytes


def check_structure(data: bytes, kind: Format) -> None:
    """Refuse a file whose pieces are too many to be a picture's.

    Raises:
        CorruptPicture: It is one.
        UnsupportedFormat: It is a BMP of that kind.
        struct.error, IndexError: It is truncated.
    """
    match kind:
        case "png":
            _check_chunks(data)
        case "tiff":
            _check_tags(data)
        case "bmp":
            _check_runs(data)


def _check_chunks(data: bytes) -> None:
    position, end = 8, len(data)
    for _ in range(_MOST_CHUNKS):
        if position + 12 > end:
            return
        position += 12 + int.from_bytes(data[position : position + 4])
    raise CorruptPicture(f"the PNG picture is damaged: it has more than {_MOST_CHUNKS} chunks")


def _check_tags(data: bytes) -> None:
    """The first image file directory: TIFF 6.0, section 2, and the same with 64 bits (BigTIFF)."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = unpack_from(order + "H", data, 2)[0] == 43
    (directory,) = unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)
    (entries,) = unpack_from(order + ("Q" if is_big else "H"), data, directory)
    first, size, form = (directory + 8, 20, "HHQ") if is_big else (directory + 2, 12, "HHI")
    for position in range(first, min(first + entries * size, len(data) - size + 1), size):
        tag, kind, count = unpack_from(order + form, data, position)
        if tag in _COUNTED_TAGS and count > _MOST_STRIPS:
            raise CorruptPicture(f"the TIFF picture is damaged: it has more than {_MOST_STRIPS} strips or tiles")
        if kind not in _UNPARSED_TYPES and count > _MOST_VALUES:
            raise CorruptPicture(f"the TIFF picture is damaged: its tag {tag} has more than {_MOST_VALUES} values")


def _check_runs(data: bytes) -> None:
    is_run_length = unpack_from("<I", data, 14)[0] >= 40 and unpack_from("<I", data, 30)[0] in _RUN_LENGTH
    if is_run_length and len(data) > _MOST_RUN_BYTES:
        raise UnsupportedFormat(
            f"run-length encoded BMP pictures of more than {_MOST_RUN_BYTES} bytes are not read here; save it as PNG"
        )
