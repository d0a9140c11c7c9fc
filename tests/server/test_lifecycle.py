from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from vultus.errors import ModelUnavailable, NotReady
from vultus.server import lifecycle as lifecycles
from vultus.server.lifecycle import Lifecycle

pytestmark = pytest.mark.unit


class Recorder:
    """A lifecycle's surroundings; ``told`` is set once either hook was called."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self.ready: list[Any] = []
        self.failed: list[BaseException] = []
        self.told = threading.Event()
        self.lifecycle = Lifecycle(build, self._on_ready, self._on_failure)

    def _on_ready(self, engine: Any) -> None:
        self.ready.append(engine)
        self.told.set()

    def _on_failure(self, error: BaseException) -> None:
        self.failed.append(error)
        self.told.set()


def engine(waiting: int = 0) -> Any:
    closed = threading.Event()
    return SimpleNamespace(close=closed.set, closed=closed, workers=SimpleNamespace(waiting=waiting))


def test_the_engine_is_there_only_once_it_was_built() -> None:
    may_finish, made = threading.Event(), engine(waiting=3)

    def build() -> Any:
        assert may_finish.wait(10)
        return made

    recorder = Recorder(build)
    lifecycle = recorder.lifecycle
    lifecycle.start()
    assert (lifecycle.ready, lifecycle.queue_length) == (False, 0)
    with pytest.raises(NotReady, match="starting"):
        _ = lifecycle.engine
    may_finish.set()
    assert recorder.told.wait(10)
    assert lifecycle.engine is made
    assert recorder.ready == [made]
    assert (lifecycle.ready, lifecycle.queue_length) == (True, 3)


def test_a_closed_lifecycle_has_no_engine() -> None:
    made = engine()
    recorder = Recorder(lambda: made)
    recorder.lifecycle.start()
    assert recorder.told.wait(10)
    recorder.lifecycle.close()
    assert made.closed.is_set()
    with pytest.raises(NotReady, match="closed"):
        _ = recorder.lifecycle.engine


def test_an_engine_is_handed_out_no_more_once_the_server_is_to_end() -> None:
    made = engine(waiting=3)
    recorder = Recorder(lambda: made)
    lifecycle = recorder.lifecycle
    assert not lifecycle.ending
    lifecycle.start()
    assert recorder.told.wait(10)
    lifecycle.drain()
    assert (lifecycle.ready, lifecycle.ending, lifecycle.state, lifecycle.queue_length) == (False, True, "ending", 3)
    with pytest.raises(NotReady, match="ending"):
        _ = lifecycle.engine
    assert not made.closed.is_set()
    lifecycle.close()
    assert made.closed.is_set()


def test_a_server_that_is_to_end_before_it_is_ready_never_is() -> None:
    may_finish = threading.Event()
    recorder = Recorder(lambda: may_finish.wait(10) and engine())
    recorder.lifecycle.start()
    recorder.lifecycle.drain()
    may_finish.set()
    assert recorder.told.wait(10)
    assert (recorder.lifecycle.ready, recorder.lifecycle.state) == (False, "ending")


def test_an_engine_that_is_stuck_in_its_work_does_not_keep_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycles, "_PATIENCE", 0.01)
    over = threading.Event()
    recorder = Recorder(lambda: SimpleNamespace(close=lambda: over.wait(30)))
    recorder.lifecycle.start()
    assert recorder.told.wait(10)
    recorder.lifecycle.close()
    assert recorder.lifecycle.state == "closed"
    over.set()


def test_an_engine_that_comes_too_late_is_closed_at_once() -> None:
    closing, made = threading.Event(), engine()

    def build() -> Any:
        assert closing.wait(10)
        return made

    recorder = Recorder(build)
    recorder.lifecycle.start()
    closer = threading.Thread(target=recorder.lifecycle.close)
    closer.start()
    while recorder.lifecycle.state != "closed":
        closer.join(0.001)
    closing.set()
    closer.join(10)
    assert made.closed.wait(10)
    assert not recorder.ready


def test_an_expected_failure_is_left_to_whom_it_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def build() -> Any:
        raise ModelUnavailable("no source of w600k_mbf.onnx could be reached")

    recorder = Recorder(build)
    recorder.lifecycle.start()
    assert recorder.told.wait(10)
    assert isinstance(recorder.failed[0], ModelUnavailable)
    assert not caplog.records
    with pytest.raises(NotReady, match="failed"):
        _ = recorder.lifecycle.engine


def test_an_engine_that_ends_its_thread_has_failed() -> None:
    def build() -> Any:
        raise SystemExit(3)

    recorder = Recorder(build)
    recorder.lifecycle.start()
    assert recorder.told.wait(10)
    assert isinstance(recorder.failed[0], SystemExit)
    assert recorder.lifecycle.state == "failed"


def test_an_unexpected_failure_is_logged_with_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(lambda: 1 // 0)
    with caplog.at_level(logging.ERROR):
        recorder.lifecycle.start()
        assert recorder.told.wait(10)
    assert caplog.records[0].exc_info is not None
    assert isinstance(recorder.failed[0], ZeroDivisionError)


def test_a_suspended_engine_is_not_handed_out_until_it_is_resumed() -> None:
    made = engine()
    recorder = Recorder(lambda: made)
    lifecycle = recorder.lifecycle
    lifecycle.suspend("its device is away")
    lifecycle.start()
    assert recorder.told.wait(10)
    assert (lifecycle.state, lifecycle.ready) == ("suspended", False)
    with pytest.raises(NotReady, match="its device is away"):
        _ = lifecycle.engine
    lifecycle.resume()
    assert (lifecycle.state, lifecycle.ready) == ("ready", True)
    assert lifecycle.engine is made
    lifecycle.suspend("its device is away")
    lifecycle.drain()
    assert lifecycle.state == "ending"
    lifecycle.close()
