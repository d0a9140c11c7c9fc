"""Answers as clients of 2020 to 2023 know them: a list over pictures of lists over faces.

Their versions differ in a face's keys. Here it has them all, so that each client finds its own; coordinates are whole
numbers, as they were in all versions but the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vultus.errors import VultusError
from vultus.server.dialects.insightface_rest.answers import Answers, whole_pixels
from vultus.server.dialects.insightface_rest.errors import picture_text
from vultus.server.dialects.insightface_rest.request import Extract, Form
from vultus.server.gathering import Outcome
from vultus.types import Face


class OlderAnswers(Answers):
    """Writes the answer to one request.

    Args:
        asked: The request.
        packed: Whether it is answered in MessagePack.
        form: Of crops sent as such, ``1`` has an envelope, ``2020`` has none.
    """

    def __init__(self, asked: Extract, packed: bool, form: Form) -> None:
        super().__init__(asked, packed)
        self._enveloped = form == "1"

    def whole(self, outcomes: Sequence[Outcome], seconds: float) -> Any:  # noqa: ANN401 - what JSON can hold
        """See ``Answers.whole``. A picture that failed is an empty list; a crop that did says why in its place."""
        if not self._asked.embed_only:
            return [self._listed(outcome) for outcome in outcomes]
        crops = [crop for outcome in outcomes for crop in self._listed_crop(outcome)]
        return {"took_ms": self._ms(seconds), "data": crops, "status": "ok"} if self._enveloped else crops

    def _listed(self, outcome: Outcome) -> list[dict[str, Any]]:
        if isinstance(outcome, VultusError):
            return []
        return [self._listed_face(face, outcome.scale) for face in outcome.faces]

    def _listed_crop(self, outcome: Outcome) -> list[dict[str, Any]]:
        if isinstance(outcome, VultusError):
            return [{"status": "failed", "traceback": picture_text(outcome)}]
        return self._listed(outcome)

    def _listed_face(self, face: Face, scale: float) -> dict[str, Any]:
        landmarks = face.landmarks if self._asked.return_landmarks else None
        return {
            "status": "Ok",
            "det": face.index,
            "num_det": face.index,
            "prob": self._real(face.score),
            "bbox": whole_pixels(face.box),
            "size": int(face.width),
            "scale": self._real(scale),
            "landmarks": None if landmarks is None else whole_pixels(landmarks),
            **self._description(face),
            "mask_prob": None,
            **self._face_data(face),
        }
