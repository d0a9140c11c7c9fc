"""Hours in minutes: a mixed load at a constant rate, hostile requests among it, and what becomes of the memory."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

import cv2
import numpy as np
import simplejpeg

from benchmarks import pictures, places
from benchmarks.hostile import jpegs
from benchmarks.hostile.bodies import bodies
from benchmarks.hostile.endpoints import JSON, Endpoint, endpoints
from benchmarks.report import Bar, Report, Row
from benchmarks.server import Server
from benchmarks.subject import NETWORKS, Options
from vultus.bench.connection import connect
from vultus.bench.load import OK, Pace, Sample
from vultus.bench.load import run as send
from vultus.bench.processes import family, usage
from vultus.bench.requests import Address, Prepared, prepare, request
from vultus.imaging.decode import Limits
from vultus.imaging.source import read_pixels
from vultus.types import Image

LOAD = 0.8
"""Part of what a closed loop reaches with the same requests that is offered."""

HOSTILE = 0.05
"""Part of the requests that no server should have to see."""

HOSTILE_PICTURES = (
    ("JPEG 65500x65500 announced", "/extract (JSON)"),
    ("JPEG progressive cut within scan 15", "/extract (JSON)"),
    ("JPEG Huffman table of 65535 codes", "/v1/faces (raw)"),
)
"""Names in the hostile corpus of a bomb, a truncation and damage, and of the endpoints that get them."""

HOSTILE_BODIES = (("100,000 lists in each other", "/v1/faces (JSON)"), ("never used head", "/v1/faces (MessagePack)"))
"""The same of a body too deep and of garbage."""

DOCUMENTED = frozenset({OK, "400", "413", "415", "422", "429"})
"""Outcomes that a client may see: an answer, a refusal of what it sent, or that there is too much to do."""

SIZES = ((220, 270), (640, 480), (480, 640), (1280, 720), (1920, 1080), (3024, 4032))
"""Sizes of the pictures of one face, width and height: all shapes of canvas, and a phone's twelve megapixels."""

_SETTLED = 60.0  # seconds after which memory is to stay as it is
_EVERY = 1.0  # second that memory is looked at
_MIB = 2**20


class Meter:
    """Resident memory of a server over time.

    Args:
        pid: Of the server.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._start = time.perf_counter()
        self.seconds: list[float] = []
        self.mib: list[float] = []

    async def watch(self) -> None:
        """Look at it until cancelled."""
        while True:
            taken = usage(family(self._pid))
            self.seconds.append(time.perf_counter() - self._start)
            self.mib.append(taken.resident_bytes / _MIB if taken else 0.0)
            await asyncio.sleep(_EVERY)


def slope(seconds: Sequence[float], values: Sequence[float], after: float = _SETTLED) -> float:
    """Growth a minute, by least squares over what was seen later than ``after`` seconds."""
    x, y = np.array(seconds) / 60, np.array(values)
    late = x >= after / 60
    return float(np.polyfit(x[late], y[late], 1)[0]) if late.sum() > 1 else 0.0


def mixture(address: Address) -> list[Prepared]:
    """A hundred requests in a fixed order: what clients of several kinds send, and ``HOSTILE`` of what attackers do."""
    files = pictures.make()
    one, six, many = (path.read_bytes() for path in (files.one_face, files.six_faces, files.mosaic))
    portrait = read_pixels(one, Limits())
    sizes = [_enlarged(portrait, width, height) for width, height in SIZES]
    v1 = partial(prepare, address, "v1")
    hostile = list(_hostile(address))
    good = [
        *[prepare(address, "extract", "json", [one])] * 50,
        *[prepare(address, "extract", "msgpack", [one] * 4)] * 4,
        *[v1("multipart", [one, six])] * 4,
        *[v1("msgpack", [six])] * 8,
        v1("msgpack", [many]),
    ]
    share = round(100 * HOSTILE)
    good += [v1("json", [sizes[i % len(sizes)]]) for i in range(100 - share - len(good))]
    bad = [hostile[i % len(hostile)] for i in range(share)]
    order = good + bad
    random.Random(0).shuffle(order)
    return order


def _enlarged(portrait: Image, width: int, height: int) -> bytes:
    """The portrait as large as it fits, on grey."""
    factor = min(width / portrait.shape[1], height / portrait.shape[0])
    face = cv2.resize(portrait, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    page = np.full((height, width, 3), 128, np.uint8)
    page[: face.shape[0], : face.shape[1]] = face[:height, :width]
    encoded: bytes = simplejpeg.encode_jpeg(page, pictures.QUALITY)
    return encoded


def _hostile(address: Address) -> Iterator[Prepared]:
    """One of each kind of what the hostile corpus has: all of it is refused, whatever it costs."""
    by_name = {endpoint.name: endpoint for endpoint in endpoints()}
    corpus = {picture.name: picture for picture in jpegs.pictures()}
    for picture, name in HOSTILE_PICTURES:
        endpoint = by_name[name]
        yield _posted(address, endpoint, endpoint.content_type, endpoint.wrap(corpus[picture].make()))
    for body, name in HOSTILE_BODIES:
        endpoint = by_name[name]
        case = next(case for case in bodies(endpoint) if case.name == body)
        yield _posted(address, endpoint, case.content_type, case.make())


def _posted(address: Address, endpoint: Endpoint, content_type: str, content: bytes) -> Prepared:
    return Prepared(request(address, endpoint.path, content, content_type, JSON), b"")


def by_minute(samples: Sequence[Sample]) -> list[dict[str, float]]:
    """Requests that fell due in each minute, how many of them were answered with 200, and their latency."""
    minutes: dict[int, list[Sample]] = {}
    for sample in samples:
        minutes.setdefault(int(sample.due // 60), []).append(sample)
    return [_summary(minute) for _, minute in sorted(minutes.items())]


def _summary(samples: Sequence[Sample]) -> dict[str, float]:
    p50, p99 = np.percentile([1e3 * (sample.done - sample.due) for sample in samples], [50, 99])
    good = sum(sample.outcome == OK for sample in samples)
    return {"requests": len(samples), "good": good, "p50_ms": round(float(p50), 1), "p99_ms": round(float(p99), 1)}


async def soak(server: Server, seconds: int, closed: int) -> tuple[float, list[Sample], Meter]:
    """A closed loop of ``closed`` seconds to learn what the server can do, then ``LOAD`` of that.

    Returns:
        The rate that was offered, the requests sent at it, and the memory meanwhile.
    """
    address = Address.parse(server.url)
    requests = mixture(address)
    ask = partial(connect, address)
    fast = await send(Pace(8, None, closed, 0, 60), requests, ask, False, lambda: None)
    rate = LOAD * len(fast.samples) / closed
    meter = Meter(server.pid)
    watch = asyncio.create_task(meter.watch())
    try:
        load = await send(Pace(64, rate, seconds, 0, 60), requests, ask, False, lambda: None)
    finally:
        watch.cancel()
    return rate, load.samples, meter


def run(options: Options) -> Report:
    """``options.minutes`` of load."""
    seconds = 60 * options.minutes if not options.quick else 20
    with Server(places.models()) as server:
        server.wait_ready()
        rate, samples, meter = asyncio.run(soak(server, seconds, options.pick(30, 3)))
        server.check_alive(time.monotonic() + 1)
    outcomes = Counter(sample.outcome for sample in samples)
    taken = np.array([1e3 * (sample.done - sample.due) for sample in samples])
    strange = sum(count for outcome, count in outcomes.items() if outcome not in DOCUMENTED)
    return Report(
        "soak",
        f"{seconds / 60:g} minutes of mixed load at {LOAD:.0%} of what the server can do, {HOSTILE:.0%} of it hostile",
        [
            Row("requests", len(samples)),
            Row("offered", rate, "requests/s"),
            Row("answered with 200", outcomes[OK] / len(samples)),
            Row("outcomes that are not documented", strange, "", Bar("==", 0)),
            Row("latency p50", float(np.percentile(taken, 50)), "ms"),
            Row("latency p99", float(np.percentile(taken, 99)), "ms"),
            Row("memory after the first minute", float(np.interp(_SETTLED, meter.seconds, meter.mib)), "MiB"),
            Row("memory at the end", meter.mib[-1], "MiB"),
            Row("peak memory", max(meter.mib), "MiB"),
            Row("memory slope after the first minute", slope(meter.seconds, meter.mib), "MiB/min", Bar("<=", 1)),
        ],
        notes=[
            "Pictures of 0.06 to 12 megapixels, one to 117 faces, JSON, MessagePack, forms; latency counts from when a "
            "request was due. The slope is that of the least-squares line.",
        ],
        models=NETWORKS[:2],
        detail={
            "outcomes": outcomes,
            "minutes": by_minute(samples),
            "seconds": [round(second, 1) for second in meter.seconds],
            "mib": [round(mib, 1) for mib in meter.mib],
        },
    )
