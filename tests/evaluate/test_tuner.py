"""What is counted out is what the detector does when it is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.stubs import stub

from vultus import FaceEngine
from vultus.errors import PictureError
from vultus.evaluate.noses import Photograph, read
from vultus.evaluate.tune import Grid, Search
from vultus.evaluate.tuner import Tuner, judge_of
from vultus.imaging.source import Source
from vultus.settings import Settings, load_settings
from vultus.types import Analysis, CanvasRule, Plan, Profile

GRID = Grid((320, 640), (0, 128), (0.3, 0.5), (0.3, 0.5, 0.7))


def points(*rows: tuple[float, float]) -> Photograph:
    return Photograph(Path("a.png"), np.array(rows, np.float32).reshape(-1, 2))


@pytest.fixture
def settings() -> Settings:
    return Settings(runtime="dummy", offline=True, streams=2)


@pytest.fixture
def photographs(tmp_path: Path, squares: Callable[..., bytes]) -> list[Photograph]:
    """Two pictures of the dummy's faces: one marked rightly, one with a nose where no face is."""
    for name, cells in (("a.png", [(1, 1), (8, 8)]), ("b.png", [(2, 3)])):
        (tmp_path / name).write_bytes(squares(*cells))
    right = np.array([[48, 48], [272, 272]], np.float32)
    wrong = np.array([[600, 600]], np.float32)
    return [Photograph(tmp_path / "a.png", right), Photograph(tmp_path / "b.png", wrong)]


@pytest.mark.unit
def test_noses_are_judged_as_compreface_does() -> None:
    judge = judge_of(points((5, 5), (50, 50)), by_boxes=False)
    boxes = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32)
    assert judge(boxes) == (1, 1)
    assert judge(boxes[:0]) == (2, 0)


@pytest.mark.unit
def test_boxes_are_judged_by_overlap_each_face_once() -> None:
    marked = np.array([[0, 0, 10, 10], [40, 40, 60, 60]], np.float32)
    photograph = Photograph(Path("a.png"), np.array([[5, 5], [50, 50]], np.float32), marked)
    found = np.array([[0, 0, 10, 9], [0, 0, 10, 10], [45, 45, 55, 55]], np.float32)
    # The third lies inside of a face, on its nose, but covers a quarter of it.
    assert judge_of(photograph, by_boxes=True)(found) == (1, 2)
    assert judge_of(photograph, by_boxes=False)(found) == (0, 1)


@pytest.mark.unit
def test_a_search_of_made_up_faces(settings: Settings, photographs: list[Photograph]) -> None:
    with Tuner(settings, GRID) as tuner:
        search = Search(tuner.grid, tuner.counts(photographs))
        assert (tuner.detector, tuner.has_one_size) == ("scrfd_500m_bnkps", False)
        for place in np.ndindex(GRID.shape):
            choice = GRID.choice(place)
            assert tuner.run(choice, photographs) == search.trial(choice)
    at_640 = search.trial(GRID.choice((GRID.inputs.index((640, 0)), 0, 0)))
    assert (at_640.missed, at_640.false) == (1, 1)


@pytest.mark.unit
def test_pictures_are_laid_on_canvases_as_the_settings_say(
    settings: Settings, photographs: list[Photograph], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[CanvasRule | None] = set()
    analyze = FaceEngine.analyze

    def watch(engine: FaceEngine, source: Source, plan: Plan, profile: Profile) -> Analysis:
        seen.update((profile.canvas, profile.second_canvas))
        return analyze(engine, source, plan, profile)

    monkeypatch.setattr(FaceEngine, "analyze", watch)
    for shape in ("picture", "square"):
        seen.clear()
        with Tuner(settings.model_copy(update={"aspect": shape}), GRID) as tuner:
            tuner.run(GRID.choice((GRID.inputs.index((640, 128)), 0, 0)), photographs)
        assert seen == {CanvasRule(640, 640, shape=shape), CanvasRule(128, 128, shape="square")}


@pytest.mark.unit
def test_no_more_faces_count_than_the_settings_allow(settings: Settings, photographs: list[Photograph]) -> None:
    few = settings.model_copy(update={"max_picture_faces": 1})
    grid = Grid((640,), (0,), (0.4,), (0.5,))
    with Tuner(few, grid) as tuner:
        search = Search(tuner.grid, tuner.counts(photographs[:1]))
        assert (search.best.missed, search.best.false) == (1, 0)
        assert tuner.run(search.best.choice, photographs[:1]) == search.best


@pytest.mark.unit
def test_a_picture_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    gone = Photograph(tmp_path / "gone.png", np.zeros((1, 2), np.float32))
    with Tuner(settings, GRID) as tuner, pytest.raises(PictureError, match=r"gone\.png"):
        list(tuner.counts([gone]))


@pytest.mark.unit
def test_a_detector_of_one_size_is_tried_at_that_alone(tmp_path: Path) -> None:
    catalogue = tmp_path / "own.toml"
    one_size = stub("fixed", "detection", "scrfd", input="{ width = 320, height = 320 }", resizable="false")
    catalogue.write_text(one_size, encoding="utf-8")
    settings = load_settings(runtime="dummy", offline=True, models=[catalogue], detector="fixed")
    with Tuner(settings, GRID) as tuner:
        assert tuner.has_one_size
        assert tuner.grid.inputs == [(640, 0)]
        assert tuner.grid.thresholds == GRID.thresholds


@pytest.mark.integration
def test_counts_are_those_of_real_runs(shared_models: Path, shared_data: Path) -> None:
    """Real photographs of many faces: the grid against the engine, one combination at a time."""
    photographs = [found for found in read(shared_data / "compreface_samples") if len(found.noses) > 2]
    grid = Grid((320, 640), (0, 128), (0.2, 0.6), (0.15, 0.5))
    with Tuner(load_settings(model_path=[shared_models], offline=True), grid) as tuner:
        search = Search(tuner.grid, tuner.counts(photographs))
        for place in [(0, 0, 0), (1, 1, 0), (2, 1, 0), (3, 0, 1), (3, 1, 0)]:
            choice = grid.choice(place)
            assert tuner.run(choice, photographs) == search.trial(choice)
    assert search.best.errors == 0
    assert search.errors.max() > 0
