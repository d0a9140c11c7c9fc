"""Health tells the truth of a runtime that fails: by the self check, in metrics, and until it works again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vultus.runtime.network import Outputs

pytestmark = pytest.mark.unit


def broken(_: Outputs) -> Outputs:
    raise RuntimeError("device lost")


@pytest.mark.parametrize("task", ["detection", "embedding", "attributes"])
def test_a_network_of_any_kind_that_fails_is_found_by_the_self_check(
    task: str, start_faulty: Callable[..., Any]
) -> None:
    faulty = start_faulty(streams=1)
    client, canary = faulty.client, faulty.client.app.state.service.canary

    async def fly() -> None:
        try:
            await canary.fly()
        except Exception as error:
            canary._note(error)

    client.run(fly())
    assert client.get("/ready").status_code == 200
    faulty.switch.faults[task] = broken
    client.run(fly())
    ready = client.get("/ready")
    assert (ready.status_code, ready.json()["code"]) == (503, "engine_failed")
    assert "vultus_ready 0.0" in client.get("/metrics").text
    assert client.get("/live").status_code == 200
    faulty.switch.heal()
    client.run(fly())
    assert client.get("/ready").status_code == 200
    assert "vultus_ready 1.0" in client.get("/metrics").text
