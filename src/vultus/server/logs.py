"""The log of a server's process: text for people, or one JSON object a line for machines."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import orjson

from vultus.server.record import current

LogFormat: TypeAlias = Literal["text", "json"]

FACTS = "facts"
"""Name in ``extra`` of what a line tells beside its message: a mapping, which only the JSON form shows."""

_TALKATIVE = ("httpx", "httpcore", "urllib3", "python_multipart", "PIL")
"""Libraries whose lower levels tell addresses, headers or what is in bodies."""


def log_to_stderr(level: str, process: str = "", form: LogFormat = "text") -> None:
    """Send what is logged to standard error.

    Args:
        level: Least level that is told.
        process: Name of this process where there are several.
        form: Of the lines.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(process) if form == "json" else TextLines(process))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # What uvicorn says about starting and stopping is said better here.
    logging.getLogger("uvicorn").setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


class TextLines(logging.Formatter):
    """Time, level, process, logger and message; at the end the request that a line belongs to.

    Args:
        process: Name of this process where there are several.
    """

    def __init__(self, process: str = "") -> None:
        origin = f"[{process}] " if process else ""
        super().__init__(f"%(asctime)s %(levelname)s {origin}%(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """See ``logging.Formatter``: the line without what an exception adds."""
        line = super().formatMessage(record)
        request_id = _request_id()
        return f"{line} [request {request_id}]" if request_id and request_id not in line else line


class JsonLines(logging.Formatter):
    """JSON: ``time`` (RFC 3339, UTC), ``level``, ``logger``, ``message``, and what else there is to a line.

    That may be ``process``, ``request_id``, ``exception`` (the trace), and whatever is in ``FACTS``.

    Args:
        process: Name of this process where there are several.
    """

    def __init__(self, process: str = "") -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if self._process:
            line["process"] = self._process
        if request_id := _request_id():
            line["request_id"] = request_id
        line |= getattr(record, FACTS, {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z).decode()


def _request_id() -> str | None:
    about = current()
    return about.request_id if about else None
