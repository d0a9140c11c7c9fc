"""Routes that call their endpoints at once, beside those that FastAPI reads parameters for."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from vultus.server.route import PlainRoute

pytestmark = pytest.mark.unit


def ask(method: str, path: str, **given: Any) -> httpx.Response:
    routes = APIRouter(route_class=PlainRoute)

    @routes.post("/whole")
    async def whole(request: Request) -> Response:
        return PlainTextResponse(f"{request.url.path} {(await request.body()).decode()}")

    @routes.post("/parts")
    async def parts(count: int) -> Response:
        return PlainTextResponse(str(count + 1))

    app = FastAPI()
    app.router.routes.extend(routes.routes)

    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.request(method, path, **given)

    return asyncio.run(answer())


def test_an_endpoint_that_takes_the_request_gets_it_unread() -> None:
    answer = ask("POST", "/whole", content=b"{not json", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.text) == (200, "/whole {not json")


def test_only_an_endpoint_that_takes_the_request_alone_is_called_at_once() -> None:
    async def whole(request: Request) -> Response:
        return Response(await request.body())

    async def parts(request: Request, count: int) -> Response:
        return Response(await request.body(), count)

    def check() -> None: ...

    def is_called_at_once(route: PlainRoute) -> bool:
        handler: object = route.get_route_handler()
        return handler is route.endpoint

    assert is_called_at_once(PlainRoute("/", whole))
    assert not is_called_at_once(PlainRoute("/", parts))
    assert not is_called_at_once(PlainRoute("/", whole, dependencies=[Depends(check)]))


def test_parameters_are_read_and_checked_all_the_same() -> None:
    assert ask("POST", "/parts?count=2").text == "3"
    assert ask("POST", "/parts?count=two").status_code == 422


def test_both_are_in_the_document() -> None:
    assert {"/whole", "/parts"} <= ask("GET", "/openapi.json").json()["paths"].keys()
