"""``kill -9`` of a worker under load: how long until the service is whole again, and whose requests are lost."""

from __future__ import annotations

import http.client
import itertools
import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from benchmarks import bodies, load, pictures, places
from benchmarks.load import Body
from benchmarks.report import Bar, Report, Row
from benchmarks.server import Server
from benchmarks.subject import NETWORKS, Options
from vultus.bench.processes import holders

WORKERS = 2
CLIENTS = load.CONNECTIONS
BACK = 5.0
"""Seconds in which the service has to be back."""

_PATH = "/extract"
_STEADY = 3.0  # seconds of load before a kill
_PAUSE = 0.02  # seconds before a connection that could not be had is tried again
_TIMEOUT = 30.0


@dataclass(slots=True)
class Client:
    """One that posts the same picture over a connection that it keeps, and comes again when that has ended.

    Attributes:
        address: Host and port of the server.
        good: When its good answers came, on ``time.monotonic``'s clock.
        other: Answers with any other status.
        lost: Process that took the connection of each request that was not answered, and when that ended.
        worker: Process that has its connection.
    """

    address: tuple[str, int]
    good: list[float] = field(default_factory=list)
    other: list[int] = field(default_factory=list)
    lost: list[tuple[int, float]] = field(default_factory=list)
    worker: int = 0

    def run(self, body: Body, stop: threading.Event) -> None:
        """Ask until told to stop."""
        headers = {"content-type": body.content_type, "accept": body.accept}
        while not stop.is_set():
            connection = http.client.HTTPConnection(*self.address, timeout=_TIMEOUT)
            try:
                connection.connect()
                self.worker = 0
                while not stop.is_set():
                    connection.request("POST", _PATH, body.content, headers)
                    answer = connection.getresponse()
                    is_good = answer.status == http.HTTPStatus.OK and body.marker.encode() in answer.read()
                    self._note(is_good, answer.status)
                    self.worker = self.worker or self._find_worker(connection)
            except (OSError, http.client.HTTPException):
                if self.worker:  # else nobody had taken the connection
                    self.lost.append((self.worker, time.monotonic()))
                stop.wait(_PAUSE)
            finally:
                connection.close()

    def _note(self, is_good: bool, status: int) -> None:
        if is_good:
            self.good.append(time.monotonic())
        else:
            self.other.append(status)

    def _find_worker(self, connection: http.client.HTTPConnection) -> int:
        peer = connection.sock.getsockname()[1]
        return next(iter(holders(self.address[1], peer)), 0)


@dataclass(frozen=True, slots=True)
class Kill:
    """What one kill did.

    Attributes:
        connections: Clients whose connection the worker had.
        whole: Seconds until all workers were ready again.
        silence: Longest time in which nobody had a good answer, from a second before it on.
        back: Seconds until the last client of the worker had a good answer again.
        lost: Requests of the worker's clients that were not answered.
        lost_elsewhere: Those of other workers' clients.
    """

    connections: int
    whole: float
    silence: float
    back: float
    lost: int
    lost_elsewhere: int


def run(options: Options) -> Report:
    """Kill one worker after the other."""
    body = bodies.extract_json([pictures.make().one_face.read_bytes()])
    with Server(places.models(), workers=str(WORKERS)) as server:
        server.wait_for_workers(WORKERS)
        kills, answers, other = attack(server, body, options.pick(10, 1))
    return Report(
        "kills",
        f"kill -9 of one of {WORKERS} workers under load: {_PATH}, one face, {CLIENTS} connections on the same cores",
        rows(kills, answers, other),
        notes=[
            "Every client sends its next request when it has its answer, over a connection that it keeps, and connects "
            "anew when that ends. A request is lost when its connection ends before its answer.",
            "Which worker has a connection is read from /proc. The worker with most connections is killed each time.",
        ],
        models=NETWORKS[:2],
        detail={"kills": [{name: getattr(kill, name) for name in Kill.__slots__} for kill in kills]},
    )


def attack(server: Server, body: Body, times: int) -> tuple[list[Kill], int, int]:
    """Kill so many workers; returns what each kill did, and how many good and other answers there were in all."""
    parts = urlsplit(server.url)
    clients = [Client((parts.hostname or "", parts.port or 0)) for _ in range(CLIENTS)]
    stop = threading.Event()
    with ExitStack() as stack:
        for client in clients:
            thread = threading.Thread(target=client.run, args=(body, stop))
            thread.start()
            stack.callback(thread.join)
        stack.callback(stop.set)
        kills = [_kill(server, clients, number) for number in range(1, times + 1)]
    return kills, sum(len(client.good) for client in clients), sum(len(client.other) for client in clients)


def rows(kills: Sequence[Kill], answers: int, other: int) -> list[Row]:
    """The figures, and what they have to reach."""
    return [
        Row("kills", len(kills)),
        Row("good answers", answers),
        Row("any other answer", other, "", Bar("==", 0)),
        Row("connections of the workers that were killed", sum(kill.connections for kill in kills)),
        Row("their requests that were lost: the ones under way", sum(kill.lost for kill in kills)),
        Row("requests of other workers that were lost", sum(kill.lost_elsewhere for kill in kills), "", Bar("==", 0)),
        Row("longest time without a good answer to anybody", max(kill.silence for kill in kills), "s"),
        Row("longest until its clients all had a good answer again", max(kill.back for kill in kills), "s"),
        Row(
            f"longest until {WORKERS} workers were ready again",
            max(kill.whole for kill in kills),
            "s",
            Bar("<=", BACK),
        ),
    ]


def _kill(server: Server, clients: Sequence[Client], replaced: int) -> Kill:
    """Kill a worker; with it, so many have been."""
    time.sleep(_STEADY)
    by_worker: dict[int, list[Client]] = {}
    for client in clients:
        by_worker.setdefault(client.worker, []).append(client)
    by_worker.pop(0, None)
    victim, its_own = max(by_worker.items(), key=lambda item: len(item[1]))
    began = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    server.wait_for_workers(WORKERS, replaced)
    whole = time.monotonic() - began
    while not all(client.good[-1] > began for client in its_own):
        server.check_alive(began + _TIMEOUT)
        time.sleep(_PAUSE)
    lost = [who for client in clients for who, when in client.lost if when >= began]
    every = sorted(moment for client in clients for moment in client.good if moment >= began - 1)
    return Kill(
        connections=len(its_own),
        whole=whole,
        silence=max(after - before for before, after in itertools.pairwise(every)),
        back=max(next(moment for moment in client.good if moment > began) for client in its_own) - began,
        lost=lost.count(victim),
        lost_elsewhere=len(lost) - lost.count(victim),
    )
