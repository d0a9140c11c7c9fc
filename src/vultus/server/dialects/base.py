"""What a dialect is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from vultus.engine import FaceEngine
from vultus.server.service import Service
from vultus.types import Profile


@dataclass(frozen=True, slots=True)
class Dialect:
    """Another service's API.

    Attributes:
        name: As the setting ``dialects`` names it.
        router: Makes its routes; no other dialect may have their paths, but for ``shared.SHARED``.
        render: Makes the answer to an error on one of those paths.
        profile: How it wants pictures to be analysed.
        remarks: What an operator should know at the start: a sentence each.
    """

    name: str
    router: Callable[[Service], APIRouter]
    render: Callable[[Request, Exception], Response]
    profile: Callable[[FaceEngine], Profile]
    remarks: Callable[[FaceEngine], Sequence[str]] = lambda _: ()
