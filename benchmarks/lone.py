"""One request at a time to a server with nothing else to do: its latency beside the networks', each on all cores."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks import bodies, load, pictures, places
from benchmarks.bound import Published
from benchmarks.report import Bar, Report, Row
from benchmarks.server import Server
from benchmarks.subject import NETWORKS, Options, open_engine, settings_of
from benchmarks.timing import in_turn, paired_ratio, spread
from vultus.bench.bound import Bare
from vultus.server.dialects import insightface_rest

MIB = 2**20


def median_of_runs(picture: Callable[[], object], seconds: float) -> float:
    """Seconds that a picture's networks take: the median over a stretch of time."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        picture()
        taken.append(time.perf_counter() - start)
    return spread(taken).median


def run(options: Options) -> Report:
    """p50 over one connection, with ``all_cores`` and without, and the networks beside it."""
    seconds, rounds = options.pick(3, 1), options.pick(15, 1)
    picture = pictures.make().one_face
    body = bodies.extract_json([picture.read_bytes()])
    with open_engine() as engine:
        profile = insightface_rest.DIALECT.profile(engine)
    with (
        Server(places.models(), all_cores="true") as server,
        Server(places.models()) as other,
        Bare(settings_of(all_cores=True)) as bare,
    ):
        server.wait_ready()
        other.wait_ready()
        work = bare.work(picture, profile=profile)
        published = Published(profile.detector, str(profile.embedder), work, streams=1).worker(work)

        def p50(of: Server) -> float:
            return load.run(of.url + "/extract", body, 1, seconds).p50_ms / 1e3

        jobs: dict[str, Callable[[], float]] = {
            "bare": lambda: median_of_runs(published, seconds),
            "own graphs": lambda: median_of_runs(bare.worker(work), seconds),
            "all cores": lambda: p50(server),
            "one core": lambda: p50(other),
        }
        for job in jobs.values():
            job()  # warm-up
        results = in_turn(jobs, rounds, alternate=True)
        memory = server.peak_memory() / MIB
    return Report(
        "lone",
        "POST /extract, one face, JSON, over one connection to a server that has nothing else to do, f32",
        [
            Row("p50", spread(results["all cores"]).median * 1e3, "ms"),
            Row("the bare networks, each on all cores", spread(results["bare"]).median * 1e3, "ms"),
            Row(
                "p50 against the bare networks", paired_ratio(results["all cores"], results["bare"]), "", Bar("<=", 1.2)
            ),
            Row("Vultus' own graphs, each on all cores", spread(results["own graphs"]).median * 1e3, "ms"),
            Row("p50 against its own graphs", paired_ratio(results["all cores"], results["own graphs"])),
            Row("p50 with all_cores off", spread(results["one core"]).median * 1e3, "ms"),
            Row("peak memory of the server", memory, "MiB"),
        ],
        notes=[f"{rounds} rounds in turn; the ratio is the median of the rounds' ratios. With all_cores = true."],
        models=list(NETWORKS[:2]),
        detail={"seconds": results},
    )
