"""Networks on an accelerator: the rows of many callers share its batches.

A device has one dispatcher thread, which hands it one batch after the other. A batch leaves as soon as the device is
free and a row waits; what comes while it computes makes the next one. Callers either wait on their own threads
(``run``), of which there then have to be more than rows in a batch (``WORKER_THREADS``), or are told (``submit``).
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from vultus.errors import EngineError, NotReady, VultusError
from vultus.memory import as_told, without_frames
from vultus.runtime.network import Counts, Network, NetworkSpec, Outputs, Runtime
from vultus.runtime.ticket import Ticket
from vultus.runtime.turns import Job, Pace, Share, Turns
from vultus.types import Image, InputSpec
from vultus.zoo.catalogue import Model

SIZES = (1, 2, 4, 8, 16, 32, 64)
"""Rows of a batch: a device does best with a few sizes it has seen before."""

WORKER_THREADS = 2 * SIZES[-1]
"""Threads that walk pictures: as many as fill one batch wait for it while as many others prepare the next."""

HAND_OVER = 0.2
"""Part of a batch's time for which the device may wait until those whose rows it held have taken their results: they
are the likeliest to bring the next rows, and a batch that leaves before them takes but the first few."""

VAIN = 2
"""Batches in a row of which a network computed not one row, after which it is tried with a row known to be good. One
says little: memory may have been short. The self checks of two fronts, as many as a device process has at least, bring
a second one even where there is no work. The trial keeps pictures that no device can compute from ending a good one."""

_FAREWELL = 30.0  # seconds ``close`` waits for a batch that is being computed

logger = logging.getLogger(__name__)


class BatchingNetwork:
    """A network whose rows are computed together with those of other callers; made by ``Batcher.wrap``.

    Attributes:
        vain: Batches in a row of which not one row could be computed; for the dispatcher alone.
        broken: Why not even a black picture can be computed, which it was when the network was loaded.
    """

    def __init__(self, network: Network, sizes: Sequence[int], batcher: Batcher) -> None:
        self.spec: NetworkSpec = network.spec
        self.turns = Turns()
        self.pace = Pace(sizes)
        self.vain = 0
        self.broken: Exception | None = None
        self._network = network
        self._batcher = batcher
        self._stage = np.empty((0, self.spec.input.height, self.spec.input.width, 3), np.uint8)

    @property
    def counts(self) -> Counts:
        """What its batcher has done so far, for all its networks."""
        return self._batcher.counts

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        """See the ``Network`` protocol.

        Raises:
            EngineError: The device failed on a batch with these rows, or the dispatcher has died.
            OutOfMemory: The device has not enough memory for these rows.
            NotReady: The batcher has been closed.
        """
        ticket.check()
        if not len(batch):
            raise ValueError("a batch has one row at least")
        answers: queue.SimpleQueue[VultusError | None] = queue.SimpleQueue()
        job = Job(batch, ticket, answers.put)
        self.submit(job)
        try:
            error = answers.get(timeout=ticket.remaining())
            if error is not None:
                raise error
            return job.outputs()
        except queue.Empty:
            ticket.check()
            raise  # unreachable: the wait ends at the ticket's deadline
        finally:
            self.leave(job)

    def submit(self, job: Job) -> None:
        """Queue a job; returns at once.

        Raises:
            NotReady: The batcher has been closed.
        """
        self._batcher.submit(self, job)

    def leave(self, job: Job) -> None:
        """Be told that the outputs of a job that was submitted have been taken, or that nobody wants them any more."""
        self._batcher.leave(self, job)

    def compute(self, shares: Sequence[Share], size: int) -> Outputs:
        """Run some rows, filled up to ``size`` with black ones; for the dispatcher alone.

        Returns:
            The network's outputs for the rows, in their order.
        """
        count = sum(len(share.rows) for share in shares)
        outputs = self._network.run(self._gather(shares, size), Ticket())
        if any(len(output) != size for output in outputs):
            raise EngineError(
                f"{self.spec.name} answers {size} rows with shapes {[output.shape for output in outputs]}."
            )
        return tuple(output[:count] for output in outputs)

    def _gather(self, shares: Sequence[Share], size: int) -> Image:
        if len(shares) == 1 and len(shares[0].rows) == size:
            return shares[0].rows
        if len(self._stage) < size:  # kept, as fresh pages of this size cost as much as filling them
            self._stage = np.empty((size, *self._stage.shape[1:]), np.uint8)
        end = 0
        for share in shares:
            begin, end = end, end + len(share.rows)
            self._stage[begin:end] = share.rows
        self._stage[end:size] = 0
        return self._stage[:size]


class Batcher:
    """Hands the batches of all networks of one device to it, one after the other.

    Args:
        clock: Tells seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._networks: list[BatchingNetwork] = []  # the one whose turn is next first
        self._computing: list[Share] = []
        self._handing: set[Job] = set()  # answered, but not yet taken by their callers
        self._patience = 0.0  # seconds for which that is waited for
        self._began: float | None = None  # when the device was given what it computes
        self._refusal: VultusError | None = None
        self._counts = Counts()
        self._answers: queue.SimpleQueue[list[tuple[Job, VultusError | None]] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name="vultus-batcher", daemon=True),
            threading.Thread(target=self._spread, name="vultus-batcher-answers", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def counts(self) -> Counts:
        """A copy of what has been counted so far."""
        with self._lock:
            return replace(self._counts)

    def wrap(self, network: Network, sizes: Sequence[int] = SIZES) -> BatchingNetwork:
        """The network, computed in shared batches.

        Args:
            network: Can run batches of each of ``sizes``; is only ever run by one thread, and must not keep a batch.
            sizes: Ascending.
        """
        wrapped = BatchingNetwork(network, sizes, self)
        with self._lock:
            self._networks.append(wrapped)
        return wrapped

    @property
    def computing_for(self) -> float:
        """Seconds for which the device has been at a batch; 0 while it stands still."""
        began = self._began
        return 0.0 if began is None else self._clock() - began

    @property
    def broken(self) -> Exception | None:
        """Why a network cannot be computed any more, whatever its rows: see ``VAIN``; ``None``: all can."""
        with self._lock:
            return next((network.broken for network in self._networks if network.broken), None)

    def submit(self, network: BatchingNetwork, job: Job) -> None:
        """See ``BatchingNetwork.submit``."""
        with self._lock:
            if self._refusal is not None:
                raise type(self._refusal)(self._refusal.message)
            network.turns.add(job)
            self._news.notify()

    def leave(self, network: BatchingNetwork, job: Job) -> None:
        """See ``BatchingNetwork.leave``."""
        with self._lock:
            if not job.over:
                job.over = True
                network.turns.discard(job)
            elif job in self._handing:
                self._handing.remove(job)
                if not self._handing:
                    self._news.notify()

    def close(self) -> None:
        """End: what waits is refused with ``NotReady``, a batch that is being computed is waited for."""
        with self._lock:
            waiting = self._end(NotReady("the engine has been closed"))
        self._answer(waiting)
        for thread in self._threads:
            thread.join(_FAREWELL)

    def _serve(self) -> None:
        try:
            while self._refusal is None:
                try:
                    while (work := self._next()) is not None:
                        self._run(*work)
                        del work  # while nothing comes, no pictures are to be kept
                        self._computing = []
                except BaseException as error:  # whatever it was, nobody may be left waiting
                    self._begin_anew(error)
        finally:
            self._answers.put(None)

    def _begin_anew(self, error: BaseException) -> None:
        """Fail all who wait for a dispatcher that has died; the next one finds nothing of what it left."""
        logger.critical("what hands batches to the device has died; it begins anew", exc_info=error)
        lost = EngineError("what hands batches to the device has died, and begins anew; send the request again")
        with self._lock:
            self._counts.deaths += 1
            self._handing, self._patience, self._began = set(), 0.0, None
            computing, self._computing = self._computing, []
            waiting = self._drop(lost, [share.job for share in computing if not share.job.over])
        self._answer(waiting)

    def _spread(self) -> None:
        """Wake callers while the device computes on."""
        while (answers := self._answers.get()) is not None:
            self._answer(answers)
            del answers  # as above

    def _end(self, refusal: VultusError) -> list[tuple[Job, VultusError]]:
        """Refuse all further work; returns the jobs that wait, each with its error. The lock is held."""
        self._refusal = self._refusal or refusal
        self._news.notify_all()
        return self._drop(refusal)

    def _drop(self, reason: VultusError, jobs: Iterable[Job] = ()) -> list[tuple[Job, VultusError]]:
        """These jobs and all that wait, which now do no longer, each with its error. The lock is held."""
        waiting = [job for network in self._networks for job in network.turns.clear()]
        dropped = list(dict.fromkeys([*jobs, *waiting]))
        for job in dropped:
            job.over = True
        return [(job, type(reason)(reason.message)) for job in dropped]

    def _next(self) -> tuple[BatchingNetwork, list[Share]] | None:
        """Wait until there is something to compute; ``None``: the end has come."""
        with self._lock:
            self._news.wait_for(self._is_gathered, self._patience)
            while self._refusal is None:
                waiting = [network for network in self._networks if network.turns]
                if not waiting:
                    self._news.wait()
                    continue
                network = min(waiting, key=lambda network: network.turns.priority)
                self._networks.remove(network)
                self._networks.append(network)  # to the end: others first
                shares, dropped = network.turns.take(network.pace.choose(network.turns.rows))
                self._counts.dropped += len(dropped)
                self._answer(dropped)
                if shares:
                    self._computing = shares
                    return network, shares
            return None

    def _is_gathered(self) -> bool:
        """Whether nothing is won by waiting until results have been taken. The lock is held."""
        return not self._handing or self._refusal is not None or self._is_full()

    def _is_full(self) -> bool:
        """Whether the largest batch of some network is complete. The lock is held."""
        return any(network.turns.rows >= network.pace.sizes[-1] for network in self._networks)

    def _run(self, network: BatchingNetwork, shares: list[Share]) -> None:
        """Compute a batch; should it fail, find the row at fault by halving, for as long as one half is good."""
        error = self._attempt(network, shares)
        network.vain += bool(error)  # until a part of it succeeds
        failed = [row for share in shares for row in share.singly()] if error else []
        while error and len(failed) > 1:
            middle = len(failed) // 2
            halves = [(half, self._attempt(network, half)) for half in (failed[:middle], failed[middle:])]
            broken = [(half, error) for half, error in halves if error]
            if len(broken) == 2:  # the fault is not one row's
                break
            failed, error = broken[0] if broken else ([], None)
        if error:
            self._fail(network, failed, error)
        if network.vain >= VAIN:
            self._try_black(network)

    def _try_black(self, network: BatchingNetwork) -> None:
        """See whether the device fails on anything, or on what it was given alone."""
        self._began = self._clock()
        try:
            network.compute((), network.pace.sizes[0])
        except Exception as error:
            logger.error("%s fails on a black picture, too: %s", network.spec.name, error)
            network.broken = without_frames(error)
        else:
            network.vain, network.broken = 0, None
        finally:
            self._began = None

    def _attempt(self, network: BatchingNetwork, shares: list[Share]) -> Exception | None:
        """Compute some rows and hand them over; returns what went wrong."""
        shares = [share for share in shares if not share.job.over]
        count = sum(len(share.rows) for share in shares)
        if not count:
            return None
        size = network.pace.fitting(count)
        self._began = began = self._clock()
        try:
            outputs = network.compute(shares, size)
        except Exception as error:
            with self._lock:
                self._counts.failures += 1
            return error
        finally:
            self._began = None
        seconds = self._clock() - began
        network.pace.note(size, seconds)
        network.vain, network.broken = 0, None
        with self._lock:
            self._counts.batches += 1
            self._counts.rows += count
            self._counts.padding += size - count
            self._patience = HAND_OVER * seconds
            answers: list[tuple[Job, VultusError | None]] = [(job, None) for job in self._deliver(shares, outputs)]
            hurry = self._is_full()
        if hurry:  # waking many takes a millisecond, for which the device need not stand still
            self._answers.put(answers)
        else:
            self._answer(answers)
        return None

    def _deliver(self, shares: Iterable[Share], outputs: Outputs) -> list[Job]:
        """Give each job its rows; returns those that are complete. The lock is held."""
        done = []
        end = 0
        for share in shares:
            begin, end = end, end + len(share.rows)
            if not share.job.over and share.job.add(share.start, tuple(output[begin:end] for output in outputs)):
                done.append(share.job)
        self._handing = set(done)
        return done

    def _fail(self, network: BatchingNetwork, shares: Iterable[Share], error: Exception) -> None:
        """Fail the jobs of some rows, and drop what else of them waits."""
        logger.error("%s failed on a batch: %s", network.spec.name, error)
        cause = without_frames(error)
        failed = []
        with self._lock:
            for job in dict.fromkeys(share.job for share in shares):
                if not job.over:
                    job.over = True
                    network.turns.discard(job)
                    own = EngineError(f"{network.spec.name} could not be computed on the device: {cause}")
                    own.__cause__ = cause
                    failed.append((job, as_told(own)))
        self._answer(failed)

    def _answer(self, jobs: Iterable[tuple[Job, VultusError | None]]) -> None:
        for job, error in jobs:
            try:
                job.answer(error)
            except Exception:  # must not keep the others waiting
                logger.exception("a caller could not be told of its result")


class BatchingRuntime(Runtime, Protocol):
    """An engine whose networks share the batches of one device.

    Attributes:
        batcher: Hands the device its batches.
    """

    batcher: Batcher

    def load(self, model: Model, path: Path, spec: InputSpec) -> BatchingNetwork:
        """See ``Runtime.load``."""
        ...
