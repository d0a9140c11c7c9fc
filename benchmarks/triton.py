"""What a Triton server on the same machine costs beside the same networks in this process, and the batches it makes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import tritonclient.http as client

from benchmarks import pictures, places
from benchmarks.report import Bar, Report, Row
from benchmarks.subject import FULL_PLAN, NETWORKS, Options, settings_of
from benchmarks.timing import in_turn, paired_ratio, repeat, spread
from benchmarks.triton_server import Triton, export, running
from vultus.bench.bound import Bare
from vultus.cluster.triton.server import Program
from vultus.engine import FaceEngine
from vultus.runtime.cores import available_cores
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.settings import Settings
from vultus.types import FloatArray, Image

HERE = "in process"
WAYS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "gRPC": ("grpc", "off"),
        "HTTP": ("http", "off"),
        "gRPC, shared memory": ("grpc", "system"),
        "HTTP, shared memory": ("http", "system"),
    }
)
"""Ways to ask the server: protocol, and whether memory is shared."""

CALLERS = 32
"""Threads that each have one crop embedded after the other, as many as walk pictures by default."""

COSINE = 0.99999


class Subject(NamedTuple):
    """A network, and what it sees of a photograph.

    Attributes:
        name: Catalogue name.
        pixels: RGB uint8 ``(1, height, width, 3)``.
        networks: By where they are computed.
    """

    name: str
    pixels: Image
    networks: Mapping[str, Network]

    @property
    def label(self) -> str:
        """Name and size of the input."""
        return f"{self.name} {self.pixels.shape[2]} x {self.pixels.shape[1]}"


class Batches(NamedTuple):
    """What a server has counted of a network.

    Attributes:
        rows: Computed.
        executions: Batches in which they were.
    """

    rows: int
    executions: int


def run(options: Options) -> Report:
    """One row at a time in turn through every way; then many callers at once, and what the server says of them."""
    cores = available_cores()
    program = Program.find(places.triton_python())
    with TemporaryDirectory(prefix="vultus-triton-") as folder, ExitStack() as stack:
        repository = export(settings_of(aspect="square"), Path(folder) / "models", NETWORKS, instances=cores)
        server = stack.enter_context(running(program, repository))
        subjects = stack.enter_context(opened(server))
        lone = lone_rows(subjects, options)
        embedder = next(subject for subject in subjects if subject.name == NETWORKS[1])
        busy = busy_rows(server, embedder, options)
        parity = [row for subject in subjects for row in same_answers(subject)]
    return Report(
        "triton",
        f"networks on a Triton server of this machine (models in Python, OpenVINO, {cores} instances) beside the same "
        "in process, f32",
        rows=[*lone.rows, *busy.rows, *parity],
        notes=[
            "Alone: one row at a time, on one thread of the processor either way; medians, and what the server adds by "
            "round. "
            f"Under load: {CALLERS} callers, one crop at a time each; rates against in process with as many.",
            "The server's models run row by row, which is fastest on a CPU: batches save it no time here, but show "
            "that rows of many callers meet. Its processes share the cores with this one.",
        ],
        models=list(NETWORKS),
        detail={"seconds": lone.detail, "busy": busy.detail},
    )


class Part(NamedTuple):
    """Rows of the table, and what they were made of."""

    rows: list[Row]
    detail: dict[str, dict[str, list[float]]]


@contextmanager
def opened(server: Triton) -> Iterator[list[Subject]]:
    """The networks in process and by every way, with what they see of the picture of one face."""
    with ExitStack() as stack:
        bare = stack.enter_context(Bare(settings_of(all_cores=False, aspect="square")))
        engines = {way: stack.enter_context(FaceEngine(settings(server, *how))) for way, how in WAYS.items()}
        calls = bare.work(pictures.make().one_face, FULL_PLAN).calls
        subjects = []
        for name in NETWORKS:
            call = next(call for call in calls if call.model.name == name)
            model, spec = call.model, call.network.spec.input
            remote = {
                way: engine.runtime.load(model, places.network(model.file), spec) for way, engine in engines.items()
            }
            subjects.append(Subject(name, call.pixels[:1], {HERE: call.network, **remote}))
        yield subjects


def settings(server: Triton, scheme: str, sharing: str) -> Settings:
    """Those of an engine that asks the server in a certain way."""
    address = server.grpc if scheme == "grpc" else server.http
    return settings_of(runtime="triton", triton_url=f"{scheme}://{address}", triton_mem=sharing, aspect="square")


def lone_rows(subjects: Sequence[Subject], options: Options) -> Part:
    """Milliseconds of a row that is alone."""
    runs, rounds = options.pick(50, 5), options.pick(9, 2)
    rows, detail = [], {}
    for subject in subjects:

        def median(network: Network, pixels: Image = subject.pixels) -> float:
            return spread(repeat(lambda: network.run(pixels, Ticket(is_hurried=False)), runs)).median

        seconds = in_turn(
            {where: partial(median, network) for where, network in subject.networks.items()}, rounds, alternate=True
        )
        detail[subject.label] = seconds
        rows.append(Row(f"{subject.label} {HERE}", spread(seconds[HERE]).median * 1e3, "ms"))
        for way in WAYS:
            added = [there - here for there, here in zip(seconds[way], seconds[HERE], strict=True)]
            rows.append(Row(f"{subject.label}: {way} adds", spread(added).median * 1e3, "ms"))
    return Part(rows, detail)


def busy_rows(server: Triton, subject: Subject, options: Options) -> Part:
    """Crops a second of many callers, and the batches that the server made of them."""
    seconds, rounds = options.pick(5, 1), options.pick(5, 1)
    made: dict[str, list[Batches]] = {way: [] for way in WAYS}

    def rate(where: str) -> float:
        before = counted(server, subject.name)
        found = crops_a_second(subject.networks[where], subject.pixels, seconds)
        after = counted(server, subject.name)
        if where in made:
            made[where].append(Batches(after.rows - before.rows, after.executions - before.executions))
        return found

    jobs: dict[str, Callable[[], float]] = {where: partial(rate, where) for where in subject.networks}
    results = in_turn(jobs, rounds, alternate=True)
    rows = [Row(f"{subject.label}, {CALLERS} callers, {HERE}", spread(results[HERE]).median, "rows/s")]
    for way in WAYS:
        total = Batches(sum(each.rows for each in made[way]), sum(each.executions for each in made[way]))
        rows += [
            Row(f"{CALLERS} callers, {way}: rate against {HERE}", paired_ratio(results[way], results[HERE])),
            Row(f"{CALLERS} callers, {way}: rows (inference_count)", total.rows),
            Row(f"{CALLERS} callers, {way}: batches (execution_count)", total.executions),
            Row(f"{CALLERS} callers, {way}: rows a batch", total.rows / total.executions, "", Bar(">=", 1.5)),
        ]
    return Part(rows, {subject.label: results})


def crops_a_second(network: Network, pixels: Image, seconds: float) -> float:
    """Rate of ``CALLERS`` threads that each have one row computed after the other."""
    end = time.perf_counter() + seconds

    def call(_: int) -> int:
        done = 0
        while time.perf_counter() < end:
            network.run(pixels, Ticket(is_hurried=False))
            done += 1
        return done

    start = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as threads:
        done = sum(threads.map(call, range(CALLERS)))
    return done / (time.perf_counter() - start)


def counted(server: Triton, name: str) -> Batches:
    """The server's own count of a network."""
    with client.InferenceServerClient(server.http) as asked:
        (told,) = asked.get_inference_statistics(name)["model_stats"]
    return Batches(told["inference_count"], told["execution_count"])


def same_answers(subject: Subject) -> list[Row]:
    """Cosine of all that a network says to what it says in process: the least of its outputs."""
    expected = subject.networks[HERE].run(subject.pixels, Ticket())
    rows = []
    for way in WAYS:
        found = subject.networks[way].run(subject.pixels, Ticket())
        least = min(cosine(one, other) for one, other in zip(found, expected, strict=True))
        rows.append(Row(f"{subject.label}, {way}: cosine to {HERE}", least, "", Bar(">=", COSINE)))
    return rows


def cosine(one: FloatArray, other: FloatArray) -> float:
    """Cosine of two arrays taken as one vector each."""
    a, b = (array.astype(np.float64).ravel() for array in (one, other))
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
