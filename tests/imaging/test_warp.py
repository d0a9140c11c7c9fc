"""Warps against what they are by definition: ramps stay ramps, and pixels of the crop are means of what they cover."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vultus.imaging.warp import on_part, warp
from vultus.types import Image

pytestmark = pytest.mark.unit

SIDE = 960


def ramp(width: int, height: int) -> Image:
    """Red grows to the right, green downwards, blue to the left, by the place of the pixel's centre in the picture."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    return np.round(255 * np.dstack([columns / width, rows / height, 1 - columns / width])).astype(np.uint8)


def seen(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours of the ramp at these places."""
    x, y = np.moveaxis((points + 0.5) / SIDE, 2, 0)
    return 255 * np.dstack([x, y, 1 - x])


def turned(degrees: float, factor: float) -> NDArray[np.float64]:
    """Turns and scales about the picture's centre, which becomes the centre of a crop of 112 pixels."""
    angle = np.deg2rad(degrees)
    linear = factor * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([linear, np.full(2, 55.5) - linear @ np.full(2, (SIDE - 1) / 2)])


def places(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where in the picture the centres of a crop's 112 x 112 pixels lie."""
    rows, columns = np.mgrid[:112, :112]
    points = np.dstack([columns, rows]).reshape(-1, 2) - matrix[:, 2]
    return np.asarray(points @ np.linalg.inv(matrix[:, :2]).T).reshape(112, 112, 2)


@pytest.mark.parametrize("degrees", [0, 17, 90, -133])
@pytest.mark.parametrize("factor", [1.5, 0.9, 0.4, 0.2])
@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("part", [1, 2, 4])
def test_a_ramp_stays_where_it_was(degrees: float, factor: float, smooth: bool, part: int) -> None:
    """However much smaller the picture comes."""
    matrix = turned(degrees, factor)
    smaller = ramp(SIDE // part, SIDE // part)
    crop = np.empty((112, 112, 3), np.uint8)
    warp(smaller, on_part(matrix, (1 / part, 1 / part)), crop, smooth=smooth)
    wanted = places(matrix)
    within = ((wanted > 8) & (wanted < SIDE - 9)).all(axis=2)
    assert within.mean() > 0.5
    difference = (crop - seen(wanted))[within]
    assert np.abs(difference).max() <= 1.5  # of rounding, three times
    shift = (difference[:, 0] - difference[:, 2]).mean() / 2  # rounding leans upwards in both
    assert abs(shift) < 0.03  # a quarter of what half a pixel of the picture is


def test_other_factors_across_and_down() -> None:
    matrix = turned(30, 0.25)
    crop = np.empty((112, 112, 3), np.uint8)
    warp(ramp(SIDE // 4, SIDE // 2), on_part(matrix, (0.25, 0.5)), crop)
    assert np.abs(crop - seen(places(matrix))).max() <= 1.1


@pytest.mark.parametrize("block", [2, 4, 8])
def test_pixels_that_are_blocks_are_their_means(block: int) -> None:
    rng = np.random.default_rng(block)
    image = rng.integers(0, 256, (112 * block, 112 * block, 3), np.uint8)
    matrix = np.array([[1 / block, 0, 0.5 / block - 0.5], [0, 1 / block, 0.5 / block - 0.5]])
    crop = np.empty((112, 112, 3), np.uint8)
    warp(image, matrix, crop, smooth=True)
    means = image.reshape(112, block, 112, block, 3).mean(axis=(1, 3))
    assert np.abs(crop - means).max() <= 0.51


def test_what_a_fine_pattern_becomes_does_not_depend_on_where_it_is_hit() -> None:
    """Stripes of one pixel are grey from afar: smoothed they are, and picked they are anything."""
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[:, ::2] = 255
    smooth, picked = np.empty((2, 112, 112, 3), np.uint8)
    matrix = turned(11, 0.16)
    warp(image, matrix, smooth, smooth=True)
    warp(image, matrix, picked)
    assert np.abs(smooth.astype(float) - 127.5).max() <= 1
    assert picked.std() > 50


def test_little_shrinking_and_enlarging_are_never_smoothed() -> None:
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    for factor in (3.0, 1.0, 0.51):
        smooth, picked = np.empty((2, 112, 112, 3), np.uint8)
        warp(image, turned(20, factor), smooth, smooth=True)
        warp(image, turned(20, factor), picked)
        assert np.array_equal(smooth, picked)


@pytest.mark.parametrize("shift", [(-1e6, 0), (0, 1e6), (3000, 3000), (-200, -200)])
@pytest.mark.parametrize("side", [1, 3, 65])
def test_beside_the_picture_all_is_black(shift: tuple[float, float], side: int) -> None:
    image = np.full((side, side, 3), 255, np.uint8)
    crop = np.full((112, 112, 3), 77, np.uint8)
    matrix = np.column_stack([np.eye(2) * 0.1, shift])
    warp(image, matrix, crop, smooth=True)
    assert not crop.any()


def test_a_crop_that_reaches_over_the_edge_is_black_there_alone() -> None:
    image = np.full((800, 800, 3), 200, np.uint8)
    crop = np.empty((112, 112, 3), np.uint8)
    matrix = np.array([[0.125, 0, 30], [0, 0.125, 30]])  # the picture fills the pixels 30 to 129
    warp(image, matrix, crop, smooth=True)
    assert (crop[32:, 32:] == 200).all()
    assert not crop[:29].any()
    assert not crop[:, :29].any()


def test_a_warp_without_extent() -> None:
    crop = np.full((112, 112, 3), 77, np.uint8)
    warp(np.zeros((9, 9, 3), np.uint8), np.zeros((2, 3)), crop, smooth=True)
    assert not crop.any()
