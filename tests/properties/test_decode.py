"""Pictures of every format and kind come back as they were, or with an error of their own."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vultus.errors import PictureError
from vultus.imaging.decode import Limits, decode
from vultus.imaging.encode import encode_jpeg

pytestmark = pytest.mark.unit

LIMITS = Limits(10**7, 10**6)
LOSSLESS: dict[str, dict[str, Any]] = {"PNG": {}, "BMP": {}, "TIFF": {}, "WEBP": {"lossless": True}}
_size = st.tuples(st.integers(1, 40), st.integers(1, 40))


def pixels(size: tuple[int, int], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def written(picture: Image.Image, kind: str, **more: Any) -> bytes:
    with io.BytesIO() as file:
        picture.save(file, kind, **more)
        return file.getvalue()


@settings(deadline=None)
@given(kind=st.sampled_from(sorted(LOSSLESS)), size=_size, seed=st.integers(0, 999))
def test_formats_without_loss_bring_back_every_pixel(kind: str, size: tuple[int, int], seed: int) -> None:
    image = pixels(size, seed)
    data = written(Image.fromarray(image), kind, **LOSSLESS[kind])
    np.testing.assert_array_equal(decode(data, LIMITS), image)


@settings(deadline=None)
@given(
    kind=st.sampled_from(["PNG", "TIFF"]),
    mode=st.sampled_from(["L", "1", "P", "RGBA", "LA"]),
    size=_size,
    seed=st.integers(0, 999),
)
def test_other_kinds_of_pixels_are_what_pillow_makes_of_them_over_white(
    kind: str, mode: str, size: tuple[int, int], seed: int
) -> None:
    picture = Image.fromarray(pixels(size, seed)).convert(mode)
    if mode in ("RGBA", "LA"):
        picture.putalpha(Image.fromarray(pixels(size, seed + 1)[..., 0]))
        white = Image.new("RGBA", picture.size, "white")
        expected = Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
    else:
        expected = picture.convert("RGB")
    found = decode(written(picture, kind), LIMITS)
    np.testing.assert_allclose(found.astype(int), np.asarray(expected).astype(int), atol=1)  # rounding of the blend


@settings(deadline=None)
@given(size=_size, seed=st.integers(0, 999), orientation=st.integers(1, 8), kind=st.sampled_from(["PNG", "TIFF"]))
def test_a_turned_picture_stands_upright(size: tuple[int, int], seed: int, orientation: int, kind: str) -> None:
    """By the standard's own words (EXIF 2.3, 4.6.4): where the 0th row and the 0th column of what is stored are."""
    upright = pixels(size, seed)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(np.ascontiguousarray(stored))
    more = {"tiffinfo": exif} if kind == "TIFF" else {"exif": exif}
    np.testing.assert_array_equal(decode(written(picture, kind, **more), LIMITS), upright)


@settings(deadline=None)
@given(size=st.tuples(st.integers(8, 40), st.integers(8, 40)), color=st.tuples(*[st.integers(0, 255)] * 3))
def test_a_jpeg_of_one_colour_keeps_it(size: tuple[int, int], color: tuple[int, int, int]) -> None:
    image = np.full((*size, 3), color, np.uint8)
    np.testing.assert_allclose(decode(encode_jpeg(image), LIMITS).astype(int), image.astype(int), atol=4)


_kinds = st.sampled_from(["PNG", "BMP", "TIFF", "WEBP", "GIF", "JPEG", "ICO"])


@settings(deadline=None, max_examples=300)
@given(
    kind=_kinds,
    seed=st.integers(0, 9),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=6), st.integers(0, 6)), min_size=1, max_size=6),
    end=st.floats(0, 1),
)
def test_bytes_put_in_taken_out_and_cut_off_give_a_picture_within_the_limits_or_its_own_error(
    kind: str, seed: int, cuts: list[tuple[float, bytes, int]], end: float
) -> None:
    data = written(Image.fromarray(pixels((24, 24), seed)), kind)
    for where, new, gone in cuts:
        place = int(where * len(data))
        data = data[:place] + new + data[place + gone :]
    if end > 0.5:
        data = data[: int(end * len(data))]
    try:
        found = decode(data, LIMITS)
    except PictureError:
        return
    assert found.dtype == np.uint8
    assert found.ndim == 3
    assert found.shape[2] == 3
    assert 0 < found.shape[0] * found.shape[1] <= LIMITS.max_pixels
