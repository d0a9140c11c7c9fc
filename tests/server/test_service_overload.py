"""What the server does when there is too much to do: refusals in every API, deadlines, hang-ups."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import orjson
import ormsgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message
from tests.server.house import GONE, NOTHING, House, body, tell

pytestmark = pytest.mark.unit

LOAD = 2 * 640 * 640
"""Pixels of a picture of squares as they count: those of a PNG double."""

Squares = Callable[..., bytes]


@pytest.fixture(scope="module")
def small(start_app: Callable[..., Any]) -> Iterator[House]:
    """A server that has room for one picture."""
    house = House(start_app, max_queued_pictures=1)
    yield house
    house.engine.gate.set()


@pytest.mark.parametrize(
    ("path", "field", "media_type", "told"),
    [
        ("/v1/faces", "file", "application/problem+json", ("detail",)),
        ("/extract", None, "application/json", ("detail",)),
        ("/embedding", "image", "application/json", ("detail",)),
        ("/detect", "file", "application/json", ("error",)),
        ("/find_faces", "file", "application/json", ("message", "code")),
    ],
)
def test_every_api_refuses_in_its_own_form_when_there_is_too_much(
    small: House, squares: Squares, path: str, field: str | None, media_type: str, told: tuple[str, ...]
) -> None:
    picture = squares((1, 1))

    async def run() -> tuple[Any, Any]:
        small.engine.shut()
        first = asyncio.create_task(small.post(picture))
        await small.engine.come()
        if field:
            refused = await small.client.post_async(path, files=[(field, picture)])
        else:
            refused = await small.client.post_async(path, content=orjson.dumps({"images": {"data": []}}))
        small.engine.gate.set()
        return refused, await first

    refused, served = small.client.run(run())
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["content-type"] == media_type
    answer = refused.json()
    assert all("max_queued_pictures" in answer[name] or answer[name] == "overloaded" for name in told)
    if path == "/v1/faces":
        assert (answer["code"], answer["limit"], answer["status"]) == ("overloaded", "max_queued_pictures", 429)
    assert served.status_code == 200  # who was in is not hurt
    assert len(served.json()["pictures"][0]["faces"]) == 1


def test_the_nested_form_of_the_arcface_api_refuses_by_the_status_too(
    start_app: Callable[..., Any], squares: Squares
) -> None:
    house = House(start_app, max_queued_pictures=1, arcface_api_form="nested")

    async def run() -> Any:
        house.engine.shut()
        first = asyncio.create_task(house.post(squares()))
        await house.engine.come()
        refused = await house.client.post_async("/embed", files=[("file", squares())])
        house.engine.gate.set()
        await first
        return refused

    assert house.client.run(run()).status_code == 429


def test_a_server_that_refuses_work_still_answers_what_costs_nothing(small: House, squares: Squares) -> None:
    async def run() -> list[int]:
        small.engine.shut()
        first = asyncio.create_task(small.post(squares()))
        await small.engine.come()
        answers = [
            await small.client.get_async(path) for path in ("/live", "/ready", "/metrics", "/v1/info", "/health")
        ]
        small.engine.gate.set()
        await first
        return [answer.status_code for answer in answers]

    assert small.client.run(run()) == [200] * 5


def test_a_request_that_alone_is_too_much_is_served_when_nothing_else_is_there(
    start_app: Callable[..., Any], squares: Squares
) -> None:
    house = House(start_app, max_queued_pictures=1, max_inflight_bytes=1, max_inflight_pixels=1)
    answer = house.client.post("/v1/faces", files=[("file", squares((1, 1)))] * 20)
    assert answer.status_code == 200
    assert [len(picture["faces"]) for picture in answer.json()["pictures"]] == [1] * 20
    house.client.run(house.until_held(NOTHING))


def test_an_announced_length_is_refused_before_anything_is_sent(
    start_app: Callable[..., Any], squares: Squares
) -> None:
    house = House(start_app, max_inflight_bytes=1000)

    async def run() -> list[Message]:
        house.engine.shut()
        first = asyncio.create_task(house.post(squares()))
        await house.engine.come()
        sent = await asyncio.wait_for(tell(house.client.app, [], [(b"content-length", b"999999")]), 30)
        house.engine.gate.set()
        await first
        return sent

    sent = house.client.run(run())
    assert sent[0]["status"] == 429
    assert orjson.loads(sent[1]["body"])["limit"] == "max_inflight_bytes"


def test_a_body_of_unknown_length_is_refused_where_it_becomes_too_much(
    start_app: Callable[..., Any], squares: Squares
) -> None:
    picture = squares()
    house = House(start_app, max_inflight_bytes=len(picture) + 1000)

    async def run() -> list[Message]:
        house.engine.shut()
        first = asyncio.create_task(house.post(picture))
        await house.engine.come()
        messages = [body(bytes(600), more=True), body(bytes(600), more=True)]
        sent = await asyncio.wait_for(tell(house.client.app, messages), 30)
        house.engine.gate.set()
        await first
        return sent

    assert house.client.run(run())[0]["status"] == 429


def test_a_client_says_how_long_its_request_is_worth_waiting_for(small: House, squares: Squares) -> None:
    async def run() -> Any:
        small.engine.shut()
        late = await small.post(squares(), **{"X-Request-Timeout": "0.05"})
        held = small.service.admission.held
        small.engine.gate.set()
        return late, held

    late, held = small.client.run(run())
    assert late.status_code == 503
    assert late.json()["code"] == "deadline_exceeded"
    assert "X-Request-Timeout" in late.json()["detail"]
    assert held == (0, 0, 0)  # though the picture still is at the gate
    small.client.run(small.until_held(NOTHING))


def test_the_setting_bounds_what_a_client_may_ask_for(start_app: Callable[..., Any], squares: Squares) -> None:
    house = House(start_app, request_timeout=0.05)
    house.engine.shut()
    try:
        late = house.client.run(house.post(squares(), **{"x-request-timeout": "3600"}))
    finally:
        house.engine.gate.set()
    assert late.json()["limit"] == "request_timeout"


def test_without_a_setting_only_the_client_decides(start_app: Callable[..., Any], squares: Squares) -> None:
    house = House(start_app, request_timeout=0)
    assert house.client.run(house.post(squares(), **{"x-request-timeout": "3600"})).status_code == 200
    house.engine.shut()
    late = house.client.run(house.post(squares(), **{"x-request-timeout": "0.05"}))
    house.engine.gate.set()
    assert late.status_code == 503


@pytest.mark.parametrize("value", ["", "soon", "0", "-1", "nan", "inf", "1e999"])
@pytest.mark.parametrize(
    ("path", "status", "field"),
    [("/v1/faces", 422, "detail"), ("/extract", 422, "detail"), ("/embedding", 422, "detail"),
     ("/detect", 422, "error"), ("/find_faces", 400, "message")],
)  # fmt: skip
def test_a_timeout_that_is_no_number_is_told_in_the_form_of_the_api(
    client: Any, value: str, path: str, status: int, field: str
) -> None:
    answer = client.post(path, content=b"", headers={"x-request-timeout": value})
    assert answer.status_code == status
    assert "X-Request-Timeout" in answer.json()[field]


def test_a_client_that_hangs_up_frees_its_place_at_once(small: House, squares: Squares) -> None:
    async def run() -> Any:
        small.engine.shut()
        messages = [body(squares()), {"type": "wait", "for": small.engine.come}, GONE]
        await tell(small.client.app, messages)
        held = small.service.admission.held
        second = asyncio.create_task(small.post(squares()))  # there is room for one picture alone
        await small.until_held(((1, 1, len(squares())), (2, 2 * LOAD), 0, 0))
        small.engine.gate.set()
        return held, await second

    held, second = small.client.run(run())
    assert held == (0, 0, 0)
    assert second.status_code == 200
    small.client.run(small.until_held(NOTHING))


def test_pictures_that_wait_leave_with_their_client(start_app: Callable[..., Any], squares: Squares) -> None:
    house = House(start_app)  # three threads
    many = ormsgpack.packb({"images": [squares()] * 10})

    async def run() -> Any:
        house.engine.shut()
        messages = [body(many), {"type": "wait", "for": partial(house.engine.come, 3)}, GONE]
        request = asyncio.create_task(tell(house.client.app, messages, content_type=b"application/msgpack"))
        await house.until_held(((1, 10, len(many)), (3, 3 * LOAD), 7, 0))
        await request
        held = house.held()
        house.engine.gate.set()
        return held

    assert house.client.run(run()) == ((0, 0, 0), (3, 3 * LOAD), 0, 0)
    house.client.run(house.until_held(NOTHING))


@pytest.fixture(scope="module")
def tight(start_app: Callable[..., Any]) -> House:
    """A server with so little room that much of what is asked at once is refused."""
    return House(start_app, streams=2, max_queued_pictures=3, max_inflight_bytes=8000, max_inflight_pixels=LOAD)


KINDS = st.sampled_from(
    ("good", "many", "corrupt", "unreadable", "impatient", "gone early", "gone late", "torn", "large", "wrong header")
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(KINDS, min_size=1, max_size=12))
def test_after_any_mix_of_requests_nothing_is_held(tight: House, squares: Squares, kinds: list[str]) -> None:
    picture = squares((1, 1))
    app = tight.client.app

    async def ask(kind: str) -> Any:
        match kind:
            case "good":
                return (await tight.post(picture)).status_code
            case "many":
                return (await tight.client.post_async("/v1/faces", files=[("file", picture)] * 5)).status_code
            case "corrupt":
                return (await tight.post(picture[:200])).status_code
            case "unreadable":
                return (await tight.client.post_async("/v1/faces", json={"images": 7})).status_code
            case "impatient":
                return (await tight.post(picture, **{"x-request-timeout": "1e-5"})).status_code
            case "wrong header":
                return (await tight.post(picture, **{"x-request-timeout": "soon"})).status_code
            case "large":
                return (await tight.post(bytes(20_000))).status_code
            case "gone early":
                messages = [body(picture[:100], more=True), GONE]
            case "torn":
                messages = [GONE]
            case _:
                messages = [body(picture), GONE]
        return (await tell(app, messages))[0]["status"]

    async def run() -> list[int]:
        statuses = await asyncio.gather(*map(ask, kinds))
        await tight.until_held(NOTHING)
        return statuses

    assert set(tight.client.run(run())) <= {200, 422, 429, 499, 503}
    figures = tight.client.get("/metrics").text.splitlines()
    for gauge in ("pictures_waiting", "pictures_in_flight", "pixels_in_flight", "bytes_in_flight"):
        assert f"vultus_{gauge} 0.0" in figures
