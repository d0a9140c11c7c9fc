"""Uvicorn's HTTP protocol for clients that mean harm: too many of them, heads without end, silence, unread answers."""

from __future__ import annotations

import asyncio
import math
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

import uvicorn
from starlette.exceptions import HTTPException
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from vultus.errors import BodyTooSlow, HeadTooLarge, Overloaded, VultusError
from vultus.server.body import Pace
from vultus.server.problems import MEDIA_TYPE, document, headers_of, status_of
from vultus.settings import Settings

_MOST_AHEAD = 100  # requests of a connection that are not answered yet; few clients send even two
_REFUSED_SECONDS = 1.0  # for which a connection too many is kept for its request to come, and be answered


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one connection may cost.

    Attributes:
        connections: How many there may be.
        fields: Most header fields of a request.
        head_bytes: Largest head.
        read_seconds: Time a head may take; also the rest of a body that nobody reads, once it was answered.
        write: How fast answers have to be taken.
    """

    connections: int
    fields: int
    head_bytes: int
    read_seconds: float
    write: Pace

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those that are set."""
        return cls(
            settings.max_connections,
            settings.max_headers,
            settings.max_header_bytes,
            settings.read_timeout,
            Pace(settings.write_timeout, settings.min_transfer_rate),
        )


class GuardedProtocol(HttpToolsProtocol):
    """One connection, ended where its client goes beyond the limits.

    A body that the application reads is timed there (``read_body``), so that the refusal is in its own words; here is
    what never gets to it. None of it costs a request anything that comes in one piece and is taken at once.

    Args:
        limits: What the connection may cost.
        config, server_state, app_state: Uvicorn's.
    """

    def __init__(
        self,
        limits: ConnectionLimits,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._fields = 0
        self._head_bytes = 0
        self._unclaimed = 0  # bytes that came since the parser last made something of them
        self._in_head = False  # between a head's first byte and its last
        self._in_request = False  # and its body's last
        self._unanswered = 0  # requests
        self._refusal: VultusError | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See ``asyncio.Protocol``."""
        super().connection_made(transport)
        if len(self.connections) <= self._limits.connections:
            self._await_reading()
            return
        detail = (
            f"there are more than {self._limits.connections} connections; come again later or raise max_connections"
        )
        self._refusal = Overloaded(detail, limit="max_connections")  # said as soon as there is a request
        self._await_reading(_REFUSED_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._stop_reading()
        if self._writing:
            self._writing.cancel()
            self._writing = None

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        if self.transport.is_closing():
            return
        self._unclaimed += len(data)
        super().data_received(data)
        if self.transport.is_closing():  # refused, and answered
            return
        if self._unclaimed > self._limits.head_bytes:  # a field, of head or trailer, or a chunk's head does not end
            self._refuse_large_head()
            self.send_400_response("")
            return
        is_idle = not self._in_request and not self._unanswered  # line ends may come before a request
        if self._reading is None and (self._in_head or is_idle):
            self._await_reading()

    def on_message_begin(self) -> None:
        """See ``httptools``."""
        super().on_message_begin()
        self._fields = self._head_bytes = 0
        self._in_head = self._in_request = True

    def on_url(self, url: bytes) -> None:
        """See ``httptools``."""
        super().on_url(url)
        self._unclaimed = 0
        self._count_head(len(url))
        self._check_refusal()

    def on_header(self, name: bytes, value: bytes) -> None:
        """See ``httptools``."""
        super().on_header(name, value)
        self._unclaimed = 0
        self._fields += 1
        self._count_head(len(name) + len(value))
        if self._fields > self._limits.fields:
            self._refuse_head(f"{self._limits.fields} header fields", "max_headers")
        self._check_refusal()

    def on_headers_complete(self) -> None:
        """See ``httptools``."""
        self._in_head = False
        self._unclaimed = 0
        self._unanswered += 1
        if self._unanswered > _MOST_AHEAD:
            self._refusal = Overloaded(f"more than {_MOST_AHEAD} requests were sent ahead of their answers")
            raise self._refusal
        self._stop_reading()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """See ``httptools``."""
        super().on_body(body)
        self._unclaimed = 0

    def on_message_complete(self) -> None:
        """See ``httptools``."""
        self._in_request = False
        self._unclaimed = 0
        self._stop_reading()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """See uvicorn."""
        super().on_response_complete()
        if self.pipeline:  # uvicorn reads on, so that a client that never reads could fill the memory with requests
            self.flow.pause_reading()
        self._unanswered -= 1
        if self._in_request and not self._unanswered:
            self._await_reading()
        self._watch_writing()

    def pause_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        super().pause_writing()
        self._watch_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words
        """See uvicorn: answer what is no HTTP, or is refused before there is a request."""
        error = self._refusal or HTTPException(HTTPStatus.BAD_REQUEST, "this is no HTTP request")
        status, request_id = HTTPStatus(status_of(error)), uuid.uuid4().hex
        body = document(error, request_id)
        head = (
            f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
            f"x-request-id: {request_id}\r\nconnection: close\r\n"
        )
        head += "".join(f"{name}: {value}\r\n" for name, value in headers_of(error).items() if name != "connection")
        self._stop_reading()
        self.transport.write(head.encode("ascii") + b"\r\n" + body)
        self.transport.close()
        self._watch_writing()

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._limits.head_bytes:
            self._refuse_large_head()

    def _refuse_large_head(self) -> None:
        self._refuse_head(f"{self._limits.head_bytes} bytes in its head or trailer", "max_header_bytes")

    def _refuse_head(self, what: str, limit: str) -> None:
        detail = f"the request has more than {what}; send less or raise {limit}"
        self._refusal = self._refusal or HeadTooLarge(detail, limit=limit)

    def _check_refusal(self) -> None:
        """End the parsing: uvicorn then calls ``send_400_response``."""
        if self._refusal:
            raise self._refusal

    def _await_reading(self, most: float = math.inf) -> None:
        self._stop_reading()
        self._reading = self.loop.call_later(min(self._limits.read_seconds, most), self._give_up_reading)

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading.cancel()
            self._reading = None

    def _give_up_reading(self) -> None:
        self._reading = None
        if self.transport.is_closing():
            return
        if self._unanswered:  # what comes behind a request disturbs it as little as silence does
            self._await_reading()
        elif self._in_head:
            detail = f"the request's head did not come within {self._limits.read_seconds:g} seconds (read_timeout)"
            self._refusal = BodyTooSlow(detail, limit="read_timeout")
            self.send_400_response("")
        else:
            self.transport.close()
            self._watch_writing()

    def _watch_writing(self) -> None:
        """See to it that what is unsent gets less, until it is gone."""
        unsent = self.transport.get_write_buffer_size()
        if unsent and self._writing is None:
            self._unsent = unsent
            self._writing = self.loop.call_later(self._limits.write.seconds, self._check_writing)

    def _check_writing(self) -> None:
        self._writing = None
        unsent = self.transport.get_write_buffer_size()
        if unsent > self._unsent - self._limits.write.seconds * self._limits.write.rate and unsent:
            self.transport.abort()
        else:
            self._watch_writing()
