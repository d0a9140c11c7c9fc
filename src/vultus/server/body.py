"""Bytes of a request, counted as they come."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.types import Receive

from vultus.errors import Cancelled, RequestTooLarge

_LONGEST_NUMBER = 18  # digits; more is beyond any limit, and beyond what int() should be bothered with


async def read_body(request: Request, limit: int, hold: Callable[[int], object] = lambda _: None) -> bytes:
    """The whole body.

    Args:
        request: The request whose body nobody has read yet.
        limit: Most bytes taken. An announced length above it is refused before anything is read.
        hold: Told of bytes before they are kept: of an announced length at once, of all others as they come.

    Raises:
        RequestTooLarge: The body is longer than ``limit``.
        Cancelled: The client went away before the body was complete.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > _LONGEST_NUMBER or int(announced) > limit):
        raise _too_large(limit)
    held = int(announced) if announced.isdecimal() else 0
    hold(held)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
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


async def call_on_disconnect(receive: Receive, give_up: Callable[[], object]) -> None:
    """Wait for the client to go away, then give its work up. To be cancelled once the answer is there."""
    if (await receive())["type"] == "http.disconnect":  # all that can come after a whole body
        give_up()


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(
        f"the request body has more than {limit} bytes; send less at once or raise max_request_bytes",
        limit="max_request_bytes",
    )
