"""Servers to download from."""

from collections.abc import Iterator

import pytest
from tests.imaging.sites import Names, Site, serve

from vultus.imaging import download


@pytest.fixture
def site() -> Iterator[Site]:
    yield from serve()


@pytest.fixture
def other_site() -> Iterator[Site]:
    yield from serve()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Let names resolve to lists of addresses, one list for each time they are asked; the names that were asked."""

    def resolve_to(**answers: list[list[str]]) -> list[str]:
        asked: list[str] = []

        def look_up(host: str, port: int) -> list[str]:
            asked.append(host)
            return answers[host].pop(0)

        monkeypatch.setattr(download, "_look_up", look_up)
        monkeypatch.setattr(download, "is_public", lambda address: address == "127.0.0.1")
        return asked

    return resolve_to
