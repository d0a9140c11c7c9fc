"""How many worker threads a stream of inference wants: what ``vultus.engine.WORKERS_PER_STREAM`` rests on."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from unittest import mock

from benchmarks import pictures
from benchmarks.report import Report, Row
from benchmarks.subject import NETWORKS, Options, open_engine
from benchmarks.timing import in_turn, paired_ratio, seconds, spread
from vultus import Analysis, FaceEngine
from vultus.engine import WORKERS_PER_STREAM

CANDIDATES = (1, 2, 3, 4)


def run(options: Options) -> Report:
    """Pictures a second of the library with each number of workers, in turn."""
    content = pictures.make().one_face.read_bytes()
    count, rounds = options.pick(200, 20), options.pick(7, 2)
    with ExitStack() as stack:
        engines = {per_stream: stack.enter_context(_engine(per_stream)) for per_stream in CANDIDATES}
        jobs = {str(n): partial(_pictures_per_second, engine, content, count) for n, engine in engines.items()}
        rates = in_turn(jobs, rounds)
    rows = []
    for name, values in rates.items():
        chosen = " (in use)" if int(name) == WORKERS_PER_STREAM else ""
        rows.append(Row(f"{name} a stream{chosen}", spread(values).median, "pictures/s"))
        rows.append(Row(f"{name} a stream{chosen}: against 1", paired_ratio(values, rates["1"]), ""))
    return Report(
        "workers",
        "worker threads per stream of inference: one face, detection + embedding, f32",
        rows,
        notes=[f"{count} pictures a round from the file's bytes, {rounds} rounds in turn; medians."],
        models=NETWORKS[:2],
        detail={"pictures_per_second": rates},
    )


def _engine(per_stream: int) -> FaceEngine:
    with mock.patch("vultus.engine.WORKERS_PER_STREAM", per_stream):
        engine = open_engine()
    engine.prepare()
    return engine


def _pictures_per_second(engine: FaceEngine, content: bytes, count: int) -> float:
    def analyze() -> None:
        for answer in engine.analyze_many([content] * count):
            assert isinstance(answer, Analysis)
            assert len(answer.faces) == 1

    return count / seconds(analyze)
