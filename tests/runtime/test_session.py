from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from vultus.errors import Cancelled, DeviceUnavailable
from vultus.runtime.graph import taking_pixels
from vultus.runtime.layout import Layout
from vultus.runtime.network import NetworkSpec
from vultus.runtime.session import FixedSession, SizedNetwork
from vultus.runtime.ticket import Ticket
from vultus.types import Image, InputSpec

pytestmark = pytest.mark.unit

SPEC = InputSpec(4, 4, layout="nhwc")


@pytest.fixture
def open_at(echo_graph: Callable[..., Path]) -> Callable[[int], FixedSession]:
    """A session that hands pixels back as they are and flattened, for batches of a size."""
    data = echo_graph(["n", 4, 4, 3]).read_bytes()
    return lambda rows: FixedSession(taking_pixels(data, SPEC, rows), [("CPUExecutionProvider", {})], "cpu", 0)


def pixels(n: int) -> Image:
    return np.random.default_rng(n).integers(0, 256, (n, 4, 4, 3), np.uint8)


def test_outputs_stay_as_they_are_when_the_session_runs_again(open_at: Callable[[int], FixedSession]) -> None:
    made = open_at(2)
    assert made.outputs == ("same", "flat")
    batch = pixels(2)
    same, flat = made.run(batch)
    made.run(255 - batch)
    np.testing.assert_array_equal(same, batch)
    np.testing.assert_array_equal(flat, batch.reshape(2, -1))


def test_operators_that_strayed_from_the_provider_in_the_first_run_are_told(
    open_at: Callable[[int], FixedSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_at(2).strays == ()
    monkeypatch.setattr(
        "vultus.runtime.session.strays", lambda profile, providers: (f"{profile.is_file()} {sorted(providers)}",)
    )
    assert open_at(2).strays == ("True ['CPUExecutionProvider']",)


def test_pixels_may_be_any_view(open_at: Callable[[int], FixedSession]) -> None:
    batch = pixels(3)[::2, ::-1, ::-1]
    np.testing.assert_array_equal(open_at(2).run(batch)[0], batch)


def test_a_batch_goes_to_the_session_of_its_size(open_at: Callable[[int], FixedSession]) -> None:
    sessions = {rows: open_at(rows) for rows in (4, 1, 2)}
    network = SizedNetwork(NetworkSpec("probe", SPEC, ("same", "flat")), sessions, [Layout((4, 4, 3)), Layout((48,))])
    assert network.sizes == (1, 2, 4)
    for rows in network.sizes:
        same, flat = network.run(pixels(rows), Ticket())
        np.testing.assert_array_equal(same, pixels(rows))
        assert flat.shape == (rows, 48)
    ticket = Ticket()
    ticket.cancel()
    with pytest.raises(Cancelled):
        network.run(pixels(1), ticket)


class Asked(Exception):
    """Ends a session's making, with what it was asked for."""


def test_no_operator_may_be_left_to_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a single one, nor all where the provider cannot be had: ONNX Runtime does both unless told not to."""

    def session(graph: bytes, options: Any, **given: Any) -> None:
        raise Asked(options.get_session_config_entry("session.disable_cpu_ep_fallback"), given)

    monkeypatch.setattr(ort, "InferenceSession", session)
    providers = [("CUDAExecutionProvider", {"device_id": 1})]
    with pytest.raises(Asked) as caught:
        FixedSession(b"", providers, "cuda", 1)
    assert caught.value.args == ("1", {"providers": providers, "enable_fallback": 0})


def test_a_provider_that_did_not_start_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fallen:
        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(ort, "InferenceSession", lambda *_, **__: Fallen())
    with pytest.raises(DeviceUnavailable, match="could not start its CUDAExecutionProvider"):
        FixedSession(b"", [("CUDAExecutionProvider", {})], "cuda", 0)
