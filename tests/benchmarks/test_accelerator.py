from __future__ import annotations

import pytest

from benchmarks import accelerator, batching
from benchmarks.places import Missing
from benchmarks.subject import Options
from vultus.errors import DeviceUnavailable
from vultus.runtime.accelerator import Target

pytestmark = pytest.mark.unit


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(device: str, precision: str) -> Target:
        assert (device, precision) == ("cuda", "fp16")
        raise DeviceUnavailable("no NVIDIA driver is found here")

    monkeypatch.setattr(Target, "find", find)
    with pytest.raises(Missing, match="no GPU: no NVIDIA driver"):
        accelerator.run(Options(quick=True))


def test_engine_and_bare_networks_are_measured_on_what_stands_in_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "RAMP", 0.0)
    processor = Target("processor", (("CPUExecutionProvider", {}),), "f32", memory="cpu", key="cpu")
    report = accelerator.measure(processor, Options(quick=True), width=1 / 16, sizes=(1, 2))
    rows = {row.what: row for row in report.rows}
    assert rows["faces found in a picture"].met
    assert rows["bare networks, batches of 2"].value > 0
    assert rows["engine"].value > 0
    ratio = rows["engine / bare networks"]
    assert str(ratio.bar) == ">= 0.7"
    assert ratio.value == pytest.approx(rows["engine"].value / rows["bare networks, batches of 2"].value)
