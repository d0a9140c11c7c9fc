from __future__ import annotations

from types import MappingProxyType

import pytest

from vultus.errors import NotBase64, RequestError
from vultus.server.dialects.compreface.names import parse
from vultus.server.dialects.compreface.plugins import Plugin, Setup
from vultus.server.dialects.compreface.request import Asked, read_form, read_json
from vultus.types import Plan, Profile

pytestmark = pytest.mark.unit

FORM = "multipart/form-data; boundary=b"


def part(name: str, data: str, filename: str | None = None) -> str:
    file = "" if filename is None else f'; filename="{filename}"'
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n{data}\r\n'


def form(*parts: str) -> bytes:
    return "".join([*parts, "--b--\r\n"]).encode()


@pytest.fixture
def setup() -> Setup:
    names = (
        "vultus.FaceDetector",
        "vultus.Calculator",
        "vultus.GenderAgeDetector",
        "vultus.MaskDetector",
        "vultus.PoseEstimator",
        "vultus.LandmarksDetector",
    )
    plugins = {parse(name).role.slug: Plugin(parse(name), "x", False, name) for name in names}
    return Setup(MappingProxyType(plugins), Profile("compreface", "x", "x"), (1.0, 1.0), ())


def test_defaults() -> None:
    assert Asked.of({}) == Asked(0, None, frozenset({""}), True)


def test_everything_given() -> None:
    given = {"limit": "3", "det_prob_threshold": "1.0E-4", "face_plugins": "age, mask", "detect_faces": "false"}
    assert Asked.of(given) == Asked(3, 0.0001, frozenset({"age", "mask"}), False)


@pytest.mark.parametrize("value", ["0", "1", "0.0", "1e0"])
def test_thresholds_include_both_ends(value: str) -> None:
    assert Asked.of({"det_prob_threshold": value}).threshold == float(value)


@pytest.mark.parametrize("value", ["1.0001", "-1e-9", "inf", "-inf", "nan", "", "0,5", "one"])
def test_thresholds_that_are_none(value: str) -> None:
    with pytest.raises(RequestError, match="Detection threshold incorrect"):
        Asked.of({"det_prob_threshold": value})


@pytest.mark.parametrize("value", ["1.0", "x", "1 2", "9" * 5000])
def test_limits_that_are_none(value: str) -> None:
    with pytest.raises(RequestError, match="Limit format is invalid"):
        Asked.of({"limit": value})


def plan_of(asked: Asked, setup: Setup) -> Plan:
    return asked.plan(setup, asked.running(setup))


def test_a_plan_asks_for_what_is_wanted_alone(setup: Setup) -> None:
    plan = plan_of(Asked.of({"face_plugins": "mask,nonsense", "limit": "2"}), setup)
    assert (plan.detect, plan.embeddings, plan.attributes, plan.max_faces) == (True, False, frozenset({"mask"}), 2)
    assert (plan.rank, plan.stretch) == ("visible", True)
    both = plan_of(Asked.of({"face_plugins": "calculator gender_age"}), setup)
    assert (both.embeddings, both.attributes) == (True, frozenset({"gender", "age"}))


def test_plugins_run_in_the_order_of_the_configuration(setup: Setup) -> None:
    asked = Asked.of({"face_plugins": "landmarks,pose,mask,gender_age,calculator"})
    assert asked.running(setup) == ["detector", "calculator", "gender_age", "mask", "pose", "landmarks"]


def test_without_detection_some_do_not_run(setup: Setup) -> None:
    asked = Asked.of({"face_plugins": "landmarks,pose,mask,gender_age,calculator", "detect_faces": "false"})
    assert asked.running(setup) == ["detector", "calculator", "gender_age"]
    assert not plan_of(asked, setup).detect


def test_a_form() -> None:
    body = form(part("limit", "1"), part("file", "picture", "a"), part("file", "other", "b"), part("limit", "2"))
    assert read_form(FORM, body) == (b"picture", {"limit": "1"})


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, form(part("file", "text"))),
        (FORM, form(part("files", "x", "a"))),
        (FORM, form()),
        ("application/json", b"{}"),
        (None, b""),
    ],
)
def test_a_form_without_a_file(kind: str | None, body: bytes) -> None:
    with pytest.raises(RequestError, match="No file is attached"):
        read_form(kind, body)


def test_a_file_without_a_name() -> None:
    with pytest.raises(RequestError, match="No file is selected"):
        read_form(FORM, form(part("file", "picture", "")))


def test_base64() -> None:
    assert read_json("application/json", b'{\n  "file" : "aGFs\\nbG8="\n}') == b"hallo"
    assert (
        read_json("application/problem+json; charset=utf-8", b'{"file": "data:image/png;base64,aGFsbG8="}') == b"hallo"
    )


@pytest.mark.parametrize("kind", [None, "text/plain", "multipart/form-data"])
def test_json_must_be_called_so(kind: str | None) -> None:
    with pytest.raises(RequestError, match="application/json"):
        read_json(kind, b'{"file": "aGFsbG8="}')


def test_text_that_is_no_base64() -> None:
    with pytest.raises(NotBase64):
        read_json("application/json", b'{"file": "aGFsbG8"}')
