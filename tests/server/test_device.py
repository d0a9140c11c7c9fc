"""A server whose workers share one device process, on loopback; the accelerator is the simulated one."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from tests.server.fleet import TIMEOUT, Caller, Fleet

pytestmark = pytest.mark.integration

AGAIN = "the device process is there again"
PNG = {"content-type": "image/png"}
HASTY = """
if __name__ != "__main__":
    from vultus.runtime import device
    device.STUCK = 1.0
"""


class DeviceFleet(Fleet):
    """A fleet whose workers share a device process."""

    def __init__(self, folder: Path, patches: str = "", **settings: str) -> None:
        super().__init__(folder, patches, device="simulated", **settings)

    def device(self) -> int:
        """Id of the device process that was started last."""
        return int(re.findall(r"on simulated, f32 \(process (\d+)\)", "".join(self.log))[-1])

    def wait_for_both(self, text: str, since: int) -> None:
        """Until each of the two workers has said something."""
        for worker in (1, 2):
            self.wait_for_line(rf"\[worker {worker}\].*{re.escape(text)}", since)


@contextmanager
def calling(fleet: Fleet, picture: bytes, count: int = 8) -> Iterator[list[Caller]]:
    """Clients of which each has been answered once, and is once more at the end."""
    callers = [Caller(fleet, picture) for _ in range(count)]
    for caller in callers:
        caller.start()
    for caller in callers:
        assert caller.answered.wait(TIMEOUT)
    yield callers
    for caller in callers:
        caller.finish()


def mapped(pid: int) -> int:
    """Blocks of shared memory that a process has mapped."""
    return Path(f"/proc/{pid}/maps").read_text().count("/memfd:vultus")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceFleet]:
    with DeviceFleet(tmp_path_factory.mktemp("fleet")) as fleet:
        fleet.wait_for("ready: 2 workers")
        yield fleet


def test_both_workers_answer_what_one_process_would(
    fleet: DeviceFleet, squares: Callable[..., bytes], start_app: Callable[..., httpx.Client]
) -> None:
    picture = squares((1, 1), (3, 5, (250, 240, 230)))
    expected = (
        start_app(device="simulated").post("/v1/faces", content=picture, headers=PNG).json()["pictures"][0]["faces"]
    )
    assert len(expected) == 2
    with fleet.workers() as workers:
        for client in workers.values():
            assert client.post("/v1/faces", content=picture, headers=PNG).json()["pictures"][0]["faces"] == expected


def test_the_device_process_alone_counts_batches(fleet: DeviceFleet, squares: Callable[..., bytes]) -> None:
    before = fleet.figures()["vultus_batch_rows_total"]
    with fleet.workers() as workers:
        for client in workers.values():
            assert client.post("/v1/faces", content=squares((1, 1)), headers=PNG).status_code == 200
    fleet.wait_until(lambda: fleet.figures()["vultus_batch_rows_total"] - before >= 2 * 2)  # it tells every second
    counting = [path.name for path in fleet.folder.glob("vultus-*/*.db") if b"vultus_batch_rows" in path.read_bytes()]
    assert counting == ["counter_device-0.db"]
    assert fleet.figures()["vultus_workers"] == 2


def test_the_supervisor_and_the_workers_load_no_engine(fleet: DeviceFleet) -> None:
    for pid in (fleet.process.pid, *fleet.pids()):
        maps = Path(f"/proc/{pid}/maps").read_text()
        assert "onnxruntime" not in maps
        assert "openvino" not in maps


def test_a_device_process_that_is_killed_under_load_is_replaced_without_the_workers(
    tmp_path: Path, squares: Callable[..., bytes]
) -> None:
    with DeviceFleet(tmp_path) as fleet:
        fleet.wait_for("ready: 2 workers")
        before, said = fleet.pids(), len(fleet.log)
        with calling(fleet, squares((1, 1))) as callers:
            os.kill(fleet.device(), signal.SIGKILL)
            fleet.wait_for_both(AGAIN, said)
            for caller in callers:
                caller.answers.append(0)  # what follows came from the next one
        for caller in callers:
            assert caller.lost == 0
            assert set(caller.answers) <= {0, 200, 503}
            assert caller.answers[-1] == 200
        assert fleet.pids() == before
        assert fleet.figures()['vultus_devices_replaced_total{reason="died"}'] == 1
        assert not [name for name in fleet.figures() if "workers_replaced_total" in name]
        assert not any("Traceback" in line for line in fleet.log)


def test_while_there_is_no_device_process_nobody_is_ready_and_nobody_waits(
    tmp_path: Path, squares: Callable[..., bytes]
) -> None:
    gate = tmp_path / "no-device"
    missing = f"if __name__ != '__main__' and os.path.exists({str(gate)!r}): open({str(gate)!r}).read()\n"
    with DeviceFleet(tmp_path, missing) as fleet, fleet.workers() as workers:
        fleet.wait_for("ready: 2 workers")
        os.mkfifo(gate)
        said = len(fleet.log)
        os.kill(fleet.device(), signal.SIGKILL)
        fleet.wait_for_both("the device process is gone", said)
        for client in workers.values():
            assert client.get("/ready").json()["code"] == "not_ready"
            answer = client.post("/v1/faces", content=squares((1, 1)), headers=PNG)
            assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
            assert "device process" in answer.json()["detail"]
            assert client.get("/live").status_code == 200
        with gate.open("w"):
            gate.unlink()
        fleet.wait_for_both(AGAIN, said)
        for client in workers.values():
            assert client.get("/ready").status_code == 200
            assert client.post("/v1/faces", content=squares((1, 1)), headers=PNG).status_code == 200


def test_a_device_that_hangs_is_replaced(tmp_path: Path, squares: Callable[..., bytes]) -> None:
    with DeviceFleet(tmp_path, HASTY) as fleet, ExitStack() as stack:
        fleet.wait_for("ready: 2 workers")
        before, victim, said = fleet.pids(), fleet.device(), len(fleet.log)
        gate = fleet.bar(victim)
        client = stack.enter_context(fleet.connect())
        answer = client.post("/v1/faces", content=squares((1, 1)), headers=PNG)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        fleet.wait_for("device is stuck: a batch has not been computed", said)
        fleet.wait_for_both(AGAIN, said)
        gate.unlink()
        assert client.post("/v1/faces", content=squares((1, 1)), headers=PNG).status_code == 200
        assert fleet.device() != victim
        assert fleet.pids() == before


def test_a_worker_that_is_killed_harms_nobody_and_leaves_no_memory(
    tmp_path: Path, squares: Callable[..., bytes]
) -> None:
    with DeviceFleet(tmp_path) as fleet:
        fleet.wait_for("ready: 2 workers")
        device, said = fleet.device(), len(fleet.log)
        with calling(fleet, squares((1, 1))) as callers:
            victim = callers[0].pid
            os.kill(victim, signal.SIGKILL)
            fleet.wait_for("exit code -9", said)
            fleet.wait_for("ready: 2 workers", said)
        assert {status for caller in callers for status in caller.answers} == {200}
        assert sum(caller.lost for caller in callers if caller.pid != victim) == 0
        assert fleet.device() == device
        shared = {worker: mapped(worker) for worker in fleet.pids()}
        fleet.wait_until(lambda: mapped(device) == sum(shared.values()))


def test_a_hang_up_renews_the_workers_and_keeps_the_device_process(
    tmp_path: Path, squares: Callable[..., bytes]
) -> None:
    with DeviceFleet(tmp_path) as fleet:
        fleet.wait_for("ready: 2 workers")
        before, device = fleet.pids(), fleet.device()
        with calling(fleet, squares((1, 1)), 4) as callers:
            fleet.process.send_signal(signal.SIGHUP)
            fleet.wait_for("renewed: ")
        assert {status for caller in callers for status in caller.answers} == {200}
        assert not before & fleet.pids()
        assert fleet.device() == device


def test_a_request_under_way_is_answered_before_the_end_whoever_gets_the_signal(
    tmp_path: Path, squares: Callable[..., bytes]
) -> None:
    fleet = DeviceFleet(tmp_path)
    with fleet, ExitStack() as stack:
        fleet.wait_for("ready: 2 workers")
        gate = fleet.bar(fleet.device())
        caller = Caller(fleet, squares((1, 1)))
        caller.start()
        with gate.open("w"):  # opens when the device has come to it
            gate.unlink()
            os.kill(fleet.device(), signal.SIGTERM)  # as service managers do to all processes
            fleet.process.terminate()
        assert caller.answered.wait(TIMEOUT)
        stack.callback(caller.join)
        stack.callback(caller.stop)
    assert caller.answers[0] == 200
    assert fleet.process.returncode == 0
    assert not any("Traceback" in line or "leaked" in line for line in fleet.log)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("vultus")] == []


def test_all_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    fleet = DeviceFleet(tmp_path)
    with fleet:
        fleet.wait_for("ready: 2 workers")
        fleet.process.kill()
        assert fleet.wait() == -9  # the end of the log: neither a worker nor the device has it open any more
    assert not any("leaked" in line for line in fleet.log)


def test_what_the_device_lacks_ends_the_start(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, runtime="onnx", device="cuda:63")
    assert fleet.wait() == 1
    assert fleet.log[-1].startswith("device_unavailable: ")


def test_a_network_that_cannot_be_loaded_ends_the_start(tmp_path: Path) -> None:
    fleet = DeviceFleet(tmp_path, detector="dbface")
    assert fleet.wait() == 1
    assert fleet.log[-1].startswith("model_graph_incompatible: ")
