"""Marks are where they must be, in their colours, and nowhere else; nothing breaks the drawing."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vultus.imaging.draw import ACCENT, LANDMARK_COLORS, SHADE, draw_faces
from vultus.types import Face, Image

pytestmark = pytest.mark.unit

GREY = 128
LANDMARKS = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])


def ground(width: int = 640, height: int = 480) -> Image:
    return np.full((height, width, 3), GREY, np.uint8)


def face(left: float, top: float, right: float, bottom: float, **more: Any) -> Face:
    return Face(box=np.array([left, top, right, bottom], np.float32), score=0.87, **more)


def with_landmarks(left: float, top: float, right: float, bottom: float) -> Face:
    points = (LANDMARKS * [right - left, bottom - top] + [left, top]).astype(np.float32)
    return face(left, top, right, bottom, landmarks=points)


def changed(image: Image) -> NDArray[np.bool_]:
    """Which pixels are no longer the ground's."""
    return np.asarray(np.any(image != GREY, axis=2))


def is_accent(pixel: Image) -> bool:
    """The thinnest anti-aliased lines fall a little short of their colour."""
    return bool(np.abs(pixel.astype(int) - ACCENT).max() < 25)


def has_color(image: Image, color: tuple[int, int, int]) -> bool:
    return bool((image == color).all(axis=2).any())


def test_the_input_is_left_alone() -> None:
    image = ground()
    drawn = draw_faces(image, [with_landmarks(100, 100, 200, 220)], sizes=True, names=["Ada"], footer="one face")
    assert (image == GREY).all()
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8
    assert not np.shares_memory(drawn, image)


def test_nothing_to_draw_is_a_copy() -> None:
    image = ground()
    drawn = draw_faces(image, [])
    np.testing.assert_array_equal(drawn, image)
    assert not np.shares_memory(drawn, image)


def test_read_only_and_strided_pictures_can_be_drawn_on() -> None:
    image = ground()
    image.flags.writeable = False
    marked = [face(100, 100, 200, 220)]
    np.testing.assert_array_equal(draw_faces(image[:, ::-1], marked), draw_faces(ground(), marked))


def test_edges_corners_and_inside_of_a_box() -> None:
    drawn = draw_faces(ground(), [face(100, 120, 200, 260)], scores=False)
    for x, y in [(100, 190), (200, 190), (150, 120), (150, 260), (100, 120), (200, 260), (100, 260), (200, 120)]:
        assert is_accent(drawn[y, x])
    assert not changed(drawn)[130:250, 110:190].any()
    outside = changed(drawn)
    outside[110:271, 90:211] = False
    assert not outside.any()


def test_lines_are_outlined_so_that_they_show_on_any_ground() -> None:
    drawn = draw_faces(np.full((480, 640, 3), ACCENT, np.uint8), [face(100, 120, 200, 260)], scores=False)
    assert has_color(drawn, SHADE)


def test_heavier_lines_on_larger_pictures() -> None:
    def line_width(scale: int) -> int:
        drawn = draw_faces(
            ground(640 * scale, 480 * scale), [face(*(scale * np.array([100, 120, 200, 260])))], scores=False
        )
        row = drawn[190 * scale, : 150 * scale]
        return int((row == ACCENT).all(axis=1).sum())

    assert line_width(1) < line_width(4) < line_width(10)


def test_small_faces_are_not_buried_under_their_box() -> None:
    drawn = draw_faces(ground(4000, 3000), [face(1000, 1000, 1024, 1024)], scores=False)
    assert not changed(drawn)[1005:1019, 1005:1019].any()


def test_landmarks_have_their_colours_in_order() -> None:
    marked = with_landmarks(100, 100, 300, 340)
    drawn = draw_faces(ground(), [marked], scores=False)
    assert len(set(LANDMARK_COLORS)) == 5
    assert marked.landmarks is not None
    for (x, y), color in zip(marked.landmarks, LANDMARK_COLORS, strict=True):
        assert tuple(drawn[round(float(y)), round(float(x))]) == color


def test_landmarks_can_be_left_out() -> None:
    marked = with_landmarks(100, 100, 300, 340)
    plain = face(100, 100, 300, 340)
    np.testing.assert_array_equal(draw_faces(ground(), [marked], landmarks=False), draw_faces(ground(), [plain]))


def test_contours_are_drawn_where_a_face_has_them() -> None:
    columns, rows = np.meshgrid(np.linspace(120, 280, 53), [180, 260])
    points = np.stack((columns.ravel(), rows.ravel()), axis=1).astype(np.float32)
    marked = face(100, 100, 300, 340, attributes={"landmarks106": points})
    drawn = draw_faces(ground(), [marked], scores=False)
    for x, y in points:
        assert drawn[round(float(y)), round(float(x))].min() > 200
    np.testing.assert_array_equal(
        draw_faces(ground(), [marked], landmarks=False), draw_faces(ground(), [face(100, 100, 300, 340)])
    )


def test_labels_stand_on_a_plate_above_the_box() -> None:
    bare = draw_faces(ground(), [face(100, 120, 200, 260)], scores=False)
    drawn = draw_faces(ground(), [face(100, 120, 200, 260)])
    plate = np.argwhere(np.any(bare != drawn, axis=2))
    (top, left), (bottom, right) = plate.min(axis=0), plate.max(axis=0)
    assert bottom < 120
    assert bottom - top >= 10
    assert left <= 100 < right
    letters = (drawn[top : bottom + 1, left : right + 1].astype(int).sum(axis=2) < 200).sum()
    assert letters > 20  # dark on the accent colour


@pytest.mark.parametrize(
    "options", [{"sizes": True}, {"names": ["Ada"]}, {"sizes": True, "names": ["Ada"]}], ids=["size", "name", "both"]
)
def test_more_to_say_makes_a_wider_plate(options: dict[str, Any]) -> None:
    def width(**asked: Any) -> int:
        marked = [face(100, 120, 200, 260)]
        mark = np.any(draw_faces(ground(), marked, **asked) != draw_faces(ground(), marked, scores=False), axis=2)
        return int(np.ptp(np.argwhere(mark)[:, 1]))

    assert width(**options) > width() + 10


@pytest.mark.parametrize("box", [(0, 0, 60, 80), (600, 420, 700, 500), (-30, 200, 30, 300), (0, 0, 640, 480)])
def test_labels_stay_inside_the_picture(box: tuple[float, ...]) -> None:
    bare = draw_faces(ground(), [face(*box)], scores=False)
    drawn = draw_faces(ground(), [face(*box)], sizes=True)
    plate = np.argwhere(np.any(bare != drawn, axis=2))
    assert np.ptp(plate[:, 0]) >= 10
    assert np.ptp(plate[:, 1]) >= 60  # "0.87 · 100 x 80" in letters of eleven pixels: wider than that


def test_a_name_for_each_face() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        draw_faces(ground(), [face(1, 1, 9, 9)], names=["Ada", "Grace"])


def test_footer_stands_at_the_bottom() -> None:
    mark = np.argwhere(changed(draw_faces(ground(), [], footer="6 faces")))
    assert mark[:, 0].min() > 430
    assert mark[:, 1].min() < 30


DEGENERATE = {
    "a point": (50, 50, 50, 50),
    "a line": (50, 50, 90, 50),
    "inside out": (90, 90, 50, 50),
    "not a number": (np.nan, 50, 90, 90),
    "infinite": (-np.inf, 50, np.inf, 90),
    "enormous": (-1e30, -1e30, 1e30, 1e30),
    "far outside": (1e9, 1e9, 2e9, 2e9),
    "fractions": (10.25, 10.75, 20.5, 20.125),
    "the whole picture": (0, 0, 640, 480),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_odd_boxes_do_no_harm(name: str) -> None:
    box = DEGENERATE[name]
    odd = face(
        *box,
        landmarks=np.array([[np.nan, 1], [np.inf, 2], [1e30, 3], [-5, -5], [5, 5]], np.float32),
        attributes={"landmarks106": np.full((106, 2), np.nan, np.float32)},
    )
    good = face(300, 200, 400, 330)
    drawn = draw_faces(ground(), [odd, good], sizes=True, footer="two")
    assert is_accent(drawn[265, 300])


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (8, 8), (32, 32), (8000, 6000)])
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    width, height = size
    image = np.full((height, width, 3), GREY, np.uint8)
    marked = with_landmarks(0.2 * width, 0.3 * height, 0.8 * width, 0.9 * height)
    drawn = draw_faces(image, [marked], sizes=True, names=["Ada"], footer="one face")
    assert drawn.shape == image.shape
    assert changed(drawn).any()


def test_five_hundred_faces() -> None:
    corners = np.random.default_rng(0).uniform(-20, 600, (500, 2))
    marked = [with_landmarks(x, y, x + 30, y + 40) for x, y in corners]
    drawn = draw_faces(ground(), marked)
    assert has_color(drawn, ACCENT)


def test_small_faces_lie_on_top_of_large_ones() -> None:
    large, small = face(50, 50, 400, 400), face(40, 200, 70, 240)
    np.testing.assert_array_equal(
        draw_faces(ground(), [small, large], scores=False), draw_faces(ground(), [large, small], scores=False)
    )
