"""Tables for people and records for programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest

from vultus.evaluate import report
from vultus.evaluate.attributes import judge as judge_attributes
from vultus.evaluate.calibration import Calibration
from vultus.evaluate.curves import Curve
from vultus.evaluate.detection import judge
from vultus.evaluate.drift import Drift, Limits
from vultus.evaluate.labels import Labels
from vultus.evaluate.noses import Photograph
from vultus.evaluate.verification import Operating, Verification
from vultus.types import Face

pytestmark = pytest.mark.unit


def figures(told: report.Report) -> dict[str, str]:
    """The first table; and everything must be fit for JSON."""
    orjson.dumps(told.record)
    return {row[0]: row[1] for row in told.tables[0].rows}


def face(*box: float, **attributes: object) -> Face:
    return Face(np.array(box or (0, 0, 10, 10), np.float32), 0.9, attributes=attributes)


def test_verification() -> None:
    point = {"0.001": Operating(0.25, 0.0005, 0.0031, 0.98)}
    result = Verification([0.99, 1.0], 0.9995, point, point, 1500, 7000)
    told = report.of_verification(result, Calibration((1.25, 22.1), 0.0, 0.0004, 0.99, 0.98), ("a.jpg",))
    rows = figures(told)
    assert rows["accuracy, mean of 2 folds"] == "99.50 %"
    assert rows["accuracy, standard deviation"] == "0.50 %"
    assert rows["CompreFace's coefficients"] == "1.2500, 22.1000"
    assert told.tables[1].rows[1] == ("all", "7000", "0.001", "0.2500", "98.00 %", "0.0005", "0.0031")
    assert told.record["accuracies"] == [0.99, 1.0]
    assert told.record["faceless"] == ["a.jpg"]


def test_verification_without_a_fit() -> None:
    told = report.of_verification(Verification([1.0, 1.0], 1.0, {}, {}, 1, 1), None, ())
    assert "CompreFace's coefficients" not in figures(told)
    assert told.record["similarity"] is None


def test_widerface() -> None:
    told = report.of_widerface({"easy": Curve(np.array([0.5]), np.array([1.0]))}, {"easy": 4}, 2)
    orjson.dumps(told.record)
    assert told.tables[0].rows == [("easy", "4", "50.00 %")]


def test_detection_lists_the_pictures_with_errors_alone() -> None:
    noses = np.array([[5, 5]], np.float32)
    photographs = [Photograph(Path("good.jpg"), noses), Photograph(Path("bad.jpg"), noses)]
    told = report.of_detection(judge(photographs, [[face()], []]), 0.5)
    rows = figures(told)
    assert (rows["errors (CompreFace)"], rows["recall (nose in box)"]) == ("1", "50.00 %")
    assert told.tables[1].rows == [("bad.jpg", "1", "0", "1", "0", "0")]
    good = report.of_detection(judge(photographs[:1], [[face()]]), 0.5)
    assert len(good.tables) == 1


def test_attributes() -> None:
    labels = [
        Labels(Path("a"), age=30, gender="male", liveness="real"),
        Labels(Path("b"), age=41, gender="female", liveness="print"),
    ]
    told = report.of_attributes(
        judge_attributes(labels, [face(age=33.0, gender=1, liveness={"real": 0.9, "spoof": 0.1})] * 2)
    )
    rows = figures(told)
    assert rows["age, mean absolute error"] == "5.50 years"
    assert rows["gender, accuracy"] == "50.00 %"
    assert rows["liveness, APCER of print"] == "100.00 %"
    assert rows["liveness, BPCER"] == "0.00 %"
    assert told.tables[1].rows == [("30-39", "1", "3.00", "+3.00"), ("40-49", "1", "8.00", "-8.00")]
    assert told.tables[2].columns == ("gender: true \\ told", "male")
    assert told.tables[2].rows == [("female", "1"), ("male", "1")]


def test_attributes_of_which_nothing_can_be_said() -> None:
    told = report.of_attributes(judge_attributes([Labels(Path("a"), liveness="real")], [None]))
    assert figures(told)["liveness, ACER"] == "-"


@pytest.mark.parametrize(("broken", "verdict"), [([], "verdict: pass"), (["a", "b"], "verdict: fail: a; b")])
def test_drift(broken: list[str], verdict: str) -> None:
    drift = Drift([], 2, 0, np.array([0.98, 1.0]), None, None, None, 0.01)
    told = report.of_drift(drift, Limits(), broken)
    rows = figures(told)
    assert rows["cosine, mean"] == "0.990000"
    assert "box IoU, least" not in rows
    assert told.remarks[-1] == verdict
    assert told.record["verdict"] == ("fail" if broken else "pass")


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    curve = Curve(np.linspace(0, 1, 5000), np.linspace(1, 0, 5000))
    level = report.of_widerface({"hard": curve}, {"hard": 1}, 1).record["levels"]["hard"]  # type: ignore[index]
    assert len(level["recall"]) == 1000
    assert (level["recall"][0], level["recall"][-1], level["precision"][-1]) == (0, 1, 0)
