from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from vultus.imaging.canvas import lay_on_canvas, sides, sizes, stretch
from vultus.types import CanvasRule, Image

pytestmark = pytest.mark.unit

INSIGHTFACE_REST = CanvasRule(damp_above=2.0, damping=0.7, shrink="area", fit="exact")


def noise(height: int, width: int) -> Image:
    return np.random.default_rng(0).integers(1, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("width", "height", "scale"),
    [(1600, 898, 0.4), (220, 269, 1.66543), (320, 320, 2.0), (319, 319, 1.40439), (100, 100, 4.48)],
)
def test_insightface_rest_scales_as_its_contract_lists(width: int, height: int, scale: float) -> None:
    assert lay_on_canvas(noise(height, width), INSIGHTFACE_REST).scale == pytest.approx(scale, abs=5e-6)


@pytest.mark.parametrize(
    # Worked out by hand: the longer side becomes 640, the other is truncated; the scale is that of the height.
    ("width", "height", "fitted"),
    [
        (1280, 886, (640, 443)),
        (1000, 667, (640, 426)),  # 426.88
        (667, 1000, (426, 640)),
        (640, 640, (640, 640)),
        (300, 200, (640, 426)),  # 426.67: small pictures are enlarged
        (4912, 7360, (427, 640)),
    ],
)
def test_insightface_truncates_the_scaled_size(width: int, height: int, fitted: tuple[int, int]) -> None:
    canvas = lay_on_canvas(noise(height, width), CanvasRule())
    assert canvas.scale == fitted[1] / height
    filled = canvas.pixels.max(axis=2) > 0
    assert (filled.any(axis=0).sum(), filled.any(axis=1).sum()) == fitted


def test_the_picture_lies_top_left_and_the_rest_is_black() -> None:
    image = noise(320, 640)
    canvas = lay_on_canvas(image, CanvasRule())
    np.testing.assert_array_equal(canvas.pixels[:320], image)
    assert not canvas.pixels[320:].any()
    assert canvas.scale == 1.0


def test_a_picture_of_the_canvas_size_is_copied_not_lent() -> None:
    image = noise(640, 640)
    canvas = lay_on_canvas(image, CanvasRule())
    np.testing.assert_array_equal(canvas.pixels, image)
    assert not np.shares_memory(canvas.pixels, image)


def test_shrinking_by_area_averages() -> None:
    image = noise(1280, 1280)
    canvas = lay_on_canvas(image, CanvasRule(shrink="area"))
    mean = image.reshape(640, 2, 640, 2, 3).mean(axis=(1, 3))
    assert np.abs(canvas.pixels - mean).max() <= 0.5


def test_shrinking_linearly_samples() -> None:
    image = noise(1600, 1600)
    expected = cv2.resize(image, (640, 640), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(lay_on_canvas(image, CanvasRule()).pixels, expected)


def test_enlarging_is_bilinear_even_where_shrinking_is_by_area() -> None:
    image = noise(400, 400)
    expected = cv2.resize(image, None, fx=1.6, fy=1.6, interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(lay_on_canvas(image, INSIGHTFACE_REST).pixels, expected)


def test_a_bound_of_one_never_enlarges() -> None:
    image = noise(100, 100)
    canvas = lay_on_canvas(image, CanvasRule(max_scale=1.0))
    assert canvas.scale == 1.0
    np.testing.assert_array_equal(canvas.pixels[:100, :100], image)


@pytest.mark.parametrize("fit", ["truncate", "exact", "rounded"])
@given(width=st.integers(1, 3000), height=st.integers(1, 3000))
def test_every_picture_fits_and_coordinates_come_back(fit: str, width: int, height: int) -> None:
    image = np.full((height, width, 3), 255, np.uint8)
    canvas = lay_on_canvas(image, CanvasRule(320, 256, fit=fit))  # type: ignore[arg-type]
    assert canvas.pixels.shape == (256, 320, 3)
    filled = canvas.pixels.max(axis=2) > 0
    # The far corner comes back to within a canvas pixel's worth of picture pixels.
    assert filled.any(axis=1).sum() == pytest.approx(height * canvas.scale, abs=1)


@pytest.mark.parametrize("fit", ["truncate", "exact", "rounded"])
def test_a_thread_of_a_picture_keeps_a_pixel(fit: str) -> None:
    canvas = lay_on_canvas(np.full((2, 60000, 3), 255, np.uint8), CanvasRule(fit=fit))  # type: ignore[arg-type]
    assert canvas.pixels[0].all()
    assert canvas.scale > 0


def test_a_rounded_size_is_filled_wholly() -> None:
    """As CompreFace makes pictures smaller: OpenCV is told the size, not the factor."""
    image = noise(546, 819)
    canvas = lay_on_canvas(image, CanvasRule(max_scale=1.0, shrink="area", fit="rounded"))
    expected = cv2.resize(image, (640, 427), interpolation=cv2.INTER_AREA)  # 546 * 640 / 819 = 426.67
    np.testing.assert_array_equal(canvas.pixels[:427], expected)
    assert not canvas.pixels[427:].any()
    assert canvas.scale == 640 / 819


@pytest.mark.parametrize(("width", "height"), [(300, 20), (20, 300), (1, 1), (112, 112)])
def test_stretching_gives_up_the_aspect(width: int, height: int) -> None:
    image = noise(height, width)
    expected = PillowImage.fromarray(image).resize((112, 112))  # bicubic unless told otherwise
    np.testing.assert_array_equal(stretch(image, 112), np.asarray(expected))


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [
        (640, 480, (544, 640)),
        (480, 640, (640, 544)),
        (1920, 1080, (544, 640)),
        (600, 640, (640, 640)),
        (640, 544, (544, 640)),
        (640, 545, (640, 640)),
        (10, 10, (640, 640)),
    ],
)
def test_a_canvas_may_have_the_picture_s_aspect(width: int, height: int, shape: tuple[int, int]) -> None:
    """The same pixels at the same scale; only the black beside them is less."""
    image = np.random.default_rng(0).integers(1, 256, (height, width, 3), np.uint8)
    square, cut = lay_on_canvas(image, CanvasRule()), lay_on_canvas(image, CanvasRule(shape="picture"))
    assert cut.pixels.shape == (*shape, 3)
    assert cut.scale == square.scale
    np.testing.assert_array_equal(square.pixels[: shape[0], : shape[1]], cut.pixels)
    assert not square.pixels[shape[0] :].any()
    assert not square.pixels[:, shape[1] :].any()


def test_small_canvases_have_lawful_sides() -> None:
    for longest in range(64, 4097, 32):
        assert all(side % 32 == 0 and side <= longest for side in sides(longest))
        assert sides(longest)[-1] == longest


@pytest.mark.parametrize(
    "rule",
    [
        CanvasRule(640, 640),
        CanvasRule(640, 640, shape="picture"),
        CanvasRule(640, 320, shape="picture", fit="exact"),
        CanvasRule(640, 640, shape="picture", max_scale=1.0),
        CanvasRule(640, 640, shape="picture", damp_above=1.0, fit="rounded"),
    ],
    ids=str,
)
def test_every_canvas_that_comes_up_is_foretold(rule: CanvasRule) -> None:
    foretold = sizes(rule)
    assert foretold[0] == (rule.width, rule.height)
    assert len(set(foretold)) == len(foretold)
    met = set()
    for width in (1, 40, 300, 543, 545, 640, 900):
        for height in (1, 40, 300, 543, 545, 640, 900):
            canvas = lay_on_canvas(np.zeros((height, width, 3), np.uint8), rule)
            met.add((canvas.pixels.shape[1], canvas.pixels.shape[0]))
    assert met == set(foretold)


@pytest.mark.parametrize("fit", ["truncate", "exact", "rounded"])
@pytest.mark.parametrize("size", [(1600, 1200), (1601, 1203), (5120, 33), (300, 200), (641, 640)])
def test_a_smooth_canvas_shows_the_same_ramp(fit: Any, size: tuple[int, int]) -> None:
    width, height = size
    line = 255 * (np.arange(width) + 0.5) / width
    image = np.broadcast_to(line[np.newaxis, :, np.newaxis], (height, width, 3)).round().astype(np.uint8)
    smooth, plain = (lay_on_canvas(image, CanvasRule(shrink=shrink, fit=fit)) for shrink in ("smooth", "linear"))
    assert smooth.scale == plain.scale
    assert smooth.pixels.shape == plain.pixels.shape
    assert np.abs(smooth.pixels.astype(int) - plain.pixels).max() <= 2


def test_a_smooth_canvas_of_a_checkerboard_is_grey() -> None:
    image = np.zeros((1280, 1280, 3), np.uint8)
    image[::2, ::2] = image[1::2, 1::2] = 255
    smooth, picked = (lay_on_canvas(image, CanvasRule(512, 512, shrink=shrink)) for shrink in ("smooth", "linear"))
    assert np.abs(smooth.pixels.astype(float) - 127.5).max() <= 1
    assert picked.pixels.std() > 20
