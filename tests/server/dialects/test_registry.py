from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from vultus.errors import SettingsError
from vultus.server.dialects import DIALECTS, chosen, mount
from vultus.server.dialects.base import Dialect
from vultus.server.dialects.shared import HEALTH
from vultus.server.service import Service
from vultus.settings import Settings

pytestmark = pytest.mark.unit


def test_dialects_are_chosen_by_name_and_once() -> None:
    assert chosen(()) == ()
    assert [dialect.name for dialect in chosen(("insightface-rest", "insightface-rest"))] == ["insightface-rest"]
    assert [dialect.name for dialect in chosen(DIALECTS)] == list(DIALECTS)


def test_unknown_names_are_refused_and_the_known_are_listed() -> None:
    with pytest.raises(SettingsError, match=r"no klingon, elvish; there are: .*insightface-rest"):
        chosen(("klingon", "insightface-rest", "elvish"))


def test_all_of_them_are_offered_by_default() -> None:
    assert Settings().dialects == tuple(DIALECTS)


def paths(dialect: Dialect) -> set[str]:
    unused: Any = None  # a service is needed only once a route is asked
    return {route.path for route in dialect.router(unused).routes if isinstance(route, APIRoute)}


def test_no_dialect_owns_a_path_of_the_native_api() -> None:
    owned = set().union(*map(paths, chosen(DIALECTS)))
    assert {"/extract", "/embedding"} < owned
    assert not {"/live", "/ready", "/metrics", "/docs", "/openapi.json"} & owned
    assert not any(path.startswith("/v1") for path in owned)


def made_up(name: str, *routes: tuple[str, str]) -> Dialect:
    """A dialect whose routes, given as method and path, answer its name."""

    async def answer() -> str:
        return name

    def router(service: Service) -> APIRouter:
        made = APIRouter()
        for method, path in routes:
            made.add_api_route(path, answer, methods=[method], operation_id=f"{name} {method} {path}")
        return made

    unused: Any = None
    return Dialect(name, router, unused, unused)


def mounted(*dialects: Dialect) -> tuple[FastAPI, dict[str, str]]:
    unused: Any = None
    app = FastAPI()
    return app, {path: owner.name for path, owner in mount(app, dialects, unused).items()}


def ask(app: FastAPI, path: str) -> Any:
    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get(path)

    return asyncio.run(get()).json()


def test_a_shared_path_is_the_first_dialects() -> None:
    one = made_up("one", ("GET", HEALTH), ("GET", "/one"), ("POST", "/one"))
    two = made_up("two", ("GET", HEALTH), ("GET", "/two"))
    app, owners = mounted(one, two)
    assert owners == {HEALTH: "one", "/one": "one", "/two": "two"}
    assert (ask(app, HEALTH), ask(app, "/two")) == ("one", "two")
    assert app.openapi()["paths"][HEALTH].keys() == {"get"}
    app, owners = mounted(two, one)
    assert (owners[HEALTH], ask(app, HEALTH)) == ("two", "two")


def test_any_other_path_has_one_owner() -> None:
    with pytest.raises(ValueError, match="two claims /same"):
        mounted(made_up("one", ("GET", "/same")), made_up("two", ("POST", "/same"), ("GET", "/two")))
