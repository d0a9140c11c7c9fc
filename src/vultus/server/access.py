"""Who is let in: ASGI middleware that asks for an API key before anything of a request is read but its head."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vultus.errors import Forbidden, SettingsError, Unauthorized, VultusError
from vultus.server.metrics import Metrics
from vultus.server.openapi import with_refusals_of_keys
from vultus.server.rate import Allowance
from vultus.settings import Settings
from vultus.settings.keys import ApiKey, digest_of, parse_keys

_ALLOWANCE = "allowance"  # in a request's state
_BEARER = b"bearer "


class Guard:
    """Lets requests in that have a key for what they ask.

    Args:
        app: The application within.
        keyring: The keys, and what needs none.
        area_of: Tells to which area a path belongs; ``None``: to none, and any key will do.
        render: Makes the answer to an error.
        metrics: Where refusals are counted.
    """

    def __init__(
        self,
        app: ASGIApp,
        keyring: Keyring,
        area_of: Callable[[str], str | None],
        render: Callable[[Request, Exception], Response],
        metrics: Metrics,
    ) -> None:
        self._app = app
        self._keyring = keyring
        self._area_of = area_of
        self._render = render
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            try:
                self._admit(scope)
            except VultusError as error:
                await self._render(Request(scope), error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        """Refuse a request, or note whose it is.

        Raises:
            Unauthorized: It has no key, or one that is not known.
            Forbidden: Its key is for something else.
            RateLimited: Its key was used too often.
        """
        path = scope["path"]
        area = self._area_of(path)
        if self._keyring.is_open(path, area):
            return
        try:
            allowance = self._keyring.find(scope)
        except Unauthorized as error:
            self._metrics.refusals.labels(error.code).inc()
            raise
        if not allowance.key.allows(area):
            raise allowance.refused(Forbidden(f"the API key is not for {area}; give it that scope in the setting keys"))
        allowance.request()
        scope.setdefault("state", {})[_ALLOWANCE] = allowance


def charge_pictures(request: Request, count: int) -> None:
    """Count the pictures of a request as sent by its key, if it has one; from any thread.

    Raises:
        RateLimited: The key has sent too many.
    """
    allowance: Allowance | None = request.scope.get("state", {}).get(_ALLOWANCE)
    if allowance:
        allowance.pictures(count)


class Keyring:
    """The keys of a server, and what needs none.

    Args:
        settings: The server's.
        metrics: Where keys' requests are counted.

    Raises:
        SettingsError: The file with keys cannot be used.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        share = 1 / settings.workers
        self._allowances = [Allowance(key, share, metrics) for key in read_keys(settings)]
        self._open_areas = frozenset(settings.keyless)
        self._open_paths = frozenset(path for path in settings.open_paths if not path.endswith("*"))
        self._open_prefixes = tuple(path[:-1] for path in settings.open_paths if path.endswith("*"))

    def is_open(self, path: str, area: str | None) -> bool:
        """Whether a path needs no key; with a slash at its end it is the same path."""
        return (
            area in self._open_areas
            or (path.rstrip("/") or path) in self._open_paths
            or path.startswith(self._open_prefixes)
        )

    def find(self, scope: Scope) -> Allowance:
        """Whose request it is.

        Raises:
            Unauthorized: It has no key, or none that is known.
        """
        given = list(_given_keys(scope))
        found: Allowance | None = None
        for text in given:
            digest = digest_of(text)
            for allowance in self._allowances:  # all of them, so that time tells nothing of which it was
                if hmac.compare_digest(digest, allowance.key.digest):
                    found = allowance
        if found is None:
            raise Unauthorized(
                "the API key is not known here"
                if given
                else "an API key is needed: send it as Authorization: Bearer KEY, or as X-Api-Key: KEY",
                is_given=bool(given),
            )
        return found


def read_keys(settings: Settings) -> tuple[ApiKey, ...]:
    """All keys that are set.

    Raises:
        SettingsError: The file with keys cannot be used, or there is no key in it.
    """
    if settings.keys_file is None:
        return parse_keys(settings.keys)
    try:
        lines = settings.keys_file.read_text("utf-8").splitlines()
        in_file = parse_keys(lines, "line")
        keys = parse_keys([*settings.keys, *map(str, in_file)])
    except OSError as error:
        raise SettingsError(f"keys_file: {settings.keys_file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"keys_file: {settings.keys_file} is not UTF-8") from error
    except ValueError as error:
        raise SettingsError(f"keys_file: {settings.keys_file}: {error}") from error
    if not in_file:
        raise SettingsError(f"keys_file: there is no key in {settings.keys_file}; `vultus keys new` makes one")
    return keys


def area_of(path: str, owners: Mapping[str, str]) -> str | None:
    """To which of ``vultus.settings.keys.AREAS`` a path belongs; ``None``: to none of them.

    Args:
        path: As it was asked for.
        owners: Path -> the dialect that has it alone.
    """
    if path in owners:
        return owners[path]
    if path == "/v1" or path.startswith("/v1/"):
        return "v1"
    return "metrics" if path == "/metrics" else None


def describe_keys(app: FastAPI) -> None:
    """Say in the application's OpenAPI document how keys are sent."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        document.setdefault("components", {})["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
        }
        document["security"] = [{"bearer": []}, {"key": []}]
        return with_refusals_of_keys(document)

    app.openapi = openapi  # type: ignore[method-assign]


def _given_keys(scope: Scope) -> Iterator[str]:
    """The keys that a request carries, one of each kind at most."""
    headers = dict(scope["headers"])
    authorization = headers.get(b"authorization", b"")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        yield _text(authorization[len(_BEARER) :])
    if b"x-api-key" in headers:
        yield _text(headers[b"x-api-key"])


def _text(value: bytes) -> str:
    return value.strip().decode("utf-8", "surrogateescape")
