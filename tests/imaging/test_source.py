from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from vultus.errors import PictureTooLarge, PictureUnreachable, UnsupportedFormat
from vultus.imaging.decode import Limits
from vultus.imaging.source import read_pixels

pytestmark = pytest.mark.unit

PIXELS = np.random.default_rng(3).integers(0, 256, (20, 30, 3), np.uint8)


@pytest.fixture
def encoded() -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(PIXELS).save(buffer, "PNG")
    return buffer.getvalue()


def test_pixels_are_taken_as_they_are() -> None:
    assert read_pixels(PIXELS, Limits()) is PIXELS


def test_encoded_bytes_are_decoded(encoded: bytes) -> None:
    for source in (encoded, bytearray(encoded), memoryview(encoded)):
        np.testing.assert_array_equal(read_pixels(source, Limits()), PIXELS)


def test_files_are_read(encoded: bytes, tmp_path: Path) -> None:
    path = tmp_path / "picture.whatever"
    path.write_bytes(encoded)
    np.testing.assert_array_equal(read_pixels(path, Limits()), PIXELS)
    np.testing.assert_array_equal(read_pixels(str(path), Limits()), PIXELS)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_arrays_of_another_kind_are_refused(wrong: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    with pytest.raises(UnsupportedFormat, match="RGB, uint8"):
        read_pixels(wrong, Limits())


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PictureUnreachable, match=r"absent\.jpg cannot be read: No such file"):
        read_pixels(tmp_path / "absent.jpg", Limits())
    with pytest.raises(PictureUnreachable, match="cannot be read"):
        read_pixels(tmp_path, Limits())


def test_the_byte_limit_holds_for_files_to_the_byte(encoded: bytes, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(encoded)
    read_pixels(path, Limits(max_bytes=len(encoded)))
    with pytest.raises(PictureTooLarge) as caught:
        read_pixels(path, Limits(max_bytes=len(encoded) - 1))
    assert caught.value.limit == "max_picture_bytes"
