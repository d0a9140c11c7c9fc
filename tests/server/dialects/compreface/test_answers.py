from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest

from vultus.errors import NoFaceFound
from vultus.server.dialects.compreface import answers
from vultus.server.dialects.compreface.names import parse
from vultus.server.dialects.compreface.plugins import Plugin, Setup
from vultus.types import Analysis, Face, Profile

pytestmark = pytest.mark.unit

NAMES = ("FaceDetector", "Calculator", "LandmarksDetector", "GenderDetector", "AgeDetector", "MaskDetector")
PLUGINS = {parse(f"vultus.{name}").role.slug: Plugin(parse(f"vultus.{name}"), "x", False, name) for name in NAMES}
SETUP = Setup(MappingProxyType(PLUGINS), Profile("compreface", "x", "x"), (1.0, 1.0), ())


def face(*box: float, **given: object) -> Face:
    return Face(np.array(box, np.float32), 0.75, **given)  # type: ignore[arg-type]


def analysis(*faces: Face, **seconds: float) -> Analysis:
    return Analysis(100, 50, faces, seconds={"decode": 9.0, "detect": 0.0} | seconds)


def test_no_face_is_an_error() -> None:
    with pytest.raises(NoFaceFound, match=r"^No face is found in the given image$"):
        answers.faces(analysis(), SETUP, ["detector"])


def test_boxes_are_clipped_whole_and_sorted_by_what_is_left() -> None:
    seen = analysis(face(-50.5, -50, 10.9, 10), face(20.2, 20.9, 35.9, 35), face(99, -5, 400, 70))
    told = [entry["box"] for entry in answers.faces(seen, SETUP, ["detector"])]
    assert told == [
        {"x_min": 20, "y_min": 20, "x_max": 35, "y_max": 35, "probability": 0.75},
        {"x_min": 0, "y_min": 0, "x_max": 10, "y_max": 10, "probability": 0.75},
        {"x_min": 99, "y_min": 0, "x_max": 100, "y_max": 50, "probability": 0.75},
    ]


def test_equal_areas_keep_their_order() -> None:
    seen = analysis(face(30, 0, 40, 10), face(0, 0, 10, 10), face(10, 0, 15, 20), face(0, 0, 20, 20))
    told = [entry["box"]["x_min"] for entry in answers.faces(seen, SETUP, ["detector"])]  # type: ignore[index]
    assert told == [0, 30, 0, 10]


def test_times_are_milliseconds_by_face_attributes_in_equal_parts() -> None:
    two = analysis(face(0, 0, 9, 9), face(9, 9, 20, 20), detect=0.0419, embed=0.030, attributes=0.081)
    running = ["detector", "calculator", "landmarks", "gender", "age"]
    attributes = {"gender": 1, "age": 30.0}
    faces = tuple(
        Face(one.box, one.score, landmarks=np.zeros((5, 2), np.float32), attributes=attributes) for one in two.faces
    )
    told = answers.faces(Analysis(100, 50, faces, seconds=two.seconds), SETUP, running)
    expected = {"detector": 20, "calculator": 15, "landmarks": 0, "gender": 20, "age": 20}
    assert [entry["execution_time"] for entry in told] == [expected, expected]


def test_facts() -> None:
    attributes = {"gender": 0, "age": 29.6, "mask": {"mask": 0.25, "no_mask": 0.75}}
    points = np.array([[1.9, 2], [3, 4], [5, 6], [7, 8], [-9.9, 10]], np.float32)
    vector = np.array([0.6, 0.8], np.float32)
    one = face(0, 0, 9, 9, attributes=attributes, landmarks=points, embedding=vector, norm=20.0)
    [told] = answers.faces(analysis(one), SETUP, ["detector", "calculator", "landmarks", "gender", "age", "mask"])
    assert told["gender"] == {"value": "female", "probability": 1.0}
    assert told["age"] == {"low": 30, "high": 30, "probability": 1.0}
    assert told["mask"] == {"value": "without_mask", "probability": 0.75}
    assert told["landmarks"] == [[1, 2], [3, 4], [5, 6], [7, 8], [-9, 10]]
    np.testing.assert_allclose(told["embedding"], [12, 16], rtol=1e-6)  # type: ignore[call-overload]


def test_versions_are_those_of_what_ran() -> None:
    assert answers.versions(SETUP, ["detector", "age"]) == {"detector": "FaceDetector", "age": "AgeDetector"}
