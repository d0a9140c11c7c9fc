"""Counting out every combination of detector settings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vultus.detect.detector import join, rescale, suppress, take
from vultus.evaluate.tune import Choice, Counts, Grid, Search, Trial, keep, steps, try_all
from vultus.types import Analysis, Detection, Face, FloatArray

pytestmark = pytest.mark.unit

GRID = Grid((64, 32), (0, 16), (0.3, 0.6), (0.2, 0.5, 0.8))


def candidates(rng: np.random.Generator, count: int = 60) -> Detection:
    """Boxes that overlap a lot, with scores above 0.2."""
    low = rng.uniform(0, 40, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(10, 30, (count, 2))], 1).astype(np.float32)
    return Detection(boxes, rng.uniform(0.21, 1, count).astype(np.float32), None)


def fingerprint(boxes: FloatArray) -> tuple[int, int]:
    """A judge that tells sets of boxes, and their order, apart."""
    weights = np.arange(1, len(boxes) + 1)
    return len(boxes), int((boxes.astype(np.float64).sum(1) * weights).sum() * 100)


def searched(*errors: Counts | list[list[list[int]]], grid: Grid = GRID) -> Search:
    """A search of one picture for each table, of which all errors are faces missed."""
    tables = [np.array(table, np.int64).reshape(grid.shape) for table in errors]
    return Search(grid, [np.stack([table, np.zeros_like(table)]) for table in tables])


def test_steps_include_both_ends_and_are_round() -> None:
    assert steps(0.1, 0.3, 0.1) == (0.1, 0.2, 0.3)
    assert len(steps(0.1, 0.9, 0.02)) == 41
    assert steps(0.5, 0.5, 0.1) == (0.5,)


def test_inputs_are_the_cheapest_first_and_a_second_canvas_is_smaller() -> None:
    assert Grid((640, 128), (0, 128), (0.4,), (0.5,)).inputs == [(128, 0), (640, 0), (640, 128)]
    assert Grid((640, 320), (0, 128), (0.4,), (0.5,)).sides == [128, 320, 640]


def test_places_and_choices_belong_together() -> None:
    for place in np.ndindex(GRID.shape):
        assert GRID.place(GRID.choice(place)) == place


def test_what_is_kept_of_a_picture() -> None:
    faces = tuple(Face(np.array([0, 0, side, side], np.float32), score) for side, score in ((8, 0.9), (4, 0.5)))
    found, scale = keep(Analysis(10, 10, faces, scale=0.5))
    assert (found.boxes[:, 2].tolist(), found.scores.tolist(), scale) == ([8, 4], [pytest.approx(0.9), 0.5], 0.5)
    nothing, _ = keep(Analysis(10, 10, ()))
    assert nothing.boxes.shape == (0, 4)


@pytest.mark.parametrize("most", [1000, 3])
def test_every_combination_is_counted_as_if_it_were_run(most: int) -> None:
    """Against the plain way: what is above the threshold goes into a suppression of its own."""
    rng = np.random.default_rng(5)
    kept = {side: (candidates(rng), 1.0) for side in GRID.sides}
    counts = try_all(kept, fingerprint, GRID, most)
    for place in np.ndindex(GRID.shape):
        choice = GRID.choice(place)
        seen = [kept[side][0] for side in (choice.canvas, choice.second_canvas) if side]
        above = [take(part, np.flatnonzero(part.scores > np.float32(choice.threshold))) for part in seen]
        boxes = suppress(join(above), choice.nms_threshold).boxes[:most]
        assert tuple(counts[(slice(None), *place)]) == fingerprint(boxes), choice


@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.floats(0.05, 0.95))
@settings(max_examples=60, deadline=None)
def test_a_threshold_may_be_applied_after_the_suppression(seed: int, count: int, overlap: float) -> None:
    """What the whole search rests on, for any boxes: scores of the grid's own values tie with its thresholds."""
    rng = np.random.default_rng(seed)
    drawn = candidates(rng, count)
    found = Detection(drawn.boxes, np.round(drawn.scores, 1).astype(np.float32), None)
    grid = Grid((64,), (0,), (overlap,), steps(0.1, 0.9, 0.1))
    counts = try_all({64: (found, 1.0)}, fingerprint, grid, 1000)
    for place, threshold in enumerate(grid.thresholds):
        above = take(found, np.flatnonzero(found.scores > np.float32(threshold)))
        assert tuple(counts[:, 0, 0, place]) == fingerprint(suppress(above, overlap).boxes)


def test_one_canvas_is_suppressed_in_its_own_pixels() -> None:
    """A box from x1 to x2 counts x2 - x1 + 1 pixels, so that the overlap depends on the scale."""
    boxes = np.array([[0, 0, 4, 4], [2, 0, 6, 4]], np.float32)
    found = Detection(boxes, np.array([0.9, 0.8], np.float32), None)
    grid = Grid((64,), (0,), (0.36,), (0.5,))

    def boxes_left(scale: float) -> int:
        kept = {64: (rescale(found, scale), scale)}
        return int(try_all(kept, lambda left: (len(left), 0), grid, 10)[0].item())

    # By hand, in canvas pixels: 3 x 5 of 25 + 25 - 15 pixels are shared, 0.43; the picture's size is no matter.
    assert [boxes_left(scale) for scale in (1.0, 0.25, 4.0)] == [1, 1, 1]


def test_a_threshold_is_exceeded_not_met() -> None:
    found = Detection(np.zeros((1, 4), np.float32), np.array([0.5], np.float32), None)
    counts = try_all({64: (found, 1.0)}, lambda left: (len(left), 0), Grid((64,), (0,), (0.4,), (0.4, 0.5)), 10)
    assert counts[0].ravel().tolist() == [1, 0]


def test_the_best_is_the_cheapest_of_those_with_fewest_errors() -> None:
    errors = np.full(GRID.shape, 3)
    errors[3, 0, 1] = errors[1, 1, 2] = 1
    best = searched(errors).best
    assert best == Trial(Choice(32, 16, 0.6, 0.8), missed=1, false=0)


def test_the_best_is_far_from_where_it_gets_worse() -> None:
    grid = Grid((64,), (0,), (0.3, 0.4, 0.5), steps(0.1, 0.7, 0.1))
    table = [[[2, 0, 2, 2, 0, 0, 2], [0, 0, 0, 0, 0, 2, 2], [2, 2, 0, 0, 2, 2, 2]]]
    assert searched(table, grid=grid).best.choice == Choice(64, 0, 0.4, 0.3)


def test_of_equally_flat_overlaps_the_middle_one_is_taken() -> None:
    grid = Grid((64,), (0,), (0.3, 0.4, 0.5), (0.4, 0.5, 0.6))
    assert searched([[[0, 0, 0]] * 3], grid=grid).best.choice == Choice(64, 0, 0.4, 0.5)


def test_missed_and_false_are_told_apart_and_added_up() -> None:
    grid = Grid((64,), (0,), (0.4,), (0.5,))
    first, second = np.array([2, 1]).reshape(2, 1, 1, 1), np.array([0, 4]).reshape(2, 1, 1, 1)
    search = Search(grid, [first, second])
    assert (search.best.missed, search.best.false, search.best.errors) == (2, 5, 7)
    assert search.size == 1


def test_rows_have_the_best_threshold_of_each_input_and_overlap() -> None:
    errors = np.full(GRID.shape, 5)
    errors[0, 0] = (2, 1, 1)
    errors[3, 1] = (4, 0, 3)
    rows = searched(errors).rows(2)
    assert [(row.trial.choice, row.trial.errors, row.low, row.high) for row in rows] == [
        (Choice(64, 16, 0.6, 0.5), 0, 0.5, 0.5),
        (Choice(32, 0, 0.3, 0.5), 1, 0.5, 0.8),
    ]


def test_the_plateau_tells_how_far_each_setting_may_be_changed() -> None:
    grid = Grid((32, 64), (0,), (0.3, 0.4, 0.5), steps(0.1, 0.5, 0.1))
    table = np.full(grid.shape, 9)
    table[0, 1] = (9, 1, 1, 1, 2)
    table[0, 2, 2] = 1
    table[1, 1, 2] = 1
    search = searched(table, grid=grid)
    assert search.best.choice == Choice(32, 0, 0.4, 0.3)
    plateau = search.plateau
    assert (plateau.thresholds, plateau.nms_thresholds) == ((0.2, 0.4), (0.4, 0.5))
    assert plateau.inputs == [(32, 0), (64, 0)]
    assert (plateau.share, plateau.share_near) == (5 / 30, 6 / 30)


def test_each_picture_is_judged_by_what_is_best_for_the_others() -> None:
    """Two pictures that want opposite thresholds: chosen on one, the settings fail on the other."""
    grid = Grid((64,), (0,), (0.4,), (0.3, 0.6))
    search = searched([[[0, 3]]], [[[5, 0]]], grid=grid)
    assert search.best.errors == 3
    assert search.held_out == Trial(search.best.choice, missed=3 + 5, false=0)


def test_a_single_picture_cannot_be_held_out() -> None:
    assert searched(np.zeros(GRID.shape, np.int64)).held_out is None


def test_without_pictures_there_is_nothing_to_search() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Search(GRID, [])


def test_what_a_picture_costs() -> None:
    assert Choice(640, 128, 0.4, 0.5).pixels == 640 * 640 + 128 * 128
