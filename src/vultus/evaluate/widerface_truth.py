"""The ground truth of WIDER FACE, as it is published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vultus.errors import ExtraMissing, GroundTruthError
from vultus.evaluate.files import read_text
from vultus.evaluate.widerface import MarkedPicture
from vultus.types import FloatArray

LEVELS = ("easy", "medium", "hard")
ALL = "all"
"""The one level of the text form, which does not say how hard a face is."""

_INVALID = 7  # column of the text form: x, y, width, height, blur, expression, illumination, invalid, occlusion, pose


def read_widerface(path: Path) -> list[MarkedPicture]:
    """The marked pictures of the validation set.

    Args:
        path: The folder of ``wider_face_val.mat``, ``wider_easy_val.mat``, ``wider_medium_val.mat`` and
            ``wider_hard_val.mat``, which the levels of the benchmark are defined by; or ``wider_face_val_bbx_gt.txt``,
            which knows one level, that of all faces but the invalid ones.

    Raises:
        GroundTruthError: It cannot be read or is of another form.
        ExtraMissing: SciPy, which reads the former, is not installed.
    """
    found = _read_matrices(path) if path.is_dir() else _read_list(path)
    if not found:
        raise GroundTruthError(f"{path} names no picture")
    return found


def corners(boxes: NDArray[Any]) -> FloatArray:
    """Boxes ``(n, 4)`` x, y, width, height as x1, y1, x2, y2."""
    box = np.asarray(boxes, np.float32).reshape(-1, 4)
    return np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], axis=1)


def _read_matrices(folder: Path) -> list[MarkedPicture]:
    faces = _load(folder / "wider_face_val.mat")
    counted = {level: _load(folder / f"wider_{level}_val.mat") for level in LEVELS}
    try:
        return list(_pictures(faces, counted))
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise GroundTruthError(f"{folder}: the files are not laid out as those of WIDER FACE are: {error}") from error


def _pictures(faces: dict[str, Any], counted: dict[str, dict[str, Any]]) -> Iterator[MarkedPicture]:
    """One picture after another; cells within cells, all of them columns."""
    for event, (name,) in enumerate(faces["event_list"]):
        files, boxes = faces["file_list"][event, 0], faces["face_bbx_list"][event, 0]
        for row, (file,) in enumerate(files):
            marked = corners(boxes[row, 0])
            levels = {}
            for level, content in counted.items():
                levels[level] = np.zeros(len(marked), np.bool_)
                places = np.asarray(content["gt_list"][event, 0][row, 0], np.int64).ravel()
                levels[level][places - 1] = True  # MATLAB counts from 1
            yield MarkedPicture(f"{_text(name)}/{_text(file)}.jpg", marked, levels)


def _text(cell: Any) -> str:  # noqa: ANN401 - an array of one string
    return str(np.asarray(cell).ravel()[0])


def _load(path: Path) -> dict[str, Any]:
    try:
        from scipy.io import loadmat  # type: ignore[import-untyped]
        from scipy.io.matlab import MatReadError  # type: ignore[import-untyped]
    except ImportError as error:
        raise ExtraMissing(
            "MATLAB files are read by SciPy, which is not installed; install it with `pip install 'vultus[evaluate]'`, "
            "or give wider_face_val_bbx_gt.txt instead."
        ) from error
    try:
        return dict(loadmat(path))
    except OSError as error:
        raise GroundTruthError(f"{path} cannot be read: {error.strerror or error}") from error
    except (MatReadError, ValueError, TypeError, NotImplementedError) as error:
        raise GroundTruthError(f"{path} is no MATLAB file of version 5: {error}") from error


def _read_list(path: Path) -> list[MarkedPicture]:
    """Name, number of faces and a line for each; where there are none, one line of zeros."""
    lines = iter([line.strip() for line in read_text(path).splitlines() if line.strip()])
    found = []
    try:
        for name in lines:
            number = int(next(lines))
            rows = np.array([next(lines).split() for _ in range(max(number, 1))], np.float64)
            faces = rows[:number]
            counted = (faces[:, _INVALID] == 0) & (faces[:, 2:4] > 0).all(1)
            found.append(MarkedPicture(name, corners(faces[:, :4]), {ALL: counted}))
    except (ValueError, IndexError, StopIteration, RuntimeError) as error:
        raise GroundTruthError(f"{path} is not laid out as wider_face_val_bbx_gt.txt is") from error
    return found
