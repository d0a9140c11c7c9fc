"""What the Similarity API reads before it is ready is admitted as everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ByteSize

from vultus.runtime.ticket import Ticket
from vultus.server.app import create_app
from vultus.settings import Settings

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("others", "status"), [(2**20, 429), (0, 503)])
def test_before_readiness_bytes_are_held_as_after(
    start_app: Callable[..., Any], squares: Callable[..., bytes], others: int, status: int
) -> None:
    settings = Settings(runtime="dummy", streams=1, pack="no-such-pack", max_inflight_bytes=ByteSize(2**20))
    with type(start_app(streams=1))(create_app(settings, on_failure=lambda _: None)) as unready:
        admission = unready.app.state.service.admission
        with admission.enter(Ticket()) as other:
            other.hold_bytes(others)
            answer = unready.post("/embedding", files={"image": ("a.png", squares(), "image/png")})
        assert (answer.status_code, admission.held) == (status, (0, 0, 0))
        assert ("max_inflight_bytes" in answer.json()["detail"]) == (status == 429)
