"""A server of several processes on loopback. Real processes are killed and renewed; the engine is the dummy."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import ByteSize
from tests.server.fleet import TIMEOUT, Caller, Fleet

from vultus.runtime.cores import available_cores
from vultus.server.supervisor import share_of
from vultus.settings import Settings

pytestmark = pytest.mark.integration

IMPATIENT = """
if __name__ != "__main__":
    from vultus.server import canary
    canary.INTERVAL, canary.STALE = 0.1, 2.0
else:
    from vultus.server import process
    process.PATIENCE = 0.5
"""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two workers that no test harms."""
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


def test_it_tells_its_address_once_when_all_are_ready(fleet: Fleet) -> None:
    fleet.wait_for("ready: 2 workers")
    with fleet.workers() as workers:
        for client in workers.values():
            assert client.get("/ready").status_code == 200
    assert sum("licence" in line for line in fleet.log) == 3  # one line for each network, not for each worker's


def test_the_supervisor_loads_no_engine_and_no_image_library(fleet: Fleet) -> None:
    maps = Path(f"/proc/{fleet.process.pid}/maps")
    if not maps.exists():
        pytest.skip("this system does not tell what a process has loaded")
    loaded = {Path(line.split(maxsplit=5)[5]).as_posix() for line in maps.read_text().splitlines() if "/" in line}
    worker = min(fleet.pids())
    names = ("openvino", "onnxruntime", "cv2", "simplejpeg", "PIL/")
    assert not [path for path in loaded if any(name in path for name in names)]
    assert "cv2" in Path(f"/proc/{worker}/maps").read_text()  # else the line above would prove nothing


def test_figures_of_all_workers_add_up(fleet: Fleet, squares: Callable[..., bytes]) -> None:
    before = fleet.figures().get('vultus_pictures_total{outcome="ok"}', 0)
    headers = {"content-type": "image/png"}
    with fleet.workers() as workers:
        for count, client in enumerate(workers.values(), 1):
            for _ in range(count):
                assert client.post("/v1/faces", content=squares((1, 1)), headers=headers).status_code == 200
    figures = fleet.figures()
    assert figures['vultus_pictures_total{outcome="ok"}'] - before == 1 + 2
    assert figures["vultus_workers"] == 2
    assert figures["vultus_ready"] == 1
    assert figures["vultus_requests_in_flight"] == 1  # the one that asks


def test_an_address_that_is_taken_ends_the_start(fleet: Fleet, tmp_path: Path) -> None:
    second = Fleet(tmp_path, port=fleet.url.rpartition(":")[2])
    assert second.wait() == 1
    assert second.log[-1].startswith("address_unavailable: ")


def test_a_killed_worker_is_replaced_and_nothing_of_the_others_is_lost(
    tmp_path: Path, squares: Callable[..., bytes]
) -> None:
    with Fleet(tmp_path) as fleet:
        callers = [Caller(fleet, squares((1, 1))) for _ in range(12)]
        for caller in callers:
            caller.start()
        for caller in callers:
            assert caller.answered.wait(TIMEOUT)
        fleet.wait_for("ready: 2 workers")
        victim, said = callers[0].pid, len(fleet.log)
        os.kill(victim, signal.SIGKILL)
        fleet.wait_for("exit code -9", said)
        fleet.wait_for("ready: 2 workers", said)
        for caller in callers:
            caller.finish()
        assert {status for caller in callers for status in caller.answers} == {200}
        assert sum(caller.lost for caller in callers if caller.pid != victim) == 0
        assert all(caller.lost <= 1 for caller in callers)
        assert victim not in fleet.pids()
        figures = fleet.figures()
        assert figures['vultus_workers_replaced_total{reason="died"}'] == 1
        # What the dead one had answered still counts.
        assert figures['vultus_pictures_total{outcome="ok"}'] >= sum(len(caller.answers) for caller in callers)


def test_a_worker_whose_engine_hangs_is_replaced(tmp_path: Path) -> None:
    with Fleet(tmp_path, IMPATIENT, drain_timeout="0") as fleet:
        victim = min(fleet.pids())
        fleet.wait_for("ready: 2 workers")
        said = len(fleet.log)
        fleet.bar(victim)  # the next self check waits there for good
        fleet.wait_for("is stuck", said)
        fleet.wait_for("ready: 2 workers", said)
        assert victim not in fleet.pids()
        assert fleet.figures()['vultus_workers_replaced_total{reason="stuck"}'] == 1


def test_a_hang_up_renews_all_workers_and_refuses_nothing(tmp_path: Path, squares: Callable[..., bytes]) -> None:
    with Fleet(tmp_path) as fleet:
        before = fleet.pids()
        callers = [Caller(fleet, squares((1, 1)), keep=keep) for keep in (True, False) for _ in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            assert caller.answered.wait(TIMEOUT)
        fleet.process.send_signal(signal.SIGHUP)
        fleet.wait_for("renewed: ")
        for caller in callers:
            caller.finish()
        assert {status for caller in callers for status in caller.answers} == {200}
        assert sum(caller.lost for caller in callers) == 0
        assert not before & fleet.pids()
        assert not [name for name in fleet.figures() if "replaced_total" in name]


def test_a_request_under_way_is_answered_before_the_end(tmp_path: Path, squares: Callable[..., bytes]) -> None:
    statuses: list[int] = []
    fleet = Fleet(tmp_path)
    with fleet, fleet.workers() as workers:
        (pid, client), *_ = workers.items()
        gate = fleet.bar(pid)

        def ask() -> None:
            headers = {"content-type": "image/png"}
            statuses.append(client.post("/v1/faces", content=squares((1, 1)), headers=headers).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        with gate.open("w"):  # opens when the worker has come to it
            gate.unlink()
            fleet.process.terminate()
        asking.join(TIMEOUT)
    assert statuses == [200]
    assert fleet.process.returncode == 0
    assert not any("Traceback" in line for line in fleet.log)
    assert not list(tmp_path.glob("vultus-metrics-*"))


def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    with fleet:
        assert len(fleet.pids()) == 2
        fleet.process.kill()
        assert fleet.wait() == -9  # the end of the log: no worker has it open any more
        with pytest.raises(httpx.ConnectError):
            httpx.get(fleet.url)


@pytest.mark.parametrize(
    ("settings", "code"), [({"pack": "no-such-pack"}, "model_unknown"), ({"dialects": "x"}, "settings_invalid")]
)
def test_a_start_that_fails_ends_the_server_with_its_error_told_once(
    tmp_path: Path, settings: dict[str, str], code: str
) -> None:
    fleet = Fleet(tmp_path, **settings)
    assert fleet.wait() == 1
    [complaint] = [line for line in fleet.log if next(iter(settings.values())) in line]
    assert complaint.startswith(f"{code}: ")
    assert not any("Traceback" in line for line in fleet.log)


def test_a_start_that_fails_unexpectedly_is_logged_and_told_by_the_exit_code(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, "if __name__ != '__main__':\n    import vultus.server.app as app\n    app._warm = None\n")
    assert fleet.wait() == 1
    assert any("TypeError" in line for line in fleet.log)


def test_workers_that_die_again_and_again_end_the_server(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, "if __name__ != '__main__':\n    os.kill(os.getpid(), 9)\n")
    assert fleet.wait() == 1
    assert fleet.log[-1].startswith("engine_failed: ")
    assert "exit code -9" in fleet.log[-1]


@pytest.mark.parametrize("workers", [1, 2, 3, 64])
def test_workers_share_the_cores_and_the_limits(workers: int) -> None:
    settings = Settings(workers=workers, max_inflight_bytes=ByteSize(1000), max_queued_pictures=0)
    shares = [share_of(settings, index) for index in range(workers)]
    assert sum(share.streams for share in shares) == max(workers, available_cores())
    assert max(share.streams for share in shares) - min(share.streams for share in shares) <= 1
    for share in shares:
        assert 1000 / workers <= share.max_inflight_bytes < 1000 / workers + 1
        assert share.max_queued_pictures == 0  # which is a number for each thread


def test_a_number_of_streams_that_was_asked_for_is_each_workers() -> None:
    assert share_of(Settings(workers=2, streams=5), 1).streams == 5
