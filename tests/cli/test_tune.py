"""``vultus tune``, on the dummy engine: a face is a bright cell, its score the cell's brightness."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

from vultus.cli.tune import environment, parse_values, warnings
from vultus.errors import SettingsError
from vultus.evaluate.tune import Choice, Grid, Search, Trial

pytestmark = pytest.mark.unit

Run = Callable[..., Result]
QUICK = ("--canvases", "640", "--second-canvases", "0", "--nms-thresholds", "0.3,0.5")


@pytest.fixture
def folder(make_picture: Callable[..., Path], tmp_path: Path) -> Path:
    """Two photographs: a bright face and, in each, a dim spot that is none."""
    for name, cell in (("a.png", (3, 2)), ("b.png", (5, 7))):
        make_picture(f"photos/{name}", [cell])
    make_picture("photos/c.png", [(9, 9)], value=220)
    return tmp_path / "photos"


@pytest.fixture
def truth(folder: Path) -> Path:
    """Marks the bright faces; the dim one of ``c.png`` (score 220 / 255 = 0.86) is none."""
    marks = {"a.png": [[112, 80]], "b.png": [[176, 240]], "c.png": []}
    items = [{"image": name, "noses": noses, "include": True} for name, noses in marks.items()]
    path = folder / "annotations.json"
    path.write_text(json.dumps({"noses_xy": items}), encoding="utf-8")
    return path


def record(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_the_best_threshold_is_between_faces_and_what_is_none(run: Run, folder: Path, truth: Path) -> None:
    told = record(run("tune", folder, "--truth", truth, *QUICK, "--thresholds", "0.5:0.95:0.05", "--json"))
    assert (told["photographs"], told["faces"], told["combinations"]) == (3, 2, 30)
    assert told["in_use"] == {
        "canvas": 640,
        "second_canvas": 0,
        "nms_threshold": 0.4,
        "threshold": 0.5,
        "missed": 0,
        "false": 1,
        "errors": 1,
    }
    assert 0.86 < told["best"]["threshold"] < 1
    assert told["best"]["errors"] == 0
    assert told["best_run_anew"] == told["best"]
    assert told["plateau"]["thresholds"] == [0.9, 0.95]
    # On the others alone, c.png's false face or a threshold below it costs nothing.
    assert told["held_out"]["errors"] == told["held_out"]["missed"] + told["held_out"]["false"]
    assert [row["errors"] for row in told["table"]] == sorted(row["errors"] for row in told["table"])
    assert told["environment"]["VULTUS_THRESHOLD"] == f"{told['best']['threshold']:g}"
    assert told["environment"].keys() == {
        *("VULTUS_CANVAS", "VULTUS_SECOND_CANVAS", "VULTUS_NMS_THRESHOLD", "VULTUS_THRESHOLD")
    }


def test_what_is_shown_ends_with_the_line_for_the_environment(run: Run, folder: Path, truth: Path) -> None:
    result = run("tune", folder, "--truth", truth, *QUICK, "--thresholds", "0.5,0.7,0.9")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "scrfd_500m_bnkps: 3 photographs, 2 faces, 9 combinations of settings"
    assert lines[2].split() == ["canvas", "second", "NMS", "threshold", "no", "worse", "missed", "false", "errors"]
    assert lines[3].split() == ["640", "-", "0.3", "0.9", "0.9", "to", "0.9", "0", "0", "0"]
    assert "in use: canvas 640, threshold 0.5, NMS 0.4: 0 missed, 1 false" in lines
    assert lines[-1] == "VULTUS_CANVAS=640 VULTUS_SECOND_CANVAS=0 VULTUS_NMS_THRESHOLD=0.4 VULTUS_THRESHOLD=0.9"
    assert "few faces are marked (2)" in result.stderr


def test_an_errorless_setting_in_use_is_called_good_enough(run: Run, folder: Path, truth: Path) -> None:
    result = run("tune", folder, "--truth", truth, *QUICK, "--thresholds", "0.8,0.9", "--threshold", "0.9")
    assert "the settings in use make no more errors" in result.stdout


def test_boxes_are_a_truth_as_well(run: Run, folder: Path, tmp_path: Path) -> None:
    marks = {"a.png": [[96, 64, 128, 96]], "b.png": [[160, 224, 192, 256]], "c.png": []}
    (tmp_path / "boxes.json").write_text(json.dumps(marks), encoding="utf-8")
    told = record(run("tune", folder, "--truth", tmp_path / "boxes.json", *QUICK, "--thresholds", "0.9", "--json"))
    assert (told["best"]["missed"], told["best"]["false"]) == (0, 0)


def test_a_plot_is_drawn(run: Run, folder: Path, truth: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = run("tune", folder, "--truth", truth, *QUICK, "--thresholds", "0.5,0.9", "--plot", tmp_path / "out.png")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--plot", "out.txt"), "must end in .png"),
        (("--canvases", "100"), "canvas"),
        (("--thresholds", "0.5:1.5:0.5"), "threshold"),
        (("--nms-thresholds", "some"), "write the values to try like"),
        (("--thresholds", "0.1:0.5"), "write the values to try like"),
        (("--thresholds", "0.1:0.5:0"), "write the values to try like"),
    ],
)
def test_wrong_usage(run: Run, folder: Path, truth: Path, options: tuple[str, ...], said: str) -> None:
    result = run("tune", folder, "--truth", truth, *options)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_truth_that_is_none(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text("[]", encoding="utf-8")
    result = run("tune", folder, "--truth", tmp_path / "truth.json")
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_picture_that_cannot_be_read(run: Run, folder: Path, truth: Path) -> None:
    (folder / "b.png").write_bytes(b"no picture")
    result = run("tune", folder, "--truth", truth, *QUICK)
    assert result.exit_code == 1


def test_values_are_a_list_or_a_range_and_hold_the_one_in_use() -> None:
    assert parse_values("threshold", "0.7, 0.3", 0.5) == (0.3, 0.5, 0.7)
    assert parse_values("canvas", "320:960:320", 640) == (320, 640, 960)
    with pytest.raises(SettingsError, match="second_canvas"):
        parse_values("second_canvas", "-32", 0)


def searched(*errors: list[int]) -> Search:
    """A search over two thresholds; errors of each photograph, all of them missed faces."""
    grid = Grid((640,), (0,), (0.4,), (0.3, 0.6))
    counts = [np.array([row, [0, 0]]).reshape(2, 1, 1, 2) for row in errors]
    return Search(grid, counts)


def test_settings_that_only_fit_these_photographs_are_warned_about() -> None:
    search = searched([0, 3], [5, 0], [0, 3], [5, 0])
    assert search.held_out is not None
    [warning] = warnings(search, search.best, 1000, has_one_size=False)
    assert f"{search.held_out.errors} errors where each photograph" in warning


def test_a_run_that_disagrees_with_the_count_is_told() -> None:
    search = searched([0, 0], [0, 0])
    [warning] = warnings(search, Trial(search.best.choice, 0, 2), 1000, has_one_size=False)
    assert warning == "run anew with the best settings, 0 missed, 2 false were counted, not 0 missed, 0 false"


def test_a_detector_of_one_size_and_few_faces_are_warned_about() -> None:
    search = searched([0, 0], [0, 0])
    one_size, few = warnings(search, search.best, 60, has_one_size=True)
    assert "one input size" in one_size
    assert "up to 5% of other faces" in few  # the rule of three: 3 / 60
    assert list(warnings(search, search.best, 300, has_one_size=False)) == []


def test_settings_as_variables() -> None:
    assert environment(Choice(640, 128, 0.4, 0.58)) == {
        "VULTUS_CANVAS": "640",
        "VULTUS_SECOND_CANVAS": "128",
        "VULTUS_NMS_THRESHOLD": "0.4",
        "VULTUS_THRESHOLD": "0.58",
    }
