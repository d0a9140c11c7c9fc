"""``/v1`` answers, as they are before they are written in a wire format."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from vultus.embed import similarity
from vultus.errors import NoFaceFound, VultusError
from vultus.imaging.encode import encode_jpeg
from vultus.server.gathering import Outcome, analysis_of
from vultus.server.problems import picture_problem
from vultus.server.v1.options import FaceOptions
from vultus.server.wire import vector_text
from vultus.types import Analysis, Face, FloatArray, Image, Profile
from vultus.zoo.catalogue import Model

HASH_PREFIX = 12  # hex digits of a network's sha256 that name it in answers


def model_card(model: Model) -> dict[str, object]:
    """Which network it was, and what its licence allows."""
    return {
        "name": model.name,
        "sha256": model.sha256[:HASH_PREFIX] if model.sha256 else None,
        "licence": model.licence,
        "commercial_use": model.commercial_use,
    }


def model_cards(profile: Profile, model: Callable[[str], Model], precision: Callable[[str], str]) -> dict[str, object]:
    """Cards of all networks of a profile, by task, which also tell what each is computed in.

    One that works with companions has theirs in its own.
    """

    def single(used: Model) -> dict[str, object]:
        return model_card(used) | {"precision": precision(used.name)}

    def card(name: str) -> dict[str, object]:
        used = model(name)
        companions = [single(model(companion)) for companion in used.companions]
        return single(used) | ({"companions": companions} if companions else {})

    return {
        "detector": card(profile.detector),
        "embedder": card(profile.embedder) if profile.embedder else None,
        "attributes": [card(name) for name in profile.attributes],
    }


def picture_answer(outcome: Outcome, options: FaceOptions, packed: bool) -> dict[str, Any]:
    """One picture of ``/v1/faces``."""
    if isinstance(outcome, VultusError):
        return {"error": picture_problem(outcome)}
    return {
        "width": outcome.width,
        "height": outcome.height,
        "faces": [_face(face, options, packed) for face in outcome.faces],
        "seconds": outcome.seconds,
    }


def embedding_answer(outcome: Outcome, form: str) -> dict[str, Any]:
    """One crop of ``/v1/embeddings``."""
    if isinstance(outcome, VultusError):
        return {"error": picture_problem(outcome)}
    face = outcome.faces[0]
    return {"embedding": _vector(face.embedding, form), "norm": face.norm}


def comparison_answer(first: Outcome, second: Outcome, embedder: Model) -> dict[str, Any]:
    """Similarity of two faces and what the catalogue makes of it.

    Raises:
        VultusError: One of the pictures cannot be used, or shows no face; the message names which.
    """
    pair = {"first": first, "second": second}
    shown = {which: analysis_of(outcome, f"{which} picture") for which, outcome in pair.items()}  # both can be read
    faces = [_only_face(which, analysis) for which, analysis in shown.items()]
    cosine = similarity(*(np.asarray(face.embedding) for face in faces))
    return {
        "similarity": cosine,
        **_decision(cosine, embedder),
        "faces": [{"box": face.box, "score": face.score} for face in faces],
    }


def _decision(cosine: float, embedder: Model) -> Mapping[str, object]:
    if embedder.threshold is None:
        reason = f"the catalogue states no decision threshold for {embedder.name}"
        return {"match": None, "decision": None, "reason": reason}
    threshold = embedder.threshold
    decision = {
        "cosine": threshold.cosine,
        "false_match_rate": threshold.false_match_rate,
        "measured_on": threshold.measured_on,
    }
    return {"match": threshold.matches(cosine), "decision": decision, "reason": None}


def _only_face(which: str, analysis: Analysis) -> Face:
    if not analysis.faces:
        raise NoFaceFound(f"the {which} picture shows no face; send one that does, or lower threshold or min_face_size")
    return analysis.faces[0]


def _face(face: Face, options: FaceOptions, packed: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {"box": face.box, "score": face.score}
    if options.landmarks:
        answer["landmarks"] = face.landmarks
    if options.embeddings != "none":
        answer["embedding"] = _vector(face.embedding, options.embeddings)
        answer["norm"] = face.norm
    if options.attributes:
        answer["attributes"] = {name: face.attributes.get(name) for name in options.attributes}
    if options.crops and face.crop is not None:
        answer["crop"] = _crop(face.crop, packed)
    return answer


def _vector(vector: FloatArray | None, form: str) -> object:
    return vector_text(vector) if form == "base64" and vector is not None else vector


def _crop(crop: Image, packed: bool) -> str | bytes:
    data = encode_jpeg(crop)
    return data if packed else base64.b64encode(data).decode("ascii")
