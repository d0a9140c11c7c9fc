"""Which part of a request is whose."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import httpx
import ormsgpack
import pytest

from benchmarks import bodies, response
from benchmarks.load import Body
from benchmarks.response import Stages
from vultus.server.dialects.insightface_rest.answers import Answers
from vultus.server.gathering import Outcome

pytestmark = pytest.mark.unit


def stages(respond: float, whole: float) -> Stages:
    return Stages(read=0.001, analyze=whole - respond - 0.001, respond=respond, whole=whole, size=4000, faces=117)


def test_a_marked_job_is_noted_when_it_begins_and_when_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(response, "perf_counter", lambda: clock[0])

    def job(seconds: float) -> str:
        clock[0] += seconds
        return "done"

    marks: list[float] = []
    assert response.marked(job, marks)(3.0) == "done"
    assert marks == [0, 3]


def test_the_share_is_the_median_of_the_requests_own() -> None:
    # Shares 0.05, 0.2 and 0.08; the medians' ratio would be 0.04.
    rows = response.report_rows("MessagePack", [stages(0.05, 1), stages(0.02, 0.1), stages(0.04, 0.5)])
    by_name = {row.what: row for row in rows}
    assert by_name["MessagePack: response path's share"].value == pytest.approx(0.08)
    assert by_name["MessagePack: response path's share"].met
    assert by_name["MessagePack: response path"].value == pytest.approx(40)
    assert by_name["MessagePack: whole request"].value == pytest.approx(500)
    assert by_name["MessagePack: answer"].value == 4
    assert by_name["MessagePack: faces"].value == 117


def test_only_plain_messagepack_has_a_bar() -> None:
    slow = [stages(0.5, 1)]
    missed = {name: response.report_rows(name, slow)[-1].met for name in response.requests(b"")}
    assert missed == {"MessagePack": False, "MessagePack, with crops": None, "JSON": None, "JSON, with crops": None}


def test_requests_ask_for_landmarks_and_some_for_crops() -> None:
    for name, body in response.requests(b"a picture").items():
        fields = (
            ormsgpack.unpackb(body.content)
            if "MessagePack" in name
            else httpx.Response(200, content=body.content).json()
        )
        assert fields["return_landmarks"] is True
        assert fields["return_face_data"] is ("crops" in name)
    assert response.requests(b"\xff")["MessagePack"].content.count(b"\xff") == 1  # raw, not base64


@pytest.fixture
def picture(squares: Callable[..., bytes]) -> bytes:
    return squares((4, 4), (9, 9))


def test_every_kind_of_request_is_served_and_taken_apart(picture: bytes) -> None:
    kinds = response.requests(picture)
    found = response.measure(kinds, 2, runtime="dummy", streams=1)
    assert {name: len(each) for name, each in found.items()} == dict.fromkeys(kinds, 2)
    for name, each in found.items():
        for request in each:
            assert request.faces == 2
            assert min(request.read, request.analyze, request.respond) > 0
            assert request.read + request.analyze + request.respond < request.whole
            assert request.size > found["MessagePack"][0].size or name == "MessagePack"


def test_what_the_dialect_writes_is_of_the_response_path_and_nothing_else_is(
    monkeypatch: pytest.MonkeyPatch, picture: bytes
) -> None:
    """A clock that only writing an answer moves."""
    clock = [0.0]
    monkeypatch.setattr(response, "perf_counter", lambda: clock[0])
    write = Answers.whole

    def slow(self: Answers, outcomes: Sequence[Outcome], seconds: float) -> dict[str, object]:
        clock[0] += 5
        return write(self, outcomes, seconds)

    monkeypatch.setattr(Answers, "whole", slow)
    found = response.measure({"JSON": bodies.extract_json([picture])}, 1, runtime="dummy", streams=1)["JSON"][0]
    assert (found.read, found.analyze, found.respond, found.whole) == (0, 0, 5, 5)


def test_an_answer_without_a_face_has_no_figures(squares: Callable[..., bytes]) -> None:
    body = bodies.extract_msgpack([squares()])
    with pytest.raises(RuntimeError, match="not good: 200"):
        response.measure({"MessagePack": body}, 1, runtime="dummy", streams=1)


def test_an_application_that_cannot_start_is_said_so() -> None:
    with pytest.raises(RuntimeError, match="does not start") as raised:
        response.measure({"JSON": Body(b"", "", "", "")}, 1, runtime="dummy", detector="no_such_network")
    assert "no_such_network" in str(raised.value.__cause__)
