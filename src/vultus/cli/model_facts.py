"""What the catalogue says of a network, in words for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vultus.types import CropSpec, InputSpec
from vultus.zoo.catalogue import DecisionThreshold, Model
from vultus.zoo.sources import describe

NAME_ONLY = "name only"


def facts_of(model: Model, found: Path | None) -> dict[str, str]:
    """What is to be said of a network, by heading; ``-`` where there is nothing.

    Args:
        model: The network.
        found: Where its file is on this machine.
    """
    facts = {
        "name": model.name,
        "aliases": ", ".join(model.aliases),
        "task": model.task,
        "family": model.family,
        "licence": model.licence,
        "commercial use": commercial_use(model),
        "source project": model.source_project,
        "sources": "\n".join(map(describe, model.sources)),
        "file": model.file,
        "sha256": model.sha256 or "",
        "md5": model.md5 or "",
        "size": "" if model.size is None else f"{model.size} bytes",
        "input": input_words(model.input) + ("" if model.resizable else "; of this size only"),
        "crop": crop_words(model.crop) if model.crop else "",
        "embedding size": _embedding_size(model),
        "threshold": threshold_words(model.threshold) if model.threshold else "",
        "similarity coefficients": ", ".join(map(str, model.similarity_coefficients or ())),
        "training data": model.training_data,
        "published": _figures(model.accuracy, "published: "),
        "measured": _figures(model.accuracy, "measured: "),
        "companions": ", ".join(model.companions),
        "parameters": "\n".join(f"{name}: {value}" for name, value in model.parameters.items()),
        "note": model.note,
        "path": str(found) if found else _absent(model),
    }
    return {heading: said or "-" for heading, said in facts.items()}


def commercial_use(model: Model) -> str:
    """Whether a network's licence allows commercial use, in a word."""
    return {True: "yes", False: "no", None: "not stated"}[model.commercial_use]


def megabytes(model: Model) -> str:
    """A network's size for a table."""
    return "-" if model.size is None else f"{model.size / 1e6:.1f} MB"


def presence(model: Model, found: Path | None) -> str:
    """Whether a network's file is here, for a table."""
    return "yes" if found else "no" if model.checksum else NAME_ONLY


def input_words(spec: InputSpec) -> str:
    """Size, layout and normalisation of an input."""
    pixels = f"{spec.width} x {spec.height}, {spec.color.upper()}, {spec.layout.upper()}"
    if spec.whiten:
        return f"{pixels}, whitened picture by picture"
    if set(spec.mean) == {0.0} and set(spec.std) == {1.0}:
        return f"{pixels}, pixels as they are"
    return f"{pixels}, (pixel - {_channels(spec.mean)}) / {_channels(spec.std)}"


def crop_words(crop: CropSpec) -> str:
    """What a network wants to see of a face."""
    side = f"{crop.size} x {crop.size}"
    match crop.kind:
        case "template":
            return f"{side}, five landmarks on the ArcFace template"
        case "box":
            return f"{side}, a square of {crop.scale:g} x the box's longer side"
        case "margins":
            left, top, right, bottom = (f"{margin:.4g}" for margin in crop.margins)
            return f"{side}, the box with margins of {left} and {right} of its width, {top} and {bottom} of its height"
        case "inside":
            return f"{side}, {crop.scale:g} x the box, kept inside the picture"


def threshold_words(threshold: DecisionThreshold) -> str:
    """From when on two faces are one person's."""
    return (
        f"cosine {threshold.cosine:g}, false match rate {threshold.false_match_rate:g}; "
        f"measured on {threshold.measured_on}"
    )


def _embedding_size(model: Model) -> str:
    return str(model.embedding_size or "as the network answers") if model.task == "embedding" else ""


def _absent(model: Model) -> str:
    if model.checksum is not None:
        return "not here"
    return "known by name only: no hash of its file is published, so that none can be verified"


def _channels(values: Sequence[float]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else f"[{', '.join(f'{value:g}' for value in values)}]"


def _figures(accuracy: Mapping[str, str], kind: str) -> str:
    """The figures of one kind, a line each."""
    return "\n".join(f"{what}: {figure}" for what, figure in accuracy.items() if kind in figure)
