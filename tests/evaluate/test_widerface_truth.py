"""The two forms of WIDER FACE's ground truth, written as they are published."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat  # type: ignore[import-untyped]

from vultus.errors import ExtraMissing, GroundTruthError
from vultus.evaluate.widerface_truth import read_widerface

pytestmark = pytest.mark.unit

TEXT = """0--Parade/a.jpg
2
449 330 122 149 0 0 0 0 0 0
10 20 5 6 2 0 0 1 2 0
0--Parade/b.jpg
0
0 0 0 0 0 0 0 0 0 0
1--Handshaking/c.jpg
1
3 4 0 7 0 0 0 0 0 0
"""


def column(*items: Any) -> Any:
    """A cell array of one column, as MATLAB has it."""
    cells = np.empty((len(items), 1), object)
    for row, item in enumerate(items):
        cells[row, 0] = item
    return cells


@pytest.fixture
def matrices(tmp_path: Path) -> Path:
    """Two events: the first with two pictures (two faces and none), the second with one face."""
    faces = {
        "event_list": column("0--Parade", "1--Handshaking"),
        "file_list": column(column("a", "b"), column("c")),
        "face_bbx_list": column(
            column(np.array([[449.0, 330, 122, 149], [10, 20, 5, 6]]), np.zeros((0, 4))),
            column(np.array([[3.0, 4, 20, 7]])),
        ),
    }
    savemat(tmp_path / "wider_face_val.mat", faces)
    none = np.zeros((0, 1))
    kept = {
        "easy": column(column(np.array([[1.0]]), none), column(none)),
        "medium": column(column(np.array([[1.0]]), none), column(np.array([[1.0]]))),
        "hard": column(column(np.array([[1.0], [2.0]]), none), column(np.array([[1.0]]))),
    }
    for level, lists in kept.items():
        savemat(tmp_path / f"wider_{level}_val.mat", {"gt_list": lists, "file_list": faces["file_list"]})
    return tmp_path


def test_matrices(matrices: Path) -> None:
    first, second, third = read_widerface(matrices)
    assert [picture.path for picture in (first, second, third)] == [
        "0--Parade/a.jpg",
        "0--Parade/b.jpg",
        "1--Handshaking/c.jpg",
    ]
    assert first.boxes.tolist() == [[449, 330, 571, 479], [10, 20, 15, 26]]
    assert second.boxes.shape == (0, 4)
    assert {level: kept.tolist() for level, kept in first.counted.items()} == {
        "easy": [True, False],
        "medium": [True, False],
        "hard": [True, True],
    }
    assert {level: kept.tolist() for level, kept in third.counted.items()} == {
        "easy": [False],
        "medium": [True],
        "hard": [True],
    }


def test_a_missing_matrix_is_named(matrices: Path) -> None:
    (matrices / "wider_hard_val.mat").unlink()
    with pytest.raises(GroundTruthError, match=r"wider_hard_val\.mat cannot be read"):
        read_widerface(matrices)


def test_what_is_no_matrix_is_refused(matrices: Path) -> None:
    (matrices / "wider_hard_val.mat").write_bytes(b"no matrix at all" * 20)
    with pytest.raises(GroundTruthError, match="no MATLAB file"):
        read_widerface(matrices)


def test_a_matrix_of_other_names_is_refused(matrices: Path) -> None:
    savemat(matrices / "wider_face_val.mat", {"something": np.zeros(3)})
    with pytest.raises(GroundTruthError, match="not laid out"):
        read_widerface(matrices)


def test_without_the_library_the_extra_is_named(matrices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(ExtraMissing, match=r"vultus\[evaluate\]"):
        read_widerface(matrices)


def test_text(tmp_path: Path) -> None:
    path = tmp_path / "wider_face_val_bbx_gt.txt"
    path.write_text(TEXT)
    first, second, third = read_widerface(path)
    assert first.path == "0--Parade/a.jpg"
    assert first.boxes.tolist() == [[449, 330, 571, 479], [10, 20, 15, 26]]
    assert first.counted["all"].tolist() == [True, False]  # the second is marked invalid
    assert second.boxes.shape == (0, 4)
    assert third.counted["all"].tolist() == [False]  # it has no width


@pytest.mark.parametrize(
    "text", ["", "a.jpg\n", "a.jpg\n2\n1 2 3 4 0 0 0 0 0 0\n", "a.jpg\none\n", "a.jpg\n1\n1 2 3\n"]
)
def test_text_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "truth.txt"
    path.write_text(text)
    with pytest.raises(GroundTruthError, match="truth"):
        read_widerface(path)
