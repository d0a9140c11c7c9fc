"""A server that leaves while others stay, on loopback and on a thread of the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import cast

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from vultus.server import retirement
from vultus.server.departure import Departure
from vultus.server.listening import listen
from vultus.server.retirement import RetiringServer

pytestmark = pytest.mark.integration


class NeverDeparts:
    """Plays the departure of a server that is not asked to end."""

    begun = False
    patience = 30.0

    def is_over(self) -> bool:
        return False


class Stage:
    """A server on a thread, whose answers to ``/slow`` wait for ``release``."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.release = threading.Event()
        config = uvicorn.Config(self._app, log_config=None, lifespan="off", ws="none", interface="asgi3")
        self.server = RetiringServer(config, cast("Departure", NeverDeparts()))
        self._listener = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self.server.run, args=([self._listener],))
        self._thread.start()

    def join(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._listener.close()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            self.entered.set()
            await asyncio.to_thread(self.release.wait)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.release.set()
    stage.server.retire()
    stage.join()


def test_a_kept_connection_gets_one_more_answer_which_says_that_it_closes(stage: Stage) -> None:
    with httpx.Client(base_url=stage.url, timeout=30) as client:
        assert "connection" not in client.get("/").headers
        asking: list[httpx.Response] = []
        slow = threading.Thread(target=lambda: asking.append(httpx.get(f"{stage.url}/slow", timeout=30)))
        slow.start()
        assert stage.entered.wait(30)
        stage.server.retire()
        answers = [client.get("/")]
        while "connection" not in answers[-1].headers:  # until the event loop has noticed
            answers.append(client.get("/"))
        assert {answer.status_code for answer in answers} == {200}
        assert answers[-1].headers["connection"] == "close"
        assert all(parsedate_to_datetime(answer.headers["date"]) for answer in answers)
        stage.release.set()
        slow.join(30)
    stage.join()
    assert asking[0].status_code == 200


def test_connections_that_ask_for_nothing_do_not_keep_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retirement, "LINGER", 0.0)
    with httpx.Client(base_url=stage.url, timeout=30) as client:
        client.get("/")
        stage.server.retire()
        stage.join()
