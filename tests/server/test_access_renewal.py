"""Keys are changed while the server serves: new workers read the file anew."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.server.fleet import Fleet

from vultus.bench.processes import family
from vultus.settings.keys import digest_of

pytestmark = pytest.mark.integration

OLD, NEW = "vultus_old_0123456789abcdefghijkl", "vultus_new_0123456789abcdefghijkl"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_text(f"a:*:{digest_of(OLD)}\n", encoding="utf-8")
    return file


@pytest.fixture
def fleet(tmp_path: Path, file: Path) -> Iterator[Fleet]:
    with Fleet(tmp_path, keys_file=str(file)) as fleet:
        yield fleet


def statuses(fleet: Fleet) -> list[int]:
    """Of a request with the old and with the new key."""
    return [httpx.get(f"{fleet.url}/v1/info", headers={"X-Api-Key": key}, timeout=60).status_code for key in (OLD, NEW)]


def test_renewed_workers_know_the_file_as_it_is_then(fleet: Fleet, file: Path) -> None:
    assert statuses(fleet) == [200, 401]
    file.write_text(f"b:*:{digest_of(NEW)}\n", encoding="utf-8")
    assert statuses(fleet) == [200, 401]
    before = set(family(fleet.process.pid))
    fleet.process.send_signal(signal.SIGHUP)
    fleet.wait_for("renewed: ")
    # The last worker to leave may take another connection or two before it has closed its queue.
    fleet.wait_until(lambda: len(before - set(family(fleet.process.pid))) == 2)
    assert [statuses(fleet) for _ in range(10)] == [[401, 200]] * 10


def test_a_file_that_cannot_be_used_leaves_the_old_workers_at_work(fleet: Fleet, file: Path) -> None:
    file.write_text("nonsense\n", encoding="utf-8")
    fleet.process.send_signal(signal.SIGHUP)
    fleet.wait_for("line 1: not NAME:SCOPES:SHA256")
    assert [statuses(fleet) for _ in range(10)] == [[200, 401]] * 10
    assert fleet.end() == 0
