"""Faces as CompreFace's clients read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from vultus.errors import NoFaceFound
from vultus.imaging.align import with_margins
from vultus.server.dialects.compreface.plugins import Setup
from vultus.types import GENDERS, Analysis, Face, FloatArray

_MASKS: Mapping[str, str] = MappingProxyType(
    {"mask": "with_mask", "no_mask": "without_mask", "incorrect": "mask_weared_incorrect"}
)
_MS = 1000  # in a second

_Fields: TypeAlias = dict[str, object]


def faces(analysis: Analysis, setup: Setup, running: Sequence[str]) -> list[_Fields]:
    """One entry for each face, the largest first.

    Args:
        analysis: What the picture showed.
        setup: The configured plugins.
        running: Slugs of those that ran.

    Raises:
        NoFaceFound: There is no face.
    """
    if not analysis.faces:
        raise NoFaceFound("No face is found in the given image")
    times = _times(analysis, setup, running)
    boxes = [_box(face, analysis, setup) for face in analysis.faces]
    by_area = sorted(range(len(boxes)), key=lambda place: -_area(boxes[place]))
    return [
        {"box": boxes[place], "execution_time": times, **_facts(analysis.faces[place], running)} for place in by_area
    ]


def versions(setup: Setup, running: Sequence[str]) -> dict[str, str]:
    """Version strings of the plugins that ran."""
    return {slug: setup.plugins[slug].version for slug in running}


def _facts(face: Face, running: Sequence[str]) -> _Fields:
    """What the plugins tell of a face; of two that tell the same the later counts, as in CompreFace."""
    told: _Fields = {}
    for slug in running:
        told |= _TELLERS[slug](face) if slug in _TELLERS else {}
    return told


def _box(face: Face, analysis: Analysis, setup: Setup) -> dict[str, Any]:
    grown = with_margins(face.box[np.newaxis], setup.margins, analysis.scale)[0] if any(setup.margins) else face.box
    corners = np.clip(grown, 0, [analysis.width, analysis.height] * 2)
    x_min, y_min, x_max, y_max = corners.astype(int).tolist()
    return {"x_min": x_min, "y_min": y_min, "x_max": x_max, "y_max": y_max, "probability": face.score}


def _area(box: Mapping[str, Any]) -> int:
    area: int = (box["x_max"] - box["x_min"]) * (box["y_max"] - box["y_min"])
    return area


def _times(analysis: Analysis, setup: Setup, running: Sequence[str]) -> dict[str, int]:
    """Milliseconds by plugin and face; the attribute networks' are known together only, and told in equal parts."""
    describing = sum(bool(setup.plugins[slug].role.facts) for slug in running)
    seconds = {
        "detector": analysis.seconds["detect"],
        "calculator": analysis.seconds.get("embed", 0.0),
        **{
            slug: analysis.seconds.get("attributes", 0.0) / describing
            for slug in running
            if setup.plugins[slug].role.facts
        },
    }
    return {slug: int(seconds.get(slug, 0.0) * _MS / len(analysis.faces)) for slug in running}


def _embedding(face: Face) -> _Fields:
    return {"embedding": face.raw_embedding}


def _gender(face: Face) -> _Fields:
    gender: Any = face.attributes["gender"]
    return {"gender": {"value": GENDERS[gender], "probability": face.attributes.get("gender_probability", 1.0)}}


def _age(face: Face) -> _Fields:
    age: Any = face.attributes["age"]
    return {"age": {"low": round(age), "high": round(age), "probability": 1.0}}


def _mask(face: Face) -> _Fields:
    probabilities: Any = face.attributes["mask"]
    surest = max(probabilities, key=probabilities.get)
    return {"mask": {"value": _MASKS[surest], "probability": probabilities[surest]}}


def _pose(face: Face) -> _Fields:
    pose: Any = face.attributes["pose"]
    return {"pose": {"pitch": pose["pitch"], "yaw": -pose["yaw"], "roll": -pose["roll"]}} if pose else {}


def _landmarks(face: Face) -> _Fields:
    return {} if face.landmarks is None else {"landmarks": _whole(face.landmarks)}


def _landmarks106(face: Face) -> _Fields:
    points: Any = face.attributes["landmarks106"]
    return {"landmarks": _whole(points)}


def _whole(points: FloatArray) -> object:
    return points.astype(int).tolist()


_TELLERS: Mapping[str, Callable[[Face], _Fields]] = MappingProxyType(
    {
        "calculator": _embedding,
        "gender": _gender,
        "age": _age,
        "gender_age": lambda face: {**_gender(face), **_age(face)},
        "mask": _mask,
        "pose": _pose,
        "landmarks": _landmarks,
        "landmarks2d106": _landmarks106,
    }
)
"""By slug."""
