"""Answers of the drawing endpoints: a JPEG of the whole picture."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from vultus.imaging.draw import draw_faces
from vultus.imaging.encode import encode_jpeg
from vultus.server.dialects.insightface_rest.answers import wears_mask
from vultus.server.dialects.insightface_rest.request import Draw, Picture
from vultus.server.gathering import Order, Outcome, analysis_of
from vultus.server.wire import Reply
from vultus.types import Analysis, Profile

JPEG = "image/jpeg"


def drawing(asked: Draw, pictures: Sequence[Picture], profile: Profile, known: Set[str]) -> Order:
    """What to do for a drawing.

    Args:
        asked: The request.
        pictures: The one picture.
        profile: How it is analysed, but for the threshold.
        known: Facts that networks here tell.
    """

    def finish(outcomes: Sequence[Outcome]) -> Reply:
        return Reply(_draw(asked, analysis_of(outcomes[0]), profile.detector), JPEG)

    return Order(pictures, asked.plan(known), replace(profile, threshold=asked.face_threshold), finish)


def _draw(asked: Draw, analysis: Analysis, detector: str) -> bytes:
    assert analysis.pixels is not None  # the plan asked for them
    drawn = draw_faces(
        analysis.pixels,
        analysis.faces,
        landmarks=bool(asked.draw_landmarks),
        scores=bool(asked.draw_scores),
        sizes=bool(asked.draw_sizes),
        names=[_name(wears_mask(face)) for face in analysis.faces],
        footer=f"faces: {len(analysis.faces)} ({detector})",
    )
    return encode_jpeg(drawn)


def _name(mask: bool | None) -> str:
    return "" if mask is None else "mask" if mask else "no mask"
