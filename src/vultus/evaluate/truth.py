"""What is marked in photographs, from the files people have it in."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vultus.errors import GroundTruthError
from vultus.evaluate.files import check_folder, read_json, read_rows, read_text
from vultus.evaluate.noses import Photograph, annotated
from vultus.types import FloatArray

FORMS = "CompreFace's annotations (.json, .py), boxes (.json, .csv), COCO (.json) or FDDB's ellipses (.txt)"


def read_truth(path: Path, folder: Path) -> list[Photograph]:
    """The photographs below ``folder`` that a file marks faces in, told by its name and content.

    * ``.json``: CompreFace's ``annotations.json``; COCO (``images`` and ``annotations`` with ``bbox`` x, y, width,
      height; what is a crowd is left out); or ``{"a.jpg": [[x1, y1, x2, y2], ...], ...}``.
    * ``.py``: CompreFace's module ``sample_images/annotations.py``; it is parsed, never run.
    * ``.csv``: columns ``path``, ``x1``, ``y1``, ``x2``, ``y2``, or ``path``, ``x``, ``y`` for noses; a line a face,
      and for a picture without one a line with nothing but its path.
    * ``.txt``: FDDB's ``...-ellipseList.txt``.

    Raises:
        GroundTruthError: The file cannot be read, or is of none of these forms.
    """
    check_folder(folder)
    match path.suffix.lower():
        case ".json":
            found = _read_json(path, folder)
        case ".py":
            found = _read_module(path, folder)
        case ".csv":
            found = _read_csv(path, folder)
        case ".txt":
            found = read_ellipses(path, folder)
        case _:
            raise GroundTruthError(f"{path}: its name does not tell what it is; there are: {FORMS}")
    if not found:
        raise GroundTruthError(f"{path} names no picture")
    return found


def boxed(path: Path, boxes: Sequence[Sequence[float]] | FloatArray) -> Photograph:
    """A photograph with boxes; their centres stand for the noses."""
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return Photograph(path, np.asarray((corners[:, :2] + corners[:, 2:]) / 2, np.float32), corners)


def _read_json(path: Path, folder: Path) -> list[Photograph]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise GroundTruthError(f"{path} holds no JSON object; there are: {FORMS}")
    if "noses_xy" in content:
        return annotated(content, folder, path)
    try:
        boxes = _coco(content) if {"images", "annotations"} <= content.keys() else content
        return [boxed(folder / name, corners) for name, corners in boxes.items()]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GroundTruthError(f"{path} is neither of CompreFace, nor COCO, nor boxes by file name") from error


def _coco(content: Mapping[str, Any]) -> dict[str, list[list[float]]]:
    names = {image["id"]: str(image["file_name"]) for image in content["images"]}
    boxes: dict[str, list[list[float]]] = {name: [] for name in names.values()}
    for face in content["annotations"]:
        if not face.get("iscrowd"):
            x, y, width, height = face["bbox"]
            boxes[names[face["image_id"]]].append([x, y, x + width, y + height])
    return boxes


def _read_module(path: Path, folder: Path) -> list[Photograph]:
    """Calls ``Row('a.jpg', [(x, y), ...], include)`` of a Python module, positional or by keyword."""
    try:
        tree = ast.parse(read_text(path))
    except SyntaxError as error:
        raise GroundTruthError(f"{path} is no Python module: {error}") from error
    rows = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Row"]
    try:
        items = [_row(call) for call in rows]
    except (ValueError, TypeError) as error:
        raise GroundTruthError(f"{path}: its rows are not of file names and nose points: {error}") from error
    return annotated({"noses_xy": items}, folder, path)


def _row(call: ast.Call) -> dict[str, object]:
    given = dict(zip(("image", "noses", "include"), map(ast.literal_eval, call.args), strict=False))
    names = {"img_name": "image", "include_to_tests": "include"}
    given |= {names.get(str(word.arg), str(word.arg)): ast.literal_eval(word.value) for word in call.keywords}
    return given


def _read_csv(path: Path, folder: Path) -> list[Photograph]:
    rows = read_rows(path)
    columns = ("x1", "y1", "x2", "y2") if rows and "x1" in rows[0] else ("x", "y")
    faces: dict[str, list[list[float]]] = {row["path"]: [] for row in rows}
    for number, row in enumerate(rows, 2):
        values = [row.get(column, "") for column in columns]
        try:
            if any(values):
                faces[row["path"]].append([float(value) for value in values])
        except ValueError as error:
            raise GroundTruthError(f"{path}, line {number}: {', '.join(columns)} must be numbers") from error
    if len(columns) == 4:
        return [boxed(folder / name, corners) for name, corners in faces.items()]
    return [Photograph(folder / name, np.array(at, np.float32).reshape(-1, 2)) for name, at in faces.items()]


def read_ellipses(path: Path, folder: Path) -> list[Photograph]:
    """FDDB's lists: a picture's path without suffix, the number of its faces, and an ellipse a line.

    An ellipse is major radius, minor radius, angle of the major axis to the horizontal (radians), centre x and y, 1.
    Its bounding box is the face's box, and its rounded centre the nose, as in CompreFace's *benchmark_detection*.

    Raises:
        GroundTruthError: The file cannot be read or is another.
    """
    lines = iter([line.strip() for line in read_text(path).splitlines() if line.strip()])
    found = []
    try:
        for name in lines:
            rows = [next(lines).split() for _ in range(int(next(lines)))]
            ellipses = np.array([row[:5] for row in rows], np.float64).reshape(-1, 5)
            picture = folder / (name if Path(name).suffix.lower() in (".jpg", ".png") else f"{name}.jpg")
            found.append(Photograph(picture, np.rint(ellipses[:, 3:]).astype(np.float32), ellipse_boxes(ellipses)))
    except (ValueError, StopIteration, RuntimeError) as error:
        raise GroundTruthError(f"{path} is no list of ellipses as FDDB has them") from error
    return found


def ellipse_boxes(ellipses: np.ndarray[Any, np.dtype[np.float64]]) -> FloatArray:
    """Bounding boxes ``(n, 4)`` of ellipses ``(n, 5)``: major and minor radius, angle, centre x and y."""
    major, minor, angle, x, y = ellipses.T
    across = np.hypot(major * np.cos(angle), minor * np.sin(angle))
    down = np.hypot(major * np.sin(angle), minor * np.cos(angle))
    return np.stack([x - across, y - down, x + across, y + down], 1).astype(np.float32)
