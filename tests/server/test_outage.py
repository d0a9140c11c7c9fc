from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.conftest import AppClient

from vultus.runtime.choose import open_runtime
from vultus.runtime.network import Runtime
from vultus.server import outage
from vultus.server.lifecycle import Lifecycle
from vultus.settings import Settings

pytestmark = pytest.mark.unit


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the engine was given to tell that what computes is away, or there again."""
    told: dict[str, Any] = {}

    def spy(settings: Settings, *args: Any, on_lost: Callable[[str], None], on_found: Callable[[], None]) -> Runtime:
        told.update(lost=on_lost, found=on_found)
        return open_runtime(settings, *args)

    monkeypatch.setattr(outage, "open_runtime", spy)
    return told


def test_while_what_computes_is_away_requests_are_refused_and_the_server_is_not_ready(
    tell: dict[str, Any], start_app: Callable[..., AppClient], squares: Callable[..., bytes]
) -> None:
    client = start_app()
    picture = {"file": squares((3, 3))}
    lifecycle: Lifecycle = client.app.state.service.lifecycle
    assert client.get("/ready").status_code == 200
    tell["lost"]("it is away")
    for answer in (client.get("/ready"), client.post("/v1/faces", files=picture)):
        assert answer.status_code == 503
        assert answer.json()["code"] == "not_ready"
        assert answer.json()["detail"] == "it is away"
    assert lifecycle.state == "suspended"
    assert client.get("/live").status_code == 200
    tell["found"]()
    assert client.get("/ready").status_code == 200
    assert client.post("/v1/faces", files=picture).status_code == 200


def test_a_long_absence_does_not_look_like_an_engine_that_is_stuck(
    tell: dict[str, Any], start_app: Callable[..., AppClient]
) -> None:
    client = start_app()
    canary = client.app.state.service.canary
    canary._last_good = -1e9
    tell["lost"]("it is away")
    tell["found"]()
    assert canary.good
