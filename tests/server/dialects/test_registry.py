from __future__ import annotations

from typing import Any

import pytest
from fastapi.routing import APIRoute

from vultus.errors import SettingsError
from vultus.server.dialects import DIALECTS, chosen
from vultus.server.dialects.base import Dialect

pytestmark = pytest.mark.unit


def test_dialects_are_chosen_by_name_and_once() -> None:
    assert chosen(()) == ()
    assert chosen(("insightface-rest", "insightface-rest")) == (DIALECTS["insightface-rest"],)


def test_unknown_names_are_refused_and_the_known_are_listed() -> None:
    with pytest.raises(SettingsError, match=r"no klingon, elvish; there are: .*insightface-rest"):
        chosen(("klingon", "insightface-rest", "elvish"))


def paths(dialect: Dialect) -> set[str]:
    unused: Any = None  # a service is needed only once a route is asked
    return {route.path for route in dialect.router(unused).routes if isinstance(route, APIRoute)}


def test_no_two_dialects_own_a_path_nor_one_of_the_native_api() -> None:
    owned = [path for dialect in DIALECTS.values() for path in paths(dialect)]
    assert "/extract" in owned
    assert len(owned) == len(set(owned))
    assert not {"/live", "/ready", "/metrics", "/docs", "/openapi.json"} & set(owned)
    assert not any(path.startswith("/v1") for path in owned)
