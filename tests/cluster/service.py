"""The service on the cluster of the tests, and calls that wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from benchmarks.ray_cluster import Cluster, Deployment

TIMEOUT = 60


@contextmanager
def deployed(cluster: Cluster, **settings: str) -> Iterator[Deployment]:
    """A replica on each node, both ready; the dummy runtime unless the settings say otherwise."""
    with cluster.deploy(2, **{"runtime": "dummy", **settings}) as deployment:
        deployment.wait_up()
        deployment.wait_answering(*cluster.nodes)
        yield deployment


@contextmanager
def background(call: Callable[[], httpx.Response]) -> Iterator[Callable[[], httpx.Response]]:
    """Begin a call on a thread of its own; what is yielded waits for its answer."""
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(call()))
    thread.start()

    def wait() -> httpx.Response:
        thread.join(TIMEOUT)
        return answers[0]

    try:
        yield wait
    finally:
        thread.join(TIMEOUT)
