"""Answers of ``/extract``. Numbers are doubles in JSON and single floats in MessagePack, as in the original."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vultus.errors import VultusError
from vultus.imaging.encode import encode_jpeg
from vultus.server.dialects.insightface_rest.errors import picture_text
from vultus.server.dialects.insightface_rest.request import Extract
from vultus.server.gathering import Outcome
from vultus.types import Analysis, Face

_SURE = 0.89  # probability from which the original takes a face to wear a mask
_MS = 1000.0  # in a second


class Answers:
    """Writes the answer to one request.

    Args:
        asked: The request.
        packed: Whether it is answered in MessagePack.
    """

    def __init__(self, asked: Extract, packed: bool) -> None:
        self._asked = asked
        self._real: Callable[[float], object] = np.float32 if packed else float

    def whole(self, outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
        """The envelope.

        Args:
            outcomes: One for each picture, in order.
            seconds: Time since the request came.
        """
        if self._asked.embed_only:
            data = [self._crop(outcome) for outcome in outcomes]
            return {"took_ms": self._ms(seconds), "data": data, "status": "ok"}
        took = {"total_ms": self._ms(seconds)}
        if self._asked.verbose_timings:
            # Pictures are worked on side by side, so these sums may exceed the total.
            took["read_imgs_ms"] = self._ms(sum(_reading(outcome) for outcome in outcomes))
            took["embed_all_ms"] = self._ms(sum(_total(outcome) - _reading(outcome) for outcome in outcomes))
        return {"took": took, "data": [self._picture(outcome) for outcome in outcomes]}

    def _picture(self, outcome: Outcome) -> dict[str, Any]:
        if isinstance(outcome, VultusError):
            failed = {"status": "failed", "took_ms": self._real(0.0), "faces": []}
            return {**failed, "traceback": picture_text(outcome)}
        faces = [self._face(face, outcome.scale) for face in outcome.faces]
        return {"status": "ok", "took_ms": self._ms(_total(outcome)), "faces": faces}

    def _face(self, face: Face, scale: float) -> dict[str, Any]:
        answer: dict[str, Any] = {"bbox": whole_pixels(face.box)}
        if self._asked.return_landmarks:
            answer["landmarks"] = None if face.landmarks is None else whole_pixels(face.landmarks)
        answer |= {"prob": self._real(face.score), "num_det": face.index, "scale": self._real(scale)}
        answer |= self._face_data(face)
        if self._asked.describes:
            answer |= self._description(face)
        answer["size"] = int(face.width)
        return answer

    def _crop(self, outcome: Outcome) -> dict[str, Any]:
        """One picture of an ``embed_only`` request; its failure stands where its face would."""
        if isinstance(outcome, VultusError):
            faces: list[dict[str, Any]] = [{"status": "failed", "traceback": picture_text(outcome)}]
            return {"status": "ok", "took_ms": self._real(0.0), "faces": faces}
        faces = [self._description(face) | self._frame(face) for face in outcome.faces]
        return {"status": "ok", "took_ms": self._ms(_total(outcome)), "faces": faces}

    def _frame(self, face: Face) -> dict[str, Any]:
        """What is told of a crop as of a face that was found: the whole crop, for sure."""
        return {"bbox": whole_pixels(face.box), "size": int(face.width), "prob": self._real(face.score), "status": "ok"}

    def _face_data(self, face: Face) -> dict[str, Any]:
        if not self._asked.return_face_data or face.crop is None:
            return {}
        return {"facedata": base64.b64encode(encode_jpeg(face.crop)).decode("ascii")}

    def _description(self, face: Face) -> dict[str, Any]:
        age: Any = face.attributes.get("age")
        probabilities: Any = face.attributes.get("mask")
        return {
            "norm": None if face.norm is None else self._real(face.norm),
            "vec": face.embedding,
            "gender": face.attributes.get("gender"),
            "age": None if age is None else round(age),
            "mask": wears_mask(face),
            "mask_probs": probabilities and {name: self._real(value) for name, value in probabilities.items()},
        }

    def _ms(self, seconds: float) -> object:
        return self._real(seconds * _MS)


def wears_mask(face: Face) -> bool | None:
    """Whether a face is taken to wear a mask; ``None`` where no network says."""
    probabilities: Any = face.attributes.get("mask")
    return probabilities and bool(probabilities["mask"] > probabilities["no_mask"] and probabilities["mask"] >= _SURE)


def whole_pixels(pixels: np.ndarray[Any, np.dtype[np.float32]]) -> list[Any]:
    """Coordinates truncated towards zero: an array of numbers, in nested lists."""
    return list(pixels.astype(np.int64).tolist())


def _total(outcome: Outcome) -> float:
    return sum(outcome.seconds.values()) if isinstance(outcome, Analysis) else 0.0


def _reading(outcome: Outcome) -> float:
    return outcome.seconds.get("decode", 0.0) if isinstance(outcome, Analysis) else 0.0
