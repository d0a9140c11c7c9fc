"""``vultus compare``, on the dummy engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

pytestmark = pytest.mark.unit

Run = Callable[..., Result]
MakePicture = Callable[..., Path]

CATALOGUE = """
[models.stated]
task = "embedding"
family = "arcface"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
size = 1
licence = "MIT"
commercial_use = true
source_project = "https://example.org/stated"
input = { width = 112, height = 112, mean = [127.5, 127.5, 127.5], std = [127.5, 127.5, 127.5] }
crop = { kind = "template", size = 112 }
embedding_size = 512
threshold = { cosine = 0.99, false_match_rate = 0.001, measured_on = "nothing" }
sources = [{ url = "https://example.org/stated.onnx" }]
"""


@pytest.fixture
def other(make_picture: MakePicture) -> Path:
    """A picture whose only face looks unlike a white square: two halves of the square are dark."""
    path = make_picture("other.png", [])
    pixels = np.zeros((480, 640, 3), np.uint8)
    pixels[74:86, 96:128] = (255, 230, 130)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An embedder called ``stated`` with a decision threshold of 0.99, in use."""
    path = tmp_path / "mine.toml"
    path.write_text(CATALOGUE, encoding="utf-8")
    monkeypatch.setenv("VULTUS_MODELS", str(path))
    monkeypatch.setenv("VULTUS_EMBEDDER", "stated")


def embedding(run: Run, path: Path) -> Any:
    [record] = [json.loads(line) for line in run("embed", "--json", "--max-faces", 1, path).stdout.splitlines()]
    return np.array(record["faces"][0]["embedding"])


def test_a_picture_matches_itself(run: Run, catalogue: None, one: Path) -> None:
    result = run("compare", one, one)
    assert result.exit_code == 0, result.output
    assert result.stdout == ("the same person: similarity 1.0000, threshold 0.9900 (false-match rate 0.001)\n")


def test_different_faces_are_exit_code_1(run: Run, catalogue: None, one: Path, other: Path) -> None:
    result = run("compare", one, other)
    assert result.exit_code == 1, result.output
    assert "different persons" in result.stdout


def test_json_tells_similarity_threshold_and_its_error_rate(run: Run, catalogue: None, one: Path, other: Path) -> None:
    result = run("compare", "--json", one, other)
    verdict = json.loads(result.stdout)
    assert verdict["similarity"] == pytest.approx(float(embedding(run, one) @ embedding(run, other)), abs=1e-5)
    assert (verdict["threshold"], verdict["false_match_rate"], verdict["model"]) == (0.99, 0.001, "stated")
    assert verdict["match"] is False
    assert [face["path"] for face in verdict["faces"]] == [str(one), str(other)]
    assert verdict["faces"][0]["box"] == [96, 64, 128, 96]


def test_a_threshold_may_be_given_and_then_has_no_known_error_rate(
    run: Run, catalogue: None, one: Path, other: Path
) -> None:
    result = run("compare", "--json", "--threshold", -1, one, other)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["match"] is True
    assert json.loads(result.stdout)["false_match_rate"] is None


def test_an_embedder_without_a_stated_threshold_needs_one(run: Run, catalogue: None, one: Path, tmp_path: Path) -> None:
    silent = "".join(line for line in CATALOGUE.splitlines(keepends=True) if not line.startswith("threshold"))
    (tmp_path / "mine.toml").write_text(silent, encoding="utf-8")
    result = run("compare", one, one)
    assert result.exit_code == 2
    assert "--threshold" in result.stderr
    assert run("compare", "--threshold", 0.3, one, one).exit_code == 0


def test_the_largest_faces_are_compared(run: Run, catalogue: None, make_picture: MakePicture, one: Path) -> None:
    crowd = make_picture("crowd.png", [(3, 2), (10, 10), (15, 3)])
    result = run("compare", "--json", crowd, one)
    assert json.loads(result.stdout)["similarity"] == pytest.approx(1, abs=1e-5)


def test_a_picture_without_a_face_is_trouble_not_a_difference(run: Run, catalogue: None, one: Path, none: Path) -> None:
    result = run("compare", one, none)
    assert result.exit_code == 2
    assert result.stderr == f"error: {none}: there is no face in this picture (no_face_found)\n"


def test_both_pictures_are_complained_about(run: Run, catalogue: None, broken: Path, none: Path) -> None:
    result = run("compare", "--json", broken, none)
    assert result.exit_code == 2
    records = [json.loads(line) for line in result.stderr.splitlines()]
    assert [(record["path"], record["error"]["code"]) for record in records] == [
        (str(broken), "picture_corrupt"),
        (str(none), "no_face_found"),
    ]
    assert result.stdout == ""


def test_a_missing_file_is_told_without_an_engine(run: Run, one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_RUNTIME", "onnx")
    result = run("compare", one, "missing.jpg")
    assert result.exit_code == 2
    assert result.stderr == "error: missing.jpg: there is no such file or folder (picture_unreachable)\n"


def test_one_of_the_two_may_come_from_standard_input(run: Run, catalogue: None, one: Path) -> None:
    assert run("compare", "-", one, stdin=one.read_bytes()).exit_code == 0
    assert run("compare", "-", "-", stdin=one.read_bytes()).exit_code == 2


def test_folders_cannot_be_compared(run: Run, catalogue: None, one: Path, album: Path) -> None:
    assert run("compare", one, album).exit_code == 2


def test_both_are_drawn_side_by_side(run: Run, catalogue: None, one: Path, other: Path, tmp_path: Path) -> None:
    result = run("compare", "--draw", tmp_path / "pair.png", one, other)
    assert result.exit_code == 1
    with Image.open(tmp_path / "pair.png") as pair:
        assert pair.width > 2 * 640
        assert pair.height == 480
        halves = np.asarray(pair.convert("RGB")).astype(int)
    for path, half in ((one, halves[:, :640]), (other, halves[:, -640:])):
        with Image.open(path) as original:
            changed = np.abs(half - np.asarray(original)).max(axis=2) > 60
        assert changed[60:100, 92:132].any()
        assert not changed[200:400].any()


def test_a_drawing_over_one_of_the_pictures_is_refused(run: Run, catalogue: None, one: Path, other: Path) -> None:
    before = other.read_bytes()
    assert run("compare", "--draw", other, one, other).exit_code == 2
    assert other.read_bytes() == before
