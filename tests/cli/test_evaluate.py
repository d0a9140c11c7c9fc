"""``vultus evaluate``, on the dummy engine."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from vultus.cli.app import app

pytestmark = pytest.mark.unit

Run = Callable[..., Result]
MakePicture = Callable[..., Path]

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("name", ["lfw", "widerface", "detection", "attributes", "drift"])
def test_help_names_exit_codes_and_fits_a_narrow_terminal(name: str) -> None:
    output = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(app, ["evaluate", name, "--help"]).output
    assert "the verdict of drift is fail" in " ".join(output.replace("│", " ").split())
    assert max(len(line) for line in output.splitlines()) <= 80
    assert "…" not in output


# Two people, two pictures each; the stand-in's embedding goes by the crop's colours.
COLORS = {"Ann": (220, 40, 30), "Bob": (30, 60, 210)}


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """A folder in LFW's form: three folds of a pair of one person and a pair of two."""
    folder = tmp_path / "lfw"
    random = np.random.default_rng(0)
    for name, color in COLORS.items():
        (folder / name).mkdir(parents=True)
        for number in (1, 2):
            noise = random.integers(-30, 30, (112, 112, 3))
            pixels = np.clip(np.array(color) + noise + 8 * number, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{name}_000{number}.jpg", quality=95)
    lines = ["3 1", "Ann 1 2", "Ann 1 Bob 1", "Bob 1 2", "Ann 2 Bob 2", "Ann 2 1", "Ann 1 Bob 2"]
    (folder / "pairs.txt").write_text("\n".join(lines))
    return folder


def test_lfw(run: Run, crops: Path, tmp_path: Path) -> None:
    result = run("evaluate", "lfw", crops, "--out", tmp_path / "a.json", "--plot", tmp_path / "a.png")
    assert result.exit_code == 0, result.output
    assert "100.00 %" in result.stdout
    record = json.loads((tmp_path / "a.json").read_bytes())
    assert record["accuracies"] == [1, 1, 1]
    assert (record["evaluation"], record["setup"]["runtime"]) == ("lfw", "dummy")
    assert record["similarity"] is None  # the pairs are told apart without error: there is nothing to fit
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)


def test_lfw_as_json_of_the_first_folds(run: Run, crops: Path) -> None:
    record = json.loads(run("evaluate", "lfw", crops, "--json", "--folds", 2).stdout)
    assert (len(record["accuracies"]), record["impostor_pairs"]) == (2, 2)


def test_lfw_cannot_fit_what_is_told_apart_without_error(run: Run, crops: Path, tmp_path: Path) -> None:
    result = run("evaluate", "lfw", crops, "--fit", tmp_path / "fit.toml")
    assert result.exit_code == 2
    assert "no steepness fits" in result.stderr
    assert not (tmp_path / "fit.toml").exists()


def test_lfw_writes_what_a_catalogue_states(run: Run, crops: Path, tmp_path: Path) -> None:
    # Swapped labels in one fold: now no distance tells all pairs apart.
    lines = ["3 1", "Ann 1 2", "Ann 1 Bob 1", "Bob 1 2", "Ann 2 Bob 2", "Ann 2 1", "Ann 1 Bob 2"]
    (crops / "Cid").mkdir()
    (crops / "Cid" / "Cid_0001.jpg").write_bytes((crops / "Ann" / "Ann_0001.jpg").read_bytes())
    lines[6] = "Ann 1 Cid 1"
    other = tmp_path / "other.txt"
    other.write_text("\n".join(lines))
    result = run("evaluate", "lfw", crops, "--pairs", other, "--fit", tmp_path / "fit.toml", "--fit-rate", 0.25)
    assert result.exit_code == 0, result.output
    (stated,) = tomllib.loads((tmp_path / "fit.toml").read_text())["models"].values()
    assert stated["threshold"]["false_match_rate"] == 0.25
    assert 0 < stated["similarity_coefficients"][0] < 2


def test_lfw_of_whole_photographs(run: Run, tmp_path: Path, make_picture: MakePicture) -> None:
    lines = ["2 1", "Ann 1 2", "Ann 1 Bob 1", "Ann 1 2", "Ann 2 Bob 1"]
    for name, cells in (("Ann_0001", [(3, 2)]), ("Ann_0002", [(3, 2)]), ("Bob_0001", [])):
        path = make_picture(f"set/{name[:3]}/{name}.png", cells)
        path.rename(path.with_suffix(".jpg"))
    (tmp_path / "set" / "pairs.txt").write_text("\n".join(lines))
    record = json.loads(run("evaluate", "lfw", tmp_path / "set", "--detect", "--json").stdout)
    assert record["faceless"] == ["Bob/Bob_0001.jpg"]
    assert record["accuracies"] == [1, 1]
    refused = run("evaluate", "lfw", tmp_path / "set")
    assert refused.exit_code == 2
    assert "112x112" in refused.stderr


@pytest.fixture
def parade(make_picture: MakePicture, tmp_path: Path) -> Path:
    """Two pictures; of the first's two faces one is marked, of the second's none is found."""
    make_picture("wider/0--Parade/a.png", [(3, 2), (10, 10)])
    make_picture("wider/0--Parade/b.png", [])
    lines = ["0--Parade/a.png", "1", "96 64 32 32 0 0 0 0 0 0", "0--Parade/b.png", "1", "0 0 32 32 0 0 0 0 0 0"]
    (tmp_path / "truth.txt").write_text("\n".join(lines))
    return tmp_path / "wider"


def test_widerface(run: Run, parade: Path, tmp_path: Path) -> None:
    result = run("evaluate", "widerface", parade, tmp_path / "truth.txt", "--json", "--plot", tmp_path / "a.png")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    # One of two faces is found, beside a box on nothing that has the same score.
    assert record["levels"]["all"]["average_precision"] == pytest.approx(0.25)
    assert record["setup"]["threshold"] == 0.02
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)


def test_widerface_goes_on_past_a_picture_that_is_not_there(run: Run, parade: Path, tmp_path: Path) -> None:
    (parade / "0--Parade" / "b.png").unlink()
    result = run("evaluate", "widerface", parade, tmp_path / "truth.txt")
    assert result.exit_code == 1
    assert "b.png" in result.stderr
    assert "25.00 %" in result.stdout


def test_detection(run: Run, parade: Path, tmp_path: Path) -> None:
    (tmp_path / "boxes.csv").write_text("path,x1,y1,x2,y2\n0--Parade/a.png,96,64,128,96\n0--Parade/b.png,0,0,9,9\n")
    result = run("evaluate", "detection", parade, "--truth", tmp_path / "boxes.csv", "--plot", tmp_path / "a.png")
    assert result.exit_code == 0, result.output
    rows = dict(line.rsplit(maxsplit=1) for line in result.stdout.splitlines() if "missed" in line or "errors" in line)
    found = {name.strip(): value for name, value in rows.items()}
    assert (found["missed noses"], found["missed boxes"], found["errors (CompreFace)"]) == ("1", "1", "2")
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)


def test_detection_tells_json_of_every_picture(run: Run, parade: Path, tmp_path: Path) -> None:
    (tmp_path / "noses.csv").write_text("path,x,y\n0--Parade/a.png,112,80\n0--Parade/none.png,,\n")
    result = run("evaluate", "detection", parade, "--truth", tmp_path / "noses.csv", "--json")
    assert result.exit_code == 1  # one of the pictures is not there
    record = json.loads(result.stdout)
    assert (record["by"], record["recall"], record["precision"]) == ("noses", 1, 0.5)
    assert record["unusable_pictures"] == 1
    assert [picture["boxes"] for picture in record["pictures"]] == [2, 0]
    assert json.loads(result.stderr)["error"]["code"] == "picture_unreachable"


def test_ground_truth_of_no_known_form_is_wrong_usage(run: Run, parade: Path) -> None:
    result = run("evaluate", "detection", parade, "--truth", "faces.xml", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stderr)["error"]["code"] == "ground_truth_invalid"


def test_attributes(run: Run, tmp_path: Path, make_picture: MakePicture) -> None:
    """The stand-in takes bright faces for masked; the crop of a face in a black picture is not that bright."""
    make_picture("set/with_mask/a.png", [(3, 2)])
    make_picture("set/without_mask/b.png", [(3, 2)])
    make_picture("set/without_mask/c.png", [])
    result = run(
        *("evaluate", "attributes", tmp_path / "set", "--truth", "folders", "--attributes", "mask_detector"),
        *("--out", tmp_path / "a.json", "--plot", tmp_path / "a.png"),
    )
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "a.json").read_bytes())
    assert (record["pictures"], record["faceless"]) == (3, 1)
    assert record["confusion"]["mask"]["accuracy"] == 0.5  # both look alike, and one of them is right
    assert record["setup"]["attributes"] == {"mask": "mask_detector"}
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)


def test_attributes_leave_out_the_young_and_what_cannot_be_used(
    run: Run, tmp_path: Path, make_picture: MakePicture
) -> None:
    make_picture("set/30_0_0_1.png", [(3, 2)])
    make_picture("set/5_1_0_1.png", [(3, 2)])
    (tmp_path / "set" / "60_1_0_1.png").write_bytes(b"no picture")
    call = ("evaluate", "attributes", tmp_path / "set", "--truth", "utkface", "--attributes", "genderage_v1", "--json")
    result = run(*call, "--min-age", 18)
    assert result.exit_code == 1
    record = json.loads(result.stdout)
    assert (record["pictures"], record["unusable_pictures"]) == (1, 1)
    assert [decade["start"] for decade in record["age"]["decades"]] == [30]
    assert run(*call, "--min-age", 90).exit_code == 2


def test_attributes_that_no_network_tells(run: Run, tmp_path: Path, make_picture: MakePicture) -> None:
    make_picture("set/real/a.png", [(3, 2)])
    result = run("evaluate", "attributes", tmp_path / "set", "--truth", "folders")
    assert result.exit_code == 2
    assert "liveness" in result.stderr


def test_drift_of_a_runtime_from_itself_is_none(run: Run, one: Path, two: Path, tmp_path: Path) -> None:
    result = run("evaluate", "drift", one, two, "--against", "dummy", "--plot", tmp_path / "a.png", "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert (record["verdict"], record["paired"], record["similarity_change"]) == ("pass", 3, 0)
    assert record["cosine"]["least"] == pytest.approx(1)
    assert record["setup"]["against"]["runtime"] == "dummy"
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)


def test_drift_that_exceeds_a_limit_is_exit_code_1(run: Run, one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import vultus.evaluate.drift as module

    monkeypatch.setattr(module, "cosines", lambda first, second: np.full(len(first), 0.5))
    result = run("evaluate", "drift", one, "--against", "dummy")
    assert result.exit_code == 1
    assert "verdict: fail: least cosine 0.5" in result.stdout


def test_drift_of_crops(run: Run, crops: Path) -> None:
    result = run("evaluate", "drift", crops, "--recursive", "--crops", "--against", "dummy/f32", "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert (record["paired"], record["iou"]["least"]) == (4, None)


def test_drift_without_a_face_is_no_pass(run: Run, none: Path) -> None:
    assert run("evaluate", "drift", none, "--against", "dummy").exit_code == 2


def test_drift_leaves_out_what_cannot_be_used(run: Run, one: Path, broken: Path) -> None:
    result = run("evaluate", "drift", one, broken, "--against", "dummy")
    assert result.exit_code == 1
    assert "broken.png" in result.stderr
    assert "verdict: pass" in result.stdout
    assert run("evaluate", "drift", "none.jpg", "--against", "dummy").exit_code == 1


@pytest.mark.parametrize("against", ["tensorrt", "onnx/f64"])
def test_drift_from_what_there_is_not(run: Run, one: Path, against: str) -> None:
    result = run("evaluate", "drift", one, "--against", against, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stderr)["error"]["code"] == "settings_invalid"


@pytest.mark.parametrize(("option", "name"), [("--out", "a.txt"), ("--plot", "a.jpg"), ("--fit", "a.json")])
def test_outputs_are_checked_before_the_work(run: Run, crops: Path, option: str, name: str) -> None:
    result = run("evaluate", "lfw", crops, option, name, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stderr)["error"]["code"] == "output_unwritable"


def test_a_plot_without_its_library_names_the_extra(run: Run, crops: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("evaluate", "lfw", crops, "--plot", "a.png")
    assert result.exit_code == 3
    assert "vultus[evaluate]" in result.stderr
    assert run("evaluate", "lfw", crops).exit_code == 0
