"""What is encoded comes back, as other decoders see it."""

import io
from typing import cast

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL.JpegImagePlugin import JpegImageFile

from vultus.errors import UnsupportedFormat
from vultus.imaging.decode import decode
from vultus.imaging.encode import WRITABLE_SUFFIXES, encode, encode_jpeg, encode_png
from vultus.types import Image

pytestmark = pytest.mark.unit

KINDS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}


def gradient(height: int = 40, width: int = 60) -> Image:
    rows, columns = np.mgrid[:height, :width]
    return np.dstack((rows * 255 // height, columns * 255 // width, np.full_like(rows, 90))).astype(np.uint8)


def opened(data: bytes) -> Pillow.Image:
    return Pillow.open(io.BytesIO(data))


def difference(data: bytes, image: Image) -> float:
    return float(np.abs(np.array(opened(data).convert("RGB")).astype(int) - image).mean())


def test_every_writable_suffix_is_known_here() -> None:
    assert set(WRITABLE_SUFFIXES) == set(KINDS)


@pytest.mark.parametrize("suffix", [*KINDS, ".JPG", ".Png"])
def test_the_suffix_decides_the_format(suffix: str) -> None:
    data = encode(gradient(), suffix)
    assert opened(data).format == KINDS[suffix.lower()]
    assert difference(data, gradient()) < 2


def test_png_loses_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (31, 17, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decode(encode_png(image)), image)


def test_jpeg_keeps_full_chroma() -> None:
    data = encode_jpeg(gradient())
    picture = cast("JpegImageFile", opened(data))
    assert [component[1:3] for component in picture.layer] == [(1, 1)] * 3  # sampling factors
    assert difference(data, gradient()) < 1


def test_lower_quality_is_smaller() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for suffix in (".jpg", ".webp"):
        assert len(encode(image, suffix, 30)) < len(encode(image, suffix, 95))


@pytest.mark.parametrize("suffix", WRITABLE_SUFFIXES)
def test_views_are_written_like_arrays_of_their_own(suffix: str) -> None:
    view = gradient()[5:25:2, 40:10:-1]
    assert not view.flags.c_contiguous
    assert encode(view, suffix) == encode(view.copy(), suffix)


@pytest.mark.parametrize("suffix", ["", ".gif", ".txt", "jpg"])
def test_other_suffixes_are_refused(suffix: str) -> None:
    with pytest.raises(UnsupportedFormat, match=r"\.png"):
        encode(gradient(), suffix)


@pytest.mark.parametrize(("suffix", "side"), [(".jpg", 65_501), (".webp", 16_384)])
def test_sides_beyond_the_format_are_refused(suffix: str, side: int) -> None:
    with pytest.raises(UnsupportedFormat, match="use PNG"):
        encode(np.zeros((1, side, 3), np.uint8), suffix)
    assert opened(encode(np.zeros((1, side - 1, 3), np.uint8), suffix)).size == (side - 1, 1)
    assert opened(encode(np.zeros((side, 1, 3), np.uint8), ".png")).size == (1, side)
