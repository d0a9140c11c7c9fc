"""Plates fit into the picture, and the letters on them can be read by their contrast."""

import numpy as np
import pytest

from vultus.imaging.lettering import Lettering, Plate, blend

pytestmark = pytest.mark.unit

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def lettering(width: int = 300, height: int = 100) -> Lettering:
    return Lettering(np.full((height, width, 3), 128, np.uint8))


def plate(writer: Lettering, text: str, size: float) -> Plate:
    rendered = writer.plate(text, size)
    assert rendered is not None
    return rendered


def test_plates_grow_with_their_letters_and_text() -> None:
    writer = lettering(1000, 500)
    small, large = plate(writer, "0.87", 12), plate(writer, "0.87", 24)
    long = plate(writer, "0.87 and more", 12)
    assert 1.6 * small.height < large.height
    assert 1.6 * small.width < large.width
    assert long.width > small.width
    assert long.height == small.height


@pytest.mark.parametrize(("width", "height"), [(300, 12), (40, 100), (30, 30)])
def test_plates_shrink_into_the_picture(width: int, height: int) -> None:
    rendered = plate(lettering(width, height), "some text", 40)
    assert rendered.width <= width
    assert rendered.height <= height


def test_what_cannot_be_read_is_not_written() -> None:
    assert lettering().plate("", 20) is None
    assert lettering(8, 100).plate("far too long for eight pixels", 20) is None
    assert lettering(100, 3).plate("a", 20) is None


@pytest.mark.parametrize(("left", "top"), [(-50, -50), (10.4, 20.6), (1e6, 1e6), (290, -3)])
def test_plates_are_kept_inside(left: float, top: float) -> None:
    writer = lettering()
    rendered = plate(writer, "0.87", 20)
    writer.put(rendered, left, top, BLACK, WHITE)
    touched = np.argwhere((writer.canvas != 128).any(axis=2))
    assert (touched.max(axis=0) - touched.min(axis=0) + 1).tolist() == [rendered.height, rendered.width]


def test_letters_and_ground_have_their_colours() -> None:
    writer = lettering()
    rendered = plate(writer, "HHH", 40)
    writer.put(rendered, 0, 0, (200, 10, 10), (10, 10, 200))
    shown = writer.canvas[: rendered.height, : rendered.width]
    assert (shown[rendered.ink == 255] == (200, 10, 10)).all()
    middle = shown[rendered.height // 2]
    assert (middle == (10, 10, 200)).all(axis=1).any()
    assert tuple(shown[0, 0]) == (128, 128, 128)  # round corners


def test_accents_are_left_out_where_the_font_has_none() -> None:
    writer = lettering()
    np.testing.assert_array_equal(plate(writer, "Zoë Bárány", 20).ink, plate(writer, "Zoe Barany", 20).ink)


def test_blend_is_linear_and_rounds_to_the_nearest() -> None:
    base = np.full((1, 3, 3), 100, np.uint8)
    coverage = np.array([[0, 0.5, 1]], np.float32)
    assert blend(base, coverage, (200, 101, 0)).tolist() == [[[100, 100, 100], [150, 100, 50], [200, 101, 0]]]
