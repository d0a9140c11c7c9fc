"""The gate by itself, and that through it the same is said as behind it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from vultus.errors import Overloaded
from vultus.runtime.ticket import Ticket
from vultus.server.gate import Gate, picture_routes

pytestmark = pytest.mark.unit


async def within(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("within")(scope, receive, send)


ROUTES = [
    Route("/faces", within, methods=["POST"]),
    Route("/info", within),
    Route("/both", within, methods=["GET", "POST"]),
]


def ask(path: str, method: str = "POST", *, full: bool = True) -> tuple[int, str, Any]:
    def check() -> None:
        if full:
            raise Overloaded("no room", limit=None, retry_after=7)

    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "headers": []}
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("the body is not to be read")

    gate = Gate(within, picture_routes(ROUTES), check, lambda _, error: PlainTextResponse(str(error), 429))
    asyncio.run(gate(scope, receive, send))
    return sent[0]["status"], sent[1]["body"].decode(), scope.get("route")


def test_pictures_are_turned_away_while_there_is_no_room() -> None:
    status, body, route = ask("/faces")
    assert (status, route.path) == (429, "/faces")
    assert "no room" in body
    assert ask("/both")[0] == 429


@pytest.mark.parametrize(
    ("path", "method"), [("/info", "GET"), ("/both", "GET"), ("/nowhere", "POST"), ("/faces/", "POST")]
)
def test_everything_else_passes(path: str, method: str) -> None:
    assert ask(path, method) == (200, "within", None)


def test_all_pass_while_there_is_room() -> None:
    assert ask("/faces", full=False)[0] == 200


@pytest.mark.parametrize("path", ["/v1/faces", "/extract", "/embedding", "/embed", "/find_faces"])
def test_at_the_gate_the_same_is_said_as_behind_it(start_app: Any, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = []
    for has_gate in (True, False):
        if not has_gate:
            monkeypatch.setattr("vultus.server.app.picture_routes", lambda _: {})
        client = start_app(max_queued_pictures=1, streams=1)
        with client.app.state.service.admission.enter(Ticket()) as place:
            place.expect(1)
            answer = client.post(path, content=b"no picture", headers={"x-request-id": "one"})
            counted = [
                line
                for line in client.get("/metrics").text.splitlines()
                if 'status="429"' in line and path in line and "_created" not in line
            ]
        said.append((answer.status_code, answer.headers, answer.content, len(counted)))
        assert client.post(path, content=b"no picture").status_code != 429
    assert said[0] == said[1]
    assert said[0][0] == 429
    assert said[0][3] >= 1
