"""A server in a process of its own, for as long as it is measured; and what a running one says of itself."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import httpx

from vultus.bench.processes import end
from vultus.errors import ServerUnreachable
from vultus.settings import ENV_PREFIX, Settings, variable_of

_COMMAND = (sys.executable, "-m", "vultus", "serve")
_ANNOUNCED = re.compile(rb" on (http://\S+)")
_UNGUARDED = {"keys": (), "keys_file": None, "tls_cert": None, "tls_key": None, "tls_password": None}
_LOCAL = {"host": "127.0.0.1", "port": 0, "compat": None, **_UNGUARDED}  # the service in compat has told all
_POLL_SECONDS = 0.05
_TAIL = 2000  # characters of its log that are quoted


class ServerProcess:
    """``vultus serve`` on a free port of loopback, without keys and TLS. Use it in a ``with`` statement.

    Args:
        settings: Of the server, but for host and port.
        patience: Seconds until it has to listen, and then to be ready.

    Attributes:
        url: Its address, without a slash at the end.
        pid: Its process.

    Raises:
        ServerUnreachable: It does not start.
    """

    def __init__(self, settings: Settings, patience: float = 600) -> None:
        self._patience = patience
        self._folder = tempfile.TemporaryDirectory(prefix="vultus-bench-")
        self._log = Path(self._folder.name) / "log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
        local = settings.model_copy(update=_LOCAL)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed command
                _COMMAND, env=kept | environment(local), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )
        self.pid = self._process.pid
        try:
            self.url = self._read_address()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server."""
        end(self._process)
        if self._process.stdout:
            self._process.stdout.close()
        self._folder.cleanup()

    def wait_ready(self) -> None:
        """Return when the server calls itself ready.

        Raises:
            ServerUnreachable: It ended, or it takes too long.
        """
        deadline = time.monotonic() + self._patience
        while not is_ready(self.url):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise self._failure()
            time.sleep(_POLL_SECONDS)

    def _read_address(self) -> str:
        """The address in the first line it prints."""
        assert self._process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            line = self._process.stdout.readline() if selector.select(self._patience) else b""
        found = _ANNOUNCED.search(line)
        if not found:
            raise self._failure()
        return found[1].decode()

    def _failure(self) -> ServerUnreachable:
        said = self._log.read_text(errors="replace").strip()[-_TAIL:]
        return ServerUnreachable(f"the server that was to be measured does not start; it said: {said or 'nothing'}")


def environment(settings: Settings) -> dict[str, str]:
    """The variables of the environment that stand for these settings."""
    fields = Settings.model_fields
    texts = {
        variable_of(name): _text(getattr(settings, name))
        for name in fields
        if getattr(settings, name) != fields[name].default
    }
    return {variable: text for variable, text in texts.items() if text is not None}


def describe(url: str, headers: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """What a running server says of itself (``/v1/info``), asked with these headers.

    Raises:
        ServerUnreachable: It does not answer, is not ready, or is no Vultus.
    """
    try:
        answer = httpx.get(f"{url}/v1/info", headers={"Accept": "application/json", **headers})
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        _ = told["networks"], told["precision"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise ServerUnreachable(f"{url} does not answer as a server that is ready: {error}") from error
    return told


def is_ready(url: str) -> bool:
    """Whether a server calls itself ready."""
    try:
        return httpx.get(f"{url}/ready").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _text(value: object) -> str | None:
    """A value as the environment holds it: an empty list that is not the default is written ``none``."""
    if value is None:
        return None
    if isinstance(value, tuple):
        separator = os.pathsep if any(isinstance(item, Path) for item in value) else ","
        return separator.join(map(str, value)) or "none"
    return str(int(value)) if isinstance(value, int) and not isinstance(value, bool) else str(value)
