"""Other services' APIs, one file each: they translate requests and answers, and hold no inference logic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from fastapi import FastAPI
from fastapi.routing import APIRoute

from vultus.engine import FaceEngine
from vultus.errors import SettingsError
from vultus.server.dialects import arcface_api, compreface, face_triton, insightface_rest
from vultus.server.dialects.base import Dialect
from vultus.server.dialects.shared import SHARED
from vultus.server.service import Service
from vultus.types import Profile

DIALECTS: Mapping[str, Callable[[], Dialect]] = MappingProxyType(
    {
        insightface_rest.DIALECT.name: lambda: insightface_rest.DIALECT,
        face_triton.DIALECT.name: lambda: face_triton.DIALECT,
        arcface_api.DIALECT.name: lambda: arcface_api.DIALECT,
        compreface.NAME: compreface.dialect,
    }
)
"""All dialects, by name, made for one application: what one remembers of its engine is no other's."""


def chosen(names: Iterable[str]) -> tuple[Dialect, ...]:
    """The dialects of these names, each once.

    Raises:
        SettingsError: There is none of that name.
    """
    wanted = list(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in DIALECTS]:
        raise SettingsError(f"dialects: there is no {', '.join(unknown)}; there are: {', '.join(DIALECTS)}")
    return tuple(DIALECTS[name]() for name in wanted)


def served_profiles(engine: FaceEngine) -> list[Profile]:
    """The profiles that a server with the engine's settings uses: the default one, and one of each dialect."""
    return [engine.default_profile, *(dialect.profile(engine) for dialect in chosen(engine.settings.dialects))]


def mount(app: FastAPI, dialects: Iterable[Dialect], service: Service) -> Mapping[str, Dialect]:
    """Add the routes of dialects to an application; of a shared path only the first.

    Returns:
        Path -> the dialect that renders its errors.

    Raises:
        ValueError: Two dialects have the same path, and it is none of those that are shared.
    """
    owners: dict[str, Dialect] = {}
    for dialect in dialects:
        router = dialect.router(service)
        paths = {route.path for route in router.routes if isinstance(route, APIRoute)}
        taken = paths & owners.keys()
        if taken - SHARED:
            raise ValueError(f"{dialect.name} claims {', '.join(sorted(taken - SHARED))}, which others have")
        router.routes = [route for route in router.routes if not (isinstance(route, APIRoute) and route.path in taken)]
        app.router.routes.extend(router.routes)
        owners |= dict.fromkeys(paths - taken, dialect)
    return owners
