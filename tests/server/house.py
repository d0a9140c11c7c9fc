"""An application whose pictures wait at a gate, and clients that speak ASGI to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

from starlette.types import Message, Scope

from vultus.engine import FaceEngine
from vultus.server.service import Service
from vultus.settings import Settings

NOTHING = ((0, 0, 0), (0, 0), 0, 0)
"""What ``House.held`` tells when nothing is under way."""


class Gated(FaceEngine):
    """An engine whose pictures wait at a gate; ``entered`` tells how many have come there."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.gate, self.entered = threading.Event(), threading.Semaphore(0)
        self.gate.set()
        analyze = self._walk.analyze

        def wait(*given: Any) -> Any:
            self.entered.release()
            assert self.gate.wait(30)
            return analyze(*given)

        self._walk.analyze = wait  # type: ignore[method-assign, assignment]

    def shut(self) -> None:
        self.gate.clear()
        while self.entered.acquire(blocking=False):
            pass

    async def come(self, count: int = 1) -> None:
        """Return when so many pictures more stand at the gate."""
        for _ in range(count):
            assert await asyncio.to_thread(self.entered.acquire, timeout=30)


class House:
    """An application with a gate, and what it holds."""

    def __init__(self, start_app: Callable[..., Any], **given: Any) -> None:
        engines: list[Gated] = []

        def factory(settings: Settings) -> Gated:
            engines.append(Gated(settings))
            return engines[0]

        self.client = start_app(engine_factory=factory, **{"streams": 1, **given})
        self.engine = engines[0]
        self.service: Service = self.client.app.state.service

    def held(self) -> Any:
        """Requests, their pictures and bytes; pictures under way and their pixels; pictures and jobs that wait."""
        admission = self.service.admission
        return (admission.held, admission.turns.running, admission.turns.waiting, self.engine.workers.waiting)

    async def until_held(self, expected: Any) -> None:
        async with asyncio.timeout(30):
            while self.held() != expected:  # noqa: ASYNC110 - others' turn
                await asyncio.sleep(0)

    async def post(self, picture: bytes, **headers: str) -> Any:
        return await self.client.post_async(
            "/v1/faces", content=picture, headers={"content-type": "image/png"} | headers
        )


async def tell(
    app: Any,
    messages: Sequence[Message],
    headers: Sequence[tuple[bytes, bytes]] = (),
    content_type: bytes = b"image/png",
) -> list[Message]:
    """Speak ASGI: what a client says, after which it waits (``wait``), goes away, or both."""
    sent: list[Message] = []
    waiting = iter(messages)

    async def receive() -> Message:
        message = next(waiting, None)
        if message is None:
            await asyncio.Event().wait()
            raise AssertionError
        if message["type"] == "wait":
            await message["for"]()
            return await receive()
        return message

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http", "method": "POST", "path": "/v1/faces", "raw_path": b"/v1/faces", "query_string": b"",
        "headers": [(b"content-type", content_type), *headers], "http_version": "1.1", "scheme": "http",
        "root_path": "", "server": ("test", 80), "client": ("test", 1),
    }  # fmt: skip
    await app(scope, receive, send)
    return sent


def body(content: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": content, "more_body": more}


GONE: Message = {"type": "http.disconnect"}
