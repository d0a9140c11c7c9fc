"""What attribute networks say, in a few words for a table; JSON has it whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from vultus.types import GENDERS, Face


def fact_texts(face: Face, names: Sequence[str]) -> tuple[str, ...]:
    """Facts of a face as cells of a table; ``-`` stands for what cannot be told."""
    return tuple(_text(name, face.attributes.get(name)) for name in names)


def _text(name: str, value: Any) -> str:  # noqa: ANN401 - each fact has a form of its own
    if value is None:
        return "-"
    if name in _TEXTS:
        return _TEXTS[name](value)
    return f"{len(value)} points" if isinstance(value, np.ndarray) else str(value)


def _pose(pose: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {pose[name]:+.0f}" for name in ("pitch", "yaw", "roll"))


def _quality(quality: Mapping[str, Any]) -> str:
    reasons = quality["reasons"]
    return f"{quality['score']:.2f}" + (f" ({', '.join(reasons)})" if reasons else "")


def _range(ages: Mapping[str, float]) -> str:
    return f"{ages['low']:.0f} to {ages['high']:.0f} ({ages['probability']:.2f})"


def _likeliest(probabilities: Mapping[str, float]) -> str:
    best = max(probabilities, key=lambda name: probabilities[name])
    return f"{best.replace('_', ' ')} {probabilities[best]:.2f}"


_TEXTS: Mapping[str, Callable[[Any], str]] = MappingProxyType(
    {
        "age": lambda years: f"{years:.0f}",
        "age_range": _range,
        "gender": lambda gender: GENDERS[gender],
        "gender_probability": lambda probability: f"{probability:.2f}",
        "liveness": _likeliest,
        "mask": _likeliest,
        "pose": _pose,
        "quality": _quality,
    }
)
