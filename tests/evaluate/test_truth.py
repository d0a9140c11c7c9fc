"""Every form that ground truth comes in."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from vultus.errors import GroundTruthError
from vultus.evaluate import noses
from vultus.evaluate.truth import ellipse_boxes, read_truth

pytestmark = pytest.mark.unit

MODULE = """
import attr

@attr.s(auto_attribs=True)
class Row:
    img_name: str
    noses: list
    include_to_tests: bool = True

SAMPLE_IMAGES = [
    Row('a.jpg', [(219, 105), (304, 251)]),
    Row('b.jpg', [(1, 2)], False),
    Row(img_name='c.jpg', noses=[], include_to_tests=True),
]
name_2_annotation = {r.img_name: r.noses for r in SAMPLE_IMAGES}
raise RuntimeError("a file of ground truth is never run")
"""


def write(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_annotations_of_compreface(tmp_path: Path) -> None:
    path = write(tmp_path, "truth.json", {"noses_xy": [{"image": "a.jpg", "noses": [[1, 2]], "include": True}]})
    (only,) = read_truth(path, tmp_path)
    assert (only.path, only.noses.tolist(), only.boxes) == (tmp_path / "a.jpg", [[1, 2]], None)


def test_module_of_compreface_is_parsed_and_not_run(tmp_path: Path) -> None:
    first, second = read_truth(write(tmp_path, "annotations.py", MODULE), tmp_path)
    assert (first.path, first.noses.tolist()) == (tmp_path / "a.jpg", [[219, 105], [304, 251]])
    assert (second.path, second.noses.shape) == (tmp_path / "c.jpg", (0, 2))


def test_boxes_by_file_name(tmp_path: Path) -> None:
    path = write(tmp_path, "boxes.json", {"a.jpg": [[0, 0, 10, 20]], "in/b.jpg": []})
    first, second = read_truth(path, tmp_path)
    assert first.boxes is not None
    assert (first.boxes.tolist(), first.noses.tolist()) == ([[0, 0, 10, 20]], [[5, 10]])
    assert second.path == tmp_path / "in" / "b.jpg"
    assert second.boxes is not None
    assert second.boxes.shape == (0, 4)


def test_coco(tmp_path: Path) -> None:
    content = {
        "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 9, "file_name": "b.jpg"}],
        "annotations": [
            {"image_id": 7, "bbox": [10, 20, 30, 40]},
            {"image_id": 7, "bbox": [0, 0, 99, 99], "iscrowd": 1},
        ],
    }
    first, second = read_truth(write(tmp_path, "coco.json", content), tmp_path)
    assert first.boxes is not None
    assert first.boxes.tolist() == [[10, 20, 40, 60]]
    assert len(second.noses) == 0


def test_boxes_in_a_table(tmp_path: Path) -> None:
    path = write(tmp_path, "boxes.csv", "path, x1, y1, x2, y2\na.jpg, 0, 0, 10, 10\nb.jpg\na.jpg,5,5,9,9\n")
    first, second = read_truth(path, tmp_path)
    assert first.boxes is not None
    assert first.boxes.tolist() == [[0, 0, 10, 10], [5, 5, 9, 9]]
    assert (second.path, len(second.noses)) == (tmp_path / "b.jpg", 0)


def test_noses_in_a_table(tmp_path: Path) -> None:
    first, second = read_truth(write(tmp_path, "noses.csv", "path,x,y\na.jpg,3,4\nb.jpg,,\n"), tmp_path)
    assert (first.noses.tolist(), first.boxes) == ([[3, 4]], None)
    assert len(second.noses) == 0


def test_ellipses_of_fddb(tmp_path: Path) -> None:
    lines = (
        "2002/08/11/big/img_591\n1\n123.583300 85.549500 1.265839 269.693400 161.781200  1\n2002/08/26/big/img_265\n0\n"
    )
    first, second = read_truth(write(tmp_path, "FDDB-fold-01-ellipseList.txt", lines), tmp_path)
    assert first.path == tmp_path / "2002/08/11/big/img_591.jpg"
    assert first.noses.tolist() == [[270, 162]]  # the rounded centre is what CompreFace's tool takes
    assert len(second.noses) == 0


@pytest.mark.parametrize("angle", [0.0, 0.4, math.pi / 2, 1.2658, -2.0])
def test_box_of_an_ellipse_is_that_of_the_points_on_it(angle: float) -> None:
    along = np.linspace(0, 2 * np.pi, 200_001)
    x = 100 + 30 * np.cos(along) * np.cos(angle) - 20 * np.sin(along) * np.sin(angle)
    y = 50 + 30 * np.cos(along) * np.sin(angle) + 20 * np.sin(along) * np.cos(angle)
    box = ellipse_boxes(np.array([[30, 20, angle, 100, 50]], np.float64))
    assert box[0].tolist() == pytest.approx([x.min(), y.min(), x.max(), y.max()], abs=1e-4)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("truth.json", "no json"),
        ("truth.json", [1, 2]),
        ("truth.json", {}),
        ("truth.json", {"a.jpg": [[1, 2, 3]]}),
        ("truth.json", {"images": [{"id": 1}], "annotations": []}),
        ("truth.json", {"noses_xy": [{"noses": []}]}),
        ("truth.py", "Row('a.jpg', [(1, 2)"),
        ("truth.py", "Row('a.jpg', where())"),
        ("truth.py", "x = 1"),
        ("truth.csv", "file,x,y\na.jpg,1,2\n"),
        ("truth.csv", "path,x,y\na.jpg,1,two\n"),
        ("truth.txt", "a\n1\n1 2 3\n"),
        ("truth.txt", "a\n2\n1 2 3 4 5 1\n"),
        ("truth.xml", "<faces/>"),
    ],
)
def test_what_is_of_no_known_form_is_refused_by_name(tmp_path: Path, name: str, content: object) -> None:
    with pytest.raises(GroundTruthError, match="truth"):
        read_truth(write(tmp_path, name, content), tmp_path)


def test_a_missing_file_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(GroundTruthError, match="nowhere"):
        read_truth(write(tmp_path, "a.json", {}), tmp_path / "nowhere")
    with pytest.raises(GroundTruthError, match="cannot be read"):
        read_truth(tmp_path / "none.json", tmp_path)


def test_read_truth_and_read_agree(tmp_path: Path) -> None:
    write(tmp_path, "annotations.json", {"noses_xy": [{"image": "a.jpg", "noses": [[1, 2]], "include": True}]})
    (one,), (other,) = noses.read(tmp_path), read_truth(tmp_path / "annotations.json", tmp_path)
    assert (one.path, one.noses.tolist()) == (other.path, other.noses.tolist())
