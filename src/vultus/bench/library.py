"""The engine in this process: how many pictures a second, and how long one takes."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from vultus.bench.load import OK, Pace, Sample
from vultus.engine import FaceEngine
from vultus.types import Analysis, Plan

Submit = Callable[[bytes], "Future[Analysis]"]


def submitter(engine: FaceEngine, plan: Plan | None = None) -> Submit:
    """What hands a picture to the engine."""
    return lambda content: engine.submit(content, plan)


def run(
    submit: Submit, contents: Sequence[bytes], pace: Pace, clock: Callable[[], float] = time.perf_counter
) -> list[Sample]:
    """Hand over pictures round and round, so many at a time (``pace.connections``), in a closed loop.

    Args:
        submit: Begins a picture.
        contents: Encoded pictures.
        pace: How.
        clock: Monotonic seconds.

    Raises:
        VultusError: A picture could not be used.
    """
    places = threading.Semaphore(pace.connections)
    samples: list[Sample] = []
    errors: list[BaseException] = []
    start = clock()

    def begin(content: bytes) -> None:
        due = clock() - start

        def finish(future: Future[Analysis]) -> None:
            if error := future.exception():
                errors.append(error)
            samples.append(Sample(due, clock() - start, OK))
            places.release()

        submit(content).add_done_callback(finish)

    for content in itertools.cycle(contents):
        places.acquire()
        if errors or clock() - start >= pace.warm_up + pace.seconds:
            break
        begin(content)
    for _ in range(pace.connections - 1):  # the place that ended the loop is taken already
        places.acquire()
    if errors:
        raise errors[0]
    return samples
