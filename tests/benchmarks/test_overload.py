from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.needed import needed

from benchmarks import overload, places
from benchmarks.load import Body
from benchmarks.overload import Flood, Latency, Overload

FLOOD = Flood(
    seconds=10.0,
    offered=5000,
    dropped=3,
    good=950,
    refused=4000,
    mute=0,
    late=0,
    other=0,
    accepted_ms=Latency(900.0, 1200.0, 1300.0),
    refused_ms=Latency(2.0, 40.0, 60.0),
)


def values(found: Overload) -> dict[str, tuple[float, bool | None]]:
    return {row.what: (row.value, row.met) for row in overload.rows(found, cores=2)}


@pytest.mark.unit
def test_goodput_is_compared_with_the_mean_of_both_peaks() -> None:
    rows = values(Overload((90.0, 110.0), FLOOD, 0.5, [100 * 2**20, 90 * 2**20, 102 * 2**20]))
    assert rows["goodput / peak"] == (0.95, True)
    assert rows["goodput / peak, on the cores the load generator leaves"][0] == pytest.approx(0.95 / 0.75)
    assert rows["offered"] == (500.0, None)
    assert rows["memory of the server: peak in the first half"] == (100.0, None)
    assert rows["memory of the server: last half / first half"] == (1.02, True)
    assert rows["load generator"] == (0.5, None)
    assert all(met is not False for _, met in rows.values())


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "value", "row"),
    [
        ("good", 800, "goodput / peak"),
        ("late", 1, "accepted: answered after the deadline"),
        ("refused_ms", Latency(2.0, 51.0, 60.0), "refused: latency p99"),
        ("mute", 1, "refused: without Retry-After"),
        ("other", 1, "any other answer, or none"),
    ],
)
def test_what_must_not_be_misses_its_bar(name: str, value: object, row: str) -> None:
    flood = Flood(**{field: getattr(FLOOD, field) for field in Flood.__slots__} | {name: value})
    rows = values(Overload((100.0, 100.0), flood, 0.5, [1, 1]))
    assert [what for what, (_, met) in rows.items() if met is False] == [row]


@pytest.mark.unit
def test_memory_that_grows_misses_its_bar() -> None:
    grown = values(Overload((100.0, 100.0), FLOOD, 0.5, [100, 100, 106, 100]))
    assert grown["memory of the server: last half / first half"] == (1.06, False)


@pytest.mark.unit
def test_the_last_line_is_read() -> None:
    assert overload.parse(f"something else\n{json.dumps(asdict(FLOOD))}\n") == FLOOD


@pytest.mark.unit
def test_a_watch_sees_what_is_read_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "_SAMPLE", 0.001)
    seen = threading.Event()

    def read() -> int:
        seen.set()
        return 7

    with overload.Watch(read) as watch:
        assert seen.wait(30)
    assert set(watch.values) == {7}


@pytest.mark.unit
def test_without_the_load_generator_it_is_said_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(places, "REPOSITORY", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(places.Missing, match="make load-generator"):
        overload.version()


class Handler(BaseHTTPRequestHandler):
    """Answers in turns: a face, a refusal, a refusal without ``Retry-After``, a failure."""

    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    asked: list[tuple[bytes, str | None]] = []  # noqa: RUF012 - one server, one test

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            self.asked.append((body, self.headers["X-Request-Timeout"]))
            place = len(self.asked) % 4
        status, answer = ((200, b'{"face": 1}'), (429, b"{}"), (429, b"{}"), (500, b"{}"))[place]
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        if place == 1:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *given: object) -> None:
        """Nobody wants to know."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.mark.integration
def test_k6_sends_at_its_rate_and_sorts_the_answers(server: str) -> None:
    with needed():
        assert overload.version().startswith("k6 v")
    flood, cores = overload.send(server, Body(b"\x00\xff", "image/png", "application/json", '"face"'), 40, 1)
    assert flood.offered == len(Handler.asked) + flood.dropped
    assert flood.offered >= 20
    assert set(Handler.asked) == {(b"\x00\xff", str(overload.DEADLINE))}
    counts = [sum(place % 4 == kind for place in range(1, len(Handler.asked) + 1)) for kind in range(4)]
    assert flood.good + flood.refused + flood.other == len(Handler.asked)
    assert (flood.good, flood.other, flood.late) == (counts[0], counts[3], 0)
    assert (flood.refused, flood.mute) == (counts[1] + counts[2], counts[2])
    assert flood.accepted_ms.max >= flood.accepted_ms.p50 > 0
    assert cores > 0
