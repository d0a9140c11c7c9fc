from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from vultus.errors import EngineError
from vultus.server.dialects.shared import add_health

pytestmark = pytest.mark.unit


class Service:
    """Of a service only the canary, whose last flight ended as told."""

    def __init__(self, error: Exception | None) -> None:
        self.canary = self
        self._error = error

    def check(self) -> None:
        if self._error:
            raise self._error


def health(error: Exception | None) -> httpx.Response:
    service: Any = Service(error)
    routes = APIRouter()
    add_health(routes, service)
    app = FastAPI()
    app.include_router(routes)

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get("/health")

    return asyncio.run(get())


def test_good_health_is_what_every_dialect_says() -> None:
    answer = health(None)
    assert (answer.status_code, answer.content) == (200, b'{"status":"ok"}')
    assert answer.headers["content-type"] == "application/json"


def test_a_failed_self_check_is_told_in_insightface_rests_words() -> None:
    answer = health(EngineError("no"))
    assert (answer.status_code, answer.json()) == (500, {"detail": "self check failed"})
