"""Writes the figures and the sizing table into ``docs/performance.md``: ``python -m benchmarks.performance_doc``.

They are made of ``benchmarks/results/*.json`` alone. What is not in there is said to be not measured.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks import places
from benchmarks.pages import written
from benchmarks.report import figure

PAGE = places.REPOSITORY / "docs" / "performance.md"
COMMAND = "python -m benchmarks.performance_doc"
SECTIONS = ("figures", "sizing")
MISSING = "not measured"

UTILISATION = 0.7
"""Share of the machine that is planned with: above it, waiting grows fast (M/M/1: 1 / (1 - utilisation))."""

RATES = (10, 50, 100, 500)
FACES = (1, 5, 20, 100)

ONE_FACE = "POST /extract, one face, JSON"
MOSAIC = "POST /v1/faces, mosaic, MessagePack"

FIGURES: Sequence[tuple[str, str, str]] = (
    ("HTTP, one face, f32: throughput", "http", f"{ONE_FACE}: throughput"),
    ("HTTP, one face, f32: of the bare networks at the shapes used", "http", f"{ONE_FACE}: share of the bound"),
    ("HTTP, one face, f32: of Vultus' own graphs alone", "http", f"{ONE_FACE}: share of its own graphs"),
    ("HTTP, one face, f32: of the networks on 640 x 640 in f32", "http", f"{ONE_FACE}: share of the f32 640x640 bound"),
    ("HTTP, 117 faces, f32: throughput", "http", f"{MOSAIC}: throughput"),
    ("HTTP, 117 faces, f32: of the bare networks at the shapes used", "http", f"{MOSAIC}: share of the bound"),
    ("HTTP, 117 faces, f32: of Vultus' own graphs alone", "http", f"{MOSAIC}: share of its own graphs"),
    ("HTTP, one face, bf16: throughput", "http", f"{ONE_FACE}, bf16: throughput"),
    ("HTTP, one face, bf16: of the bare networks at the shapes used", "http", f"{ONE_FACE}, bf16: share of the bound"),
    ("HTTP, one face, bf16: of Vultus' own graphs alone", "http", f"{ONE_FACE}, bf16: share of its own graphs"),
    (
        "HTTP, one face, bf16: of the networks on 640 x 640 in f32",
        "http",
        f"{ONE_FACE}, bf16: share of the f32 640x640 bound",
    ),
    ("peak memory of the server, one face", "http", f"{ONE_FACE}: peak memory of the server"),
    ("start to first answer", "http", "start to first answer, median"),
    ("one request at a time, all_cores: p50", "lone", "p50"),
    ("one request at a time, all_cores: p50 against the bare networks", "lone", "p50 against the bare networks"),
    ("one request at a time, all_cores: p50 against Vultus' own graphs", "lone", "p50 against its own graphs"),
    ("one request at a time, one core each: p50", "lone", "p50 with all_cores off"),
    ("five times too much: goodput against the peak", "overload", "goodput / peak"),
    (
        "five times too much: goodput against the peak on the cores that k6 leaves",
        "overload",
        "goodput / peak, on the cores the load generator leaves",
    ),
    ("five times too much: cores the load generator takes", "overload", "load generator"),
    ("five times too much: p99 of refusals", "overload", "refused: latency p99"),
    ("kill -9 of one of two workers: until both are ready again", "kills", "longest until 2 workers were ready again"),
    ("kill -9 of one of two workers: lost requests of the other", "kills", "requests of other workers that were lost"),
    ("mixed load: memory slope after the first minute", "soak", "memory slope after the first minute"),
    ("12 megapixels, one face, decode = scaled: of decode and networks alone", "large", "bare against whole"),
    ("12 megapixels, one face: of decode and Vultus' own graphs alone", "large", "own graphs against whole"),
    ("library, six faces with 106 landmarks, f32: times as fast as insightface", "library", "f32: times as fast"),
    ("library, six faces with 106 landmarks, bf16: times as fast as insightface", "library", "bf16: times as fast"),
    ("simulated accelerator, 64 callers of one row: of its ideal", "batching", "one row a call: throughput / ideal"),
    (
        "simulated accelerator, 64 callers of one row that each keep a thread: of its ideal",
        "batching",
        "one row a call, a thread each: throughput / ideal",
    ),
    (
        "simulated accelerator, 64 callers of 1 to 8 rows: of its ideal",
        "batching",
        "1 to 8 rows a call: throughput / ideal",
    ),
    ("worker threads: 3 a stream against 1", "workers", "3 a stream (in use): against 1"),
)
"""What is told, the benchmark it is from, and the name of its row there."""

Results: TypeAlias = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What pictures cost on the machine that was measured.

    Attributes:
        cores: Of that machine.
        first: Core-seconds of a picture with one face.
        more: Core-seconds of each further face.
        memory_mib: Of a server, with 117 faces in each picture.
    """

    cores: int
    first: float
    more: float
    memory_mib: float

    def of(self, faces: int) -> float:
        """Core-seconds of a picture with so many faces."""
        return self.first + (faces - 1) * self.more


def page(text: str, results: Results) -> str:
    """The page with its generated parts written anew.

    Raises:
        ValueError: The page lacks one of the marks.
    """
    for section, lines in zip(SECTIONS, (figures(results), sizing(results)), strict=True):
        text = written(text, *marks(section), lines)
    return text


def marks(section: str) -> tuple[str, str]:
    """The lines between which a part is written."""
    return f"<!-- {section}: written by `{COMMAND}` from benchmarks/results -->", f"<!-- end of {section} -->"


def value_of(results: Results, benchmark: str, row: str) -> float | None:
    """A committed figure; ``None`` where there is none."""
    rows = results.get(benchmark, {}).get("rows", ())
    return next((float(found["value"]) for found in rows if found["what"] == row), None)


def figures(results: Results) -> Iterator[str]:
    """The table of figures."""
    yield "| what | value | benchmark |"
    yield "|---|---:|---|"
    for what, benchmark, row in FIGURES:
        yield f"| {what} | {_told(results, benchmark, row)} | `{benchmark}` |"
    for name in dict.fromkeys(benchmark for _, benchmark, _ in FIGURES):
        if name in results:
            host = results[name]["machine"]
            yield ""
            yield f"`{name}`: {host['cpu']}, {host['cores']} cores, {host['system']}; {host['date']}."


def cost_of(results: Results) -> Cost | None:
    """What pictures cost, from the two kinds that were measured; ``None`` where one was not."""
    one, many = (value_of(results, "http", f"{name}: throughput") for name in (ONE_FACE, MOSAIC))
    faces, memory = (value_of(results, "http", f"{MOSAIC}: {what}") for what in ("faces", "peak memory of the server"))
    if not one or not many or not faces or not memory or faces < 2:
        return None
    cores = int(results["http"]["machine"]["cores"])
    return Cost(cores, cores / one, (cores / many - cores / one) / (faces - 1), memory)


def cores_needed(cost: Cost, rate: float, faces: int) -> int:
    """Whole cores for so many pictures a second with so many faces each, used to ``UTILISATION``."""
    cores = rate * cost.of(faces) / UTILISATION
    return max(1, math.ceil(round(cores, 9)))  # 7 x 0.1 / 0.7 is one core


def sizing(results: Results) -> Iterator[str]:
    """The sizing table."""
    cost = cost_of(results)
    if cost is None:
        yield f"{MISSING}: the benchmark `http` has to be run."
        return
    yield f"**Arithmetic, not a measurement**, from two measurements on {cost.cores} cores (f32):"
    yield (
        f"a picture with one face costs {1000 * cost.first:.3g} core-milliseconds, each further face "
        f"{1000 * cost.more:.3g}. Cores of that kind, used to {UTILISATION:.0%}, for"
    )
    yield ""
    yield f"| faces in a picture | {' | '.join(f'{rate} pictures/s' for rate in RATES)} |"
    yield f"|---:|{'---:|' * len(RATES)}"
    for faces in FACES:
        cells = (str(cores_needed(cost, rate, faces)) for rate in RATES)
        yield f"| {faces} | {' | '.join(cells)} |"
    yield ""
    yield f"A process took {cost.memory_mib:.0f} MiB at its peak with 117 faces in each picture."
    bf16 = value_of(results, "http", f"{ONE_FACE}, bf16: throughput")
    saved = MISSING if bf16 is None else f"{bf16 * cost.first / cost.cores:.2f} times the pictures for one face"
    yield f"With `precision = bf16`: {saved}. On an accelerator: {MISSING}."


def read_results(folder: Path = places.RESULTS) -> Results:
    """All committed results, by benchmark."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def _told(results: Results, benchmark: str, row: str) -> str:
    value = value_of(results, benchmark, row)
    if value is None:
        return MISSING
    unit = next(found["unit"] for found in results[benchmark]["rows"] if found["what"] == row)
    return f"{figure(value)} {unit}".rstrip()


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), read_results()), encoding="utf-8")


if __name__ == "__main__":
    main()
