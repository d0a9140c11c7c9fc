"""The engine's life inside a server: built and warmed beside the event loop, used, closed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Literal, TypeAlias

from vultus.engine import FaceEngine
from vultus.errors import NotReady, VultusError
from vultus.runtime.network import Counts

State: TypeAlias = Literal["starting", "ready", "suspended", "ending", "failed", "closed"]

_PATIENCE = 5.0  # seconds a closing server waits for an engine that is still being built, or is stuck in its work

logger = logging.getLogger(__name__)


class Lifecycle:
    """Holds the engine from the moment it passed its warm-up until the server closes.

    Args:
        build: Makes an engine and warms it up; runs on a thread of its own.
        on_ready: Told the engine once it can be used.
        on_failure: Told why there will be none; bugs are logged besides.
    """

    def __init__(
        self,
        build: Callable[[], FaceEngine],
        on_ready: Callable[[FaceEngine], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._state: State = "starting"
        self._build = build
        self._on_ready = on_ready
        self._on_failure = on_failure
        self._engine: FaceEngine | None = None
        self._is_ending = False
        self._suspension: str | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="vultus-start", daemon=True)

    @property
    def state(self) -> State:
        """Where in its life the engine is."""
        if self.ending:
            return "ending"
        return "suspended" if self._suspension and self._state == "ready" else self._state

    @property
    def engine(self) -> FaceEngine:
        """The warm engine.

        Raises:
            NotReady: It is not warm yet, could not be started, is suspended, takes on no more work, or has been closed.
        """
        if self._engine is None or self._is_ending:
            raise NotReady(f"the server cannot take work: it is {self.state}")
        if self._suspension:
            raise NotReady(self._suspension)
        return self._engine

    @property
    def ready(self) -> bool:
        """Whether a warm-up inference has passed, and new work is taken on."""
        return self._engine is not None and not self._is_ending and not self._suspension

    @property
    def ending(self) -> bool:
        """Whether no more work is taken on, though the engine is still there or to come."""
        return self._is_ending and self._state in ("starting", "ready")

    @property
    def queue_length(self) -> int:
        """Jobs that wait for a worker."""
        return 0 if self._engine is None else self._engine.workers.waiting

    @property
    def batching(self) -> Counts | None:
        """What batching has done, where the engine's device takes batches."""
        return None if self._engine is None else self._engine.runtime.counts

    def start(self) -> None:
        """Begin to build the engine; returns at once."""
        self._thread.start()

    def suspend(self, reason: str) -> None:
        """Hand out the engine no more, until ``resume``: it lacks something, and will have it again."""
        self._suspension = reason

    def resume(self) -> None:
        """Hand out the engine again."""
        self._suspension = None

    def drain(self) -> None:
        """Hand out the engine no more; who has it goes on. Takes no lock, so a signal's handler may call it."""
        self._is_ending = True

    def close(self) -> None:
        """Let go of the engine and close it; blocks until its work is done, or too long."""
        with self._lock:
            self._state = "closed"
            engine, self._engine = self._engine, None
        if engine is not None:
            closing = threading.Thread(target=engine.close, name="vultus-close", daemon=True)
            closing.start()
            closing.join(_PATIENCE)  # a network that never answers must not keep the process alive
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        try:
            engine = self._build()
        except BaseException as error:  # on a thread of its own nobody else would hear of it
            if not isinstance(error, VultusError):
                logger.exception("cannot start")
            self._state = "failed"
            self._on_failure(error)
            return
        with self._lock:
            late = self._state == "closed"
            if not late:
                self._engine = engine
                self._state = "ready"
        if late:
            engine.close()
        else:
            self._on_ready(engine)
