"""Sends the whole corpus to every endpoint of a real server over real connections, and judges the answers."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import httpx

from benchmarks import places
from benchmarks.hostile import corpus
from benchmarks.hostile.bodies import Body, bodies
from benchmarks.hostile.case import Picture
from benchmarks.hostile.connections import Talk, speak, talks
from benchmarks.hostile.endpoints import REFUSED, Endpoint, endpoints, good
from benchmarks.hostile.tally import Category, Tally
from benchmarks.report import Bar, Report, Row
from benchmarks.subject import Options
from vultus.bench.server import ServerProcess
from vultus.settings import Settings

_READ_TIMEOUT = 2.0
_LONGEST = 2.0  # seconds an answer may take
_PATIENCE = 60.0  # seconds until a client takes the server for hung
_FLOODING = 12  # clients
_PICKY = frozenset({REFUSED, "no_face_found", "crop_size_wrong", "request_invalid"})
_BUSY = frozenset({429, 503})
_FAILED = re.compile(r'vultus_requests_total\{[^}]*status="500"[^}]*\} ([0-9.]+)')


def settings(*, quick: bool) -> Settings:
    """Of the server: real networks, or for a quick run made-up ones."""
    used = Settings(read_timeout=_READ_TIMEOUT, write_timeout=_READ_TIMEOUT, keep_alive_timeout=60, offline=True)
    networks = {"runtime": "dummy", "streams": 1, "canvas": 320} if quick else {"model_path": places.models()}
    return used.model_copy(update=networks)


def picked(pictures: Sequence[Picture], used: Sequence[Endpoint], *, quick: bool) -> Iterator[tuple[Picture, Endpoint]]:
    """Every picture with every endpoint, or for a quick run with one each in turn."""
    for number, picture in enumerate(pictures):
        for endpoint in [used[number % len(used)]] if quick else used:
            yield picture, endpoint


def picked_bodies(used: Sequence[Endpoint], *, quick: bool) -> Iterator[tuple[Body, Endpoint]]:
    """Every body of every endpoint, or for a quick run each twelfth, never missing an endpoint."""
    every = [(body, endpoint) for endpoint in used for body in bodies(endpoint)]
    return itertools.islice(every, 0, None, 12) if quick else iter(every)


def judge(picture: Picture, endpoint: Endpoint, status: int, content: bytes) -> str | None:
    """What is wrong with an answer to a picture; ``None`` where nothing is."""
    try:
        outcome = endpoint.outcome(status, content)
    except (ValueError, LookupError, TypeError) as error:
        return f"undocumented: {error}"
    if outcome in picture.expect:
        return None
    may_be_refused = endpoint.is_picky and "fine" in picture.expect
    if (may_be_refused and outcome in _PICKY) or (outcome == REFUSED and picture.expect != {"fine"}):
        return None
    return f"{outcome} instead of {' or '.join(sorted(picture.expect))}"


def judge_body(body: Body, endpoint: Endpoint, status: int) -> str | None:
    """What is wrong with an answer to a body; ``None`` where nothing is."""
    if status != 200 and status not in endpoint.refusals:
        return f"undocumented: status {status}"
    return "answered instead of refused" if body.is_refused and status == 200 else None


class Attack:
    """Sends everything to one server.

    Args:
        url: The server's.
        tally: Where results go.
    """

    def __init__(self, url: str, tally: Tally) -> None:
        self._client = httpx.Client(base_url=url, timeout=_PATIENCE)
        self._port = int(url.rpartition(":")[2])
        self._tally = tally

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._client.close()

    def pictures(self, pairs: Iterable[tuple[Picture, Endpoint]]) -> None:
        """One after the other, by category."""
        by_category: dict[str, list[tuple[Picture, Endpoint]]] = {}
        for picture, endpoint in pairs:
            by_category.setdefault(picture.category, []).append((picture, endpoint))
        for name, group in by_category.items():
            with self._tally.category(name) as category:
                made: tuple[Picture | None, bytes] = None, b""
                for picture, endpoint in group:
                    if made[0] is not picture:
                        made = picture, picture.make()
                    answer = self._post(category, picture.name, endpoint, endpoint.content_type, endpoint.wrap(made[1]))
                    if answer is not None:
                        _note(category, picture.name, endpoint, judge(picture, endpoint, *answer))

    def bodies(self, pairs: Iterable[tuple[Body, Endpoint]]) -> None:
        """One after the other."""
        for name, group in itertools.groupby(
            sorted(pairs, key=lambda pair: pair[0].category), lambda pair: pair[0].category
        ):
            with self._tally.category(name) as category:
                for body, endpoint in group:
                    answer = self._post(category, body.name, endpoint, body.content_type, body.make())
                    if answer is not None:
                        _note(category, body.name, endpoint, judge_body(body, endpoint, answer[0]))

    def connections(self) -> None:
        """Side by side, with a good client among them."""
        with self._tally.category("connections") as quick, ThreadPoolExecutor(_FLOODING) as pool:
            slow = self._tally.categories.setdefault("slow clients", Category("slow clients"))
            list(pool.map(lambda talk: self._speak(slow if talk.is_slow else quick, talk), talks()))
            slow.memory = quick.memory

    def flood(self, pictures: Iterable[Picture], times: int) -> None:
        """The heaviest pictures, many at once: for memory; they share the cores, so that no single one is timed."""
        heavy = [picture for picture in pictures if picture.is_heavy]
        endpoint = endpoints()[0]
        with self._tally.category("flood of bombs") as category, ThreadPoolExecutor(_FLOODING) as pool:

            def send(picture: Picture) -> None:
                answer = self._client.post(
                    endpoint.path, content=picture.make(), headers={"content-type": endpoint.content_type}
                )
                category.add(picture.name, endpoint.name, answer.status_code, 0.0)
                if answer.status_code not in _BUSY:
                    _note(
                        category, picture.name, endpoint, judge(picture, endpoint, answer.status_code, answer.content)
                    )

            list(pool.map(send, heavy * times))

    def failures(self) -> int:
        """Answers of 500, as the server counted them; the whole of them if it no longer tells."""
        try:
            return int(sum(float(count) for count in _FAILED.findall(self._client.get("/metrics").text)))
        except httpx.TransportError:
            return -1

    def _post(
        self, category: Category, name: str, endpoint: Endpoint, content_type: str, body: bytes
    ) -> tuple[int, bytes] | None:
        headers = [(b"content-type", content_type.encode("latin-1"))] if content_type else []
        started = time.monotonic()
        try:
            answer = self._client.post(endpoint.path, content=body, headers=headers)
        except httpx.HTTPError as error:
            _note(category, name, endpoint, f"no answer: {error!r}")
            return None
        category.add(name, endpoint.name, answer.status_code, time.monotonic() - started)
        return answer.status_code, answer.content

    def _speak(self, category: Category, talk: Talk) -> None:
        try:
            status, seconds = speak(talk, self._port, _PATIENCE)
        except (TimeoutError, OSError) as error:
            category.faults.append(f"{talk.name}: {error}")
            return
        category.add(talk.name, "connection", status, seconds)
        if status not in talk.expect:
            category.faults.append(f"{talk.name}: status {status}")


def warm_up(url: str) -> None:
    """Have every endpoint answer good pictures, so that what is loaded once is loaded."""
    with httpx.Client(base_url=url, timeout=_PATIENCE) as client:
        for endpoint in endpoints() * 3:
            client.post(endpoint.path, content=endpoint.wrap(good()), headers={"content-type": endpoint.content_type})


def _note(category: Category, case: str, endpoint: Endpoint, fault: str | None) -> None:
    if fault:
        category.faults.append(f"{case}; {endpoint.name}: {fault}")


def run(options: Options) -> Report:
    """Send it all."""
    used, found = settings(quick=options.quick), corpus.pictures()
    with ServerProcess(used) as server:
        server.wait_ready()
        warm_up(server.url)
        tally = Tally(server.pid)
        with Attack(server.url, tally) as attack:
            attack.pictures(picked(found, endpoints(), quick=options.quick))
            attack.bodies(picked_bodies(endpoints(), quick=options.quick))
            attack.connections()
            attack.flood(found, times=1 if options.quick else 3)
            failures = attack.failures()
    return Report(
        "hostile",
        "the hostile corpus against every endpoint",
        list(_rows(tally, used, failures)),
        notes=[
            f"read_timeout and write_timeout are {_READ_TIMEOUT:g} s here, as slow clients would else take 20 s each; "
            "memory is the server's peak above what it took when idle and warm; the flood's answers are not timed, as "
            f"{_FLOODING} clients share the cores."
        ],
        models=[] if options.quick else ["scrfd_500m_bnkps", "w600k_mbf"],
        detail={"categories": [category.as_json() for category in tally.categories.values()]},
    )


def _rows(tally: Tally, used: Settings, failures: int) -> Iterator[Row]:
    categories = tally.categories.values()
    fast = [category for category in categories if category.name != "slow clients"]
    faults = [fault for category in categories for fault in category.faults]
    yield Row("inputs", sum(len(category.cases) for category in categories))
    yield Row("answers", sum(sum(category.answers.values()) for category in categories))
    yield Row("crashes", float(failures < 0), bar=Bar("==", 0))
    yield Row("answers of 500", max(failures, 0), bar=Bar("==", 0))
    yield Row("answers that are not documented", sum("undocumented" in fault for fault in faults), bar=Bar("==", 0))
    yield Row("other wrong answers, or none", sum("undocumented" not in fault for fault in faults), bar=Bar("==", 0))
    yield Row("slowest answer", max(category.seconds for category in fast), "s", Bar("<=", _LONGEST))
    if slow := tally.categories.get("slow clients"):
        yield Row("slow clients: slowest end", slow.seconds, "s", Bar("<=", 2 * _READ_TIMEOUT + 1))
    allowed = 150 + 6 * used.max_inflight_pixels / 2**20
    yield Row(
        "peak memory above idle", max(category.memory for category in categories) / 2**20, "MiB", Bar("<=", allowed)
    )
