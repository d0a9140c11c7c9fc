"""A real server under a real load generator, on the same cores, beside the bare-network bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks import bodies, footprint, load, pictures, places
from benchmarks.bound import Published
from benchmarks.load import CONNECTIONS, Body, Load
from benchmarks.report import Bar, Report, Row
from benchmarks.server import Server
from benchmarks.subject import Options, open_engine, settings_of
from benchmarks.timing import in_turn, paired_ratio, spread
from vultus import FaceEngine
from vultus.bench.bound import Bare
from vultus.server.dialects import insightface_rest
from vultus.types import Profile

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of request.

    Attributes:
        name: For the table.
        path: Where it is posted.
        body: What is posted.
        picture: The one picture in it.
        profile: How the route analyses pictures.
        seconds: Length of a stretch of load; so long that the pictures under way at its end do not matter.
        bar: What share of the bare-network bound has to be reached.
        precision: Of the server and of the bound.
        square_bar: What share of the bound in f32 on the square canvas has to be reached.
    """

    name: str
    path: str
    body: Body
    picture: Path
    profile: Profile
    seconds: int
    bar: Bar | None = None
    precision: str = "f32"
    square_bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Loads and bounds, taken in turn.

    Attributes:
        faces: Faces in the picture.
        loads: By round.
        bound: Pictures per second by round of the published files alone (``benchmarks/bound.py``).
        square: The same in f32 on the square canvas.
        own: Of Vultus' own graphs alone.
    """

    faces: int
    loads: list[Load]
    bound: list[float]
    square: list[float]
    own: list[float]

    @property
    def rates(self) -> list[float]:
        """Answers per second by round."""
        return [load.per_second for load in self.loads]


def measure(scenario: Scenario, server: Server, rounds: int) -> Outcome:
    """Run load and bounds in turn; the server is idle while a bound is taken.

    Raises:
        RuntimeError: An answer was not good.
    """
    seconds, url = scenario.seconds, server.url + scenario.path
    with Bare(settings_of(precision=scenario.precision)) as bare:
        work = bare.work(scenario.picture, profile=scenario.profile)
        on_square = bare.on_square(work)
        assert on_square  # the default detector takes any size
        names = scenario.profile.detector, str(scenario.profile.embedder)
        published, square = Published(*names, work, scenario.precision), Published(*names, on_square)
        load.run(url, scenario.body, 1, seconds / 3)  # warm-up
        jobs: dict[str, Callable[[], float | Load]] = {
            "bound": lambda: published.pictures_per_second(work, seconds),
            "square": lambda: square.pictures_per_second(on_square, seconds),
            "own": lambda: bare.pictures_per_second(work, seconds),
            "load": lambda: load.run(url, scenario.body, CONNECTIONS, seconds),
        }
        results = in_turn(jobs, rounds)
    loads = [result for result in results["load"] if isinstance(result, Load)]
    return Outcome(work.faces, loads, *(_floats(results[which]) for which in ("bound", "square", "own")))


def scenarios(engine: FaceEngine, options: Options) -> list[Scenario]:
    """What is posted, and where."""
    files = pictures.make()
    one_face, mosaic = files.one_face.read_bytes(), files.mosaic.read_bytes()
    extract = Scenario(
        "POST /extract, one face, JSON",
        "/extract",
        bodies.extract_json([one_face]),
        files.one_face,
        insightface_rest.DIALECT.profile(engine),
        options.pick(6, 1),
        Bar(">=", 0.9),
        square_bar=Bar(">=", 1.05),
    )
    return [
        extract,
        replace(extract, name=f"{extract.name}, bf16", precision="bf16", square_bar=Bar(">=", 1.6)),
        Scenario(
            "POST /v1/faces, mosaic, MessagePack",
            "/v1/faces",
            bodies.faces_msgpack([mosaic]),
            files.mosaic,
            engine.default_profile,
            options.pick(12, 6),
            Bar(">=", 0.92),
        ),
    ]


def run(options: Options) -> Report:
    """Throughput, latency, memory and start."""
    rounds = options.pick(3, 1)
    rows: list[Row] = []
    detail: dict[str, object] = {"wrk": load.version()}
    with open_engine() as engine:
        kinds = scenarios(engine, options)
        for scenario in kinds:
            with Server(
                places.models(), precision=scenario.precision
            ) as server:  # one each: the peak of memory is the scenario's own
                server.wait_ready()
                outcome = measure(scenario, server, rounds)
                memory = server.peak_memory() / MIB
            rows += _rows(scenario, outcome, memory)
            detail[scenario.name] = asdict(outcome) | {"peak_mib": memory}
        first = kinds[0]
        starts = [
            footprint.seconds_to_first_answer(places.models(), first.path, first.body)
            for _ in range(options.pick(5, 1))
        ]
    rows.append(Row("start to first answer, median", spread(starts).median, "s", Bar("<=", 4)))
    detail["starts"] = starts
    return Report(
        "http",
        f"vultus serve on loopback, {CONNECTIONS} connections; load generator on the same cores",
        rows,
        notes=[
            f"{rounds} rounds in turn: bounds, then load; ratios are medians of the rounds' ratios.",
            "Every answer was checked to be 200 and to hold a face.",
            "Latencies are those of a closed loop: each connection sends its next request when it has its answer.",
            "Start: weights in a local folder, no cache of any kind; from spawning the process to the first answer.",
        ],
        models=["scrfd_500m_bnkps", "w600k_mbf"],
        detail=detail,
    )


def _rows(scenario: Scenario, outcome: Outcome, memory: float) -> list[Row]:
    name, loads = scenario.name, outcome.loads
    return [
        Row(f"{name}: faces", outcome.faces),
        Row(f"{name}: throughput", spread(outcome.rates).median, "pictures/s"),
        Row(f"{name}: bare-network bound", spread(outcome.bound).median, "pictures/s"),
        Row(f"{name}: share of the bound", paired_ratio(outcome.rates, outcome.bound), "", scenario.bar),
        Row(
            f"{name}: share of the f32 640x640 bound",
            paired_ratio(outcome.rates, outcome.square),
            "",
            scenario.square_bar,
        ),
        Row(f"{name}: Vultus' own graphs alone", spread(outcome.own).median, "pictures/s"),
        Row(f"{name}: share of its own graphs", paired_ratio(outcome.rates, outcome.own)),
        Row(f"{name}: latency p50", spread([item.p50_ms for item in loads]).median, "ms"),
        Row(f"{name}: latency p90", spread([item.p90_ms for item in loads]).median, "ms"),
        Row(f"{name}: latency p99", spread([item.p99_ms for item in loads]).median, "ms"),
        Row(
            f"{name}: peak memory of the server", memory, "MiB", Bar("<=", 400e6 / MIB) if outcome.faces == 1 else None
        ),
    ]


def _floats(values: list[float | Load]) -> list[float]:
    return [value for value in values if isinstance(value, float)]
