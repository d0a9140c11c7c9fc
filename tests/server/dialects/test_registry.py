from __future__ import annotations

import pytest

from vultus.errors import SettingsError
from vultus.server.dialects import DIALECTS, chosen

pytestmark = pytest.mark.unit


def test_dialects_are_chosen_by_name_and_once() -> None:
    assert chosen(()) == ()
    assert chosen(("insightface-rest", "insightface-rest")) == (DIALECTS["insightface-rest"],)


def test_unknown_names_are_refused_and_the_known_are_listed() -> None:
    with pytest.raises(SettingsError, match=r"no klingon, elvish; there are: .*insightface-rest"):
        chosen(("klingon", "insightface-rest", "elvish"))


def test_no_two_dialects_own_a_path() -> None:
    owned = [path for dialect in DIALECTS.values() for path in dialect.paths]
    assert len(owned) == len(set(owned))


def test_none_owns_a_path_of_the_native_api() -> None:
    own = {"/live", "/ready", "/metrics", "/docs", "/openapi.json"}
    for dialect in DIALECTS.values():
        assert not dialect.paths & own
        assert not any(path.startswith("/v1") for path in dialect.paths)
