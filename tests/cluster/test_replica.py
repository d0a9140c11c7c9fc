from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from vultus.cluster import replica
from vultus.cluster.replica import OneRequestId, Replica
from vultus.errors import DeviceUnavailable, SelfCheckFailed, VultusError
from vultus.server.service import Service

pytestmark = pytest.mark.unit


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a replica that leaves the log and the garbage collector as they are."""
    monkeypatch.setattr(replica, "log_to_stderr", lambda *_, **__: None)
    monkeypatch.setattr(replica, "spare_residents", lambda: None)
    return lambda **given: Replica({"runtime": "dummy", "streams": 1, **given})


def service_of(made: Replica) -> Service:
    service: Service = made.__serve_build_asgi_app__().state.service
    return service


async def lead(made: Replica, action: Any) -> Any:
    """What Ray does: begin the application's lifespan, ask for health, ..., end the lifespan."""
    application = made.__serve_build_asgi_app__()
    async with application.router.lifespan_context(application):
        await made.check_health()
        return await action(application)


async def post(application: FastAPI, picture: bytes) -> httpx.Response:
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post("/v1/faces", content=picture, headers={"content-type": "image/png"})


def test_it_is_healthy_only_once_its_engine_is_warm(make: Any, squares: Any) -> None:
    made = make()
    answer = asyncio.run(lead(made, lambda application: post(application, squares((1, 1)))))
    assert len(answer.json()["pictures"][0]["faces"]) == 1


def test_the_collector_spares_it_once_its_engine_is_there(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spared: list[bool] = []
    monkeypatch.setattr(replica, "spare_residents", lambda: spared.append(True))
    made = make()
    assert not spared

    async def look(_: FastAPI) -> int:
        return len(spared)

    assert asyncio.run(lead(made, look)) == 1


def test_why_there_is_no_engine_is_what_ray_is_told(make: Any) -> None:
    with pytest.raises(DeviceUnavailable):
        asyncio.run(lead(make(runtime="openvino", device="GPU.9", offline=True), None))


def test_settings_that_cannot_be_used_end_its_making(make: Any) -> None:
    with pytest.raises(VultusError, match="nosuch"):
        make(dialects="nosuch")


def test_a_lost_self_check_is_told(make: Any) -> None:
    made = make()

    async def fail(_: FastAPI) -> None:
        service_of(made).canary._note(RuntimeError("stuck"))
        await made.check_health()

    with pytest.raises(SelfCheckFailed, match="stuck"):
        asyncio.run(lead(made, fail))


def test_what_is_away_for_all_replicas_is_not_its_fault(make: Any) -> None:
    made = make()

    async def suspend(_: FastAPI) -> None:
        service_of(made).lifecycle.suspend("what computes is away")
        await made.check_health()

    asyncio.run(lead(made, suspend))


def test_its_answers_leave_the_request_id_to_the_proxy(make: Any, squares: Any) -> None:
    answer = asyncio.run(lead(make(), lambda application: post(application, squares((1, 1)))))
    assert "x-request-id" not in answer.headers
    assert answer.json()["request_id"]


def test_other_fields_of_the_head_stay() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"x-request-id", b"1"), (b"retry-after", b"2")]
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(OneRequestId(application)({"type": "http"}, None, send))  # type: ignore[arg-type]
    assert sent[0]["headers"] == [(b"retry-after", b"2")]
