"""Bytes of a request, counted as they come."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from starlette.requests import Request
from starlette.types import Receive

from vultus.errors import BodyTooSlow, Cancelled, RequestTooLarge

UNWATCHED = 0.1
"""Seconds for which nobody looks whether the client is still there: most answers are ready by then, without a task that
waits for its going."""

_LONGEST_NUMBER = 18  # digits; more is beyond any limit, and beyond what int() should be bothered with


class Pace(NamedTuple):
    """How fast bytes have to come or go.

    Attributes:
        seconds: What a client gets in any case.
        rate: Bytes for which it gets a second more.
    """

    seconds: float
    rate: float


async def read_body(request: Request, limit: int, hold: Callable[[int], object], pace: Pace) -> bytes:
    """The whole body.

    Args:
        request: The request whose body nobody has read yet.
        limit: Most bytes taken. An announced length above it is refused before anything is read.
        hold: Told of bytes before they are kept: of an announced length at once, of all others as they come.
        pace: How fast it has to come.

    Raises:
        RequestTooLarge: The body is longer than ``limit``.
        BodyTooSlow: It comes slower than ``pace``.
        Cancelled: The client went away before the body was complete.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > _LONGEST_NUMBER or int(announced) > limit):
        raise _too_large(limit)
    held = int(announced) if announced.isdecimal() else 0
    hold(held)
    chunks: list[bytes] = []
    size = 0
    started = asyncio.get_running_loop().time()
    while True:
        deadline = started + pace.seconds + size / pace.rate
        try:
            async with asyncio.timeout_at(deadline if deadline < math.inf else None):
                message = await request.receive()
        except TimeoutError:
            raise BodyTooSlow(
                f"only {size} bytes of the request's body came within {deadline - started:.3g} seconds; send it "
                "faster, or raise read_timeout",
                limit="read_timeout",
            ) from None
        if message["type"] == "http.disconnect":
            raise Cancelled("the client went away before its request was complete")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        if size > held:
            hold(size - held)
            held = size
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


@contextmanager
def watched(receive: Receive, give_up: Callable[[], object], after: float = UNWATCHED) -> Iterator[None]:
    """Has work given up whose client goes away within a ``with`` block, once that has lasted ``after`` seconds.

    Args:
        receive: The request's, its body read.
        give_up: Gives the work up.
        after: Seconds after which to begin to look; 0: at once.
    """

    async def wait() -> None:
        if (await receive())["type"] == "http.disconnect":  # all that can come after a whole body
            give_up()

    tasks: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()
    timer = loop.call_later(after, lambda: tasks.append(loop.create_task(wait())))
    try:
        yield
    finally:
        timer.cancel()
        for task in tasks:
            task.cancel()


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(
        f"the request body has more than {limit} bytes; send less at once or raise max_request_bytes",
        limit="max_request_bytes",
    )
