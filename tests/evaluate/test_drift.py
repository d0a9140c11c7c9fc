"""Two runs over the same pictures, with differences of known size."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vultus.errors import NoFaceFound
from vultus.evaluate.drift import Limits, compare
from vultus.types import Analysis, Face

pytestmark = pytest.mark.unit


def face(
    left: float = 0, degrees: float = 0, *, height: float = 10, score: float = 0.9, shift: float | None = 0
) -> Face:
    """A face 10 wide whose embedding lies at an angle in the plane."""
    return Face(
        box=np.array([left, 0, left + 10, height], np.float32),
        score=score,
        landmarks=None if shift is None else np.full((5, 2), shift, np.float32),
        embedding=np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))], np.float32),
    )


def seen(*faces: Face) -> Analysis:
    return Analysis(640, 480, faces)


def test_a_run_against_itself_passes_the_strictest_limits() -> None:
    run = [seen(face(), face(100, 40)), seen()]
    drift = compare(["a", "b"], run, run)
    assert drift.broken(Limits(1 - 1e-12, 1, 0, 0, 0)) == []
    assert (drift.paired, drift.other_faces, drift.similarity_change, drift.score_change) == (2, 0, 0, 0)


def test_differences_are_those_that_were_made() -> None:
    first = [seen(face(0, 0), face(100, 60))]
    second = [seen(face(100, 63, score=0.85), face(0, 0, height=8, shift=0.5))]  # in another order
    drift = compare(["a"], first, second)
    assert drift.cosine == pytest.approx(math.cos(math.radians(3)), abs=1e-6)
    assert sorted(drift.cosines.tolist()) == pytest.approx([math.cos(math.radians(3)), 1], abs=1e-6)
    assert drift.iou == pytest.approx(0.8)
    assert drift.landmarks_px == 0.5
    assert drift.score_change == pytest.approx(0.05)
    # The two faces were alike by cos 60, now by cos 63.
    assert drift.similarity_change == pytest.approx(0.5 - math.cos(math.radians(63)), abs=1e-6)


def test_faces_of_one_run_alone_are_counted() -> None:
    drift = compare(["a", "b"], [seen(face()), seen(face(50))], [seen(face(), face(300)), seen()])
    assert (drift.paired, drift.other_faces) == (1, 2)
    assert [(item.faces, item.other_faces, item.paired) for item in drift.pictures] == [(1, 2, 1), (1, 0, 0)]


@pytest.mark.parametrize(
    ("limits", "reasons"),
    [
        (Limits(), ["2 faces", "least cosine", "similarity changed", "least IoU"]),
        (Limits(None, None, None, None, None), []),
        (Limits(0.9, 0.7, 0.6, 0.2, 2), []),
        (Limits(0.9, 0.7, 0.4, 0.2, 2), ["landmark moved"]),
        (Limits(0.9, 0.7, 0.6, 0.2, 1), ["2 faces"]),
    ],
)
def test_each_limit_is_judged_by_itself(limits: Limits, reasons: list[str]) -> None:
    first = [seen(face(0, 0), face(100, 60), face(300))]
    second = [seen(face(0, 0, height=8, shift=0.5), face(100, 70), face(500))]
    broken = compare(["a"], first, second).broken(limits)
    assert len(broken) == len(reasons)
    assert all(reason in phrase for reason, phrase in zip(reasons, broken, strict=True))


@pytest.mark.parametrize(
    ("limits", "reasons"),
    [
        (Limits(0.9, None, None, None, None), []),
        (Limits(0.9, None, None, None, None, mean_cosine=0.97, landmarks_share=0.026), []),
        (Limits(0.9, None, None, None, None, mean_cosine=0.98), ["mean cosine"]),
        (Limits(0.9, None, None, None, None, landmarks_share=0.024), ["of its face's side"]),
    ],
)
def test_means_and_shares_are_judged_where_there_is_a_limit(limits: Limits, reasons: list[str]) -> None:
    first = [seen(face(0, 0, height=40), face(300, 0, height=40))]
    second = [seen(face(0, 14, height=40, shift=0.5), face(300, 10, height=40, shift=0.25))]
    drift = compare(["a"], first, second)
    assert drift.mean_cosine == pytest.approx((math.cos(math.radians(14)) + math.cos(math.radians(10))) / 2, abs=1e-6)
    assert drift.landmarks_share == pytest.approx(0.5 / 20)  # a box of 10 x 40 is as large as a square of 20
    broken = drift.broken(limits)
    assert len(broken) == len(reasons)
    assert all(reason in phrase for reason, phrase in zip(reasons, broken, strict=True))
    assert [each.phrase for each in drift.judge(limits) if not each.within] == broken


def test_what_is_no_number_is_within_no_limit() -> None:
    drift = compare(["a"], [seen(face(0, math.nan))], [seen(face())])
    assert drift.broken(Limits())


def test_crops_have_no_boxes_to_compare() -> None:
    drift = compare(["a"], [seen(face(shift=None))], [seen(face(shift=None))], detected=False)
    assert (drift.overlaps, drift.iou, drift.landmarks_px, drift.score_change) == (None, None, None, None)
    assert drift.broken(Limits(landmarks_px=0)) == []


def test_no_face_in_common_is_no_pass() -> None:
    with pytest.raises(NoFaceFound):
        compare(["a"], [seen()], [seen()])
