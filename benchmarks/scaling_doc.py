"""Writes the tables of ``docs/scaling.md``: ``python -m benchmarks.scaling_doc``.

They are arithmetic on ``benchmarks/results/*.json``; what is not in there is said to be not measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks import places
from benchmarks.pages import written
from benchmarks.performance_doc import MISSING, UTILISATION, Results, cores_needed, cost_of, read_results, value_of
from benchmarks.report import figure

PAGE = places.REPOSITORY / "docs" / "scaling.md"
COMMAND = "python -m benchmarks.scaling_doc"
SECTIONS = ("measured", "pictures", "vectors")

DAY = 86_400
A_DAY = (100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
FACES = (1, 3, 10)

DIMENSIONS = 512
VECTORS = (10**6, 10**8, 10**9)
LINKS = 32
"""Links of a node of HNSW ("M")."""

CODE = 64
"""Bytes of a vector's product-quantized code: one for each eight numbers."""

KINDS: Sequence[tuple[str, int]] = (
    ("embeddings, float32", 4 * DIMENSIONS),
    ("embeddings, float16", 2 * DIMENSIONS),
    (f"HNSW in memory, float32, M = {LINKS}", 4 * DIMENSIONS + 2 * 4 * LINKS),
    (f"codes in memory, {CODE} bytes each (IVF-PQ, DiskANN)", CODE + 8),
)
"""What is kept of a face, and its bytes. HNSW: Malkov and Yashunin, 2016, 4.2.3: twice M links of 4 bytes on the lowest
layer, the others hardly count. A code has the face's number, 8 bytes, beside it."""

FIGURES: Sequence[tuple[str, str, str]] = (
    ("server, f32, one face a picture, on all cores", "http", "POST /extract, one face, JSON: throughput"),
    ("`vultus index`, 4,332 photographs", "index", "one process"),
    ("`vultus index`: of the bare networks on the same pictures", "index", "one process against the bare networks"),
    (
        "local Triton, gRPC and shared memory: what it adds to an embedding",
        "triton",
        "w600k_mbf 112 x 112: gRPC, shared memory adds",
    ),
    ("engine before a simulated accelerator, one process", "batching", "engine, one face a picture: pictures/s"),
    ("worker killed: until it is back", "kills", "longest until 2 workers were ready again"),
)
"""What is told, the benchmark it is from, and the name of its row there."""


def measured(results: Results) -> Iterator[str]:
    """What the tables rest on."""
    yield "| what | value | benchmark |"
    yield "|---|---:|---|"
    for what, benchmark, row in FIGURES:
        value = value_of(results, benchmark, row)
        unit = next((found["unit"] for found in results.get(benchmark, {}).get("rows", ()) if found["what"] == row), "")
        yield f"| {what} | {MISSING if value is None else f'{figure(value)} {unit}'.rstrip()} | `{benchmark}` |"


def pictures(results: Results) -> Iterator[str]:
    """Cores by pictures a day."""
    cost = cost_of(results)
    if cost is None:
        yield f"{MISSING}: the benchmark `http` has to be run."
        return
    yield (
        f"**Arithmetic, not a measurement**: {1000 * cost.first:.3g} core-milliseconds for a picture with one face and "
        f"{1000 * cost.more:.3g} for each further one (f32, the machine of the benchmark `http`), cores used to "
        f"{UTILISATION:.0%}, work spread evenly over the day. For a peak of three times "
        "the mean, take three times the cores."
    )
    yield ""
    heads = " | ".join(f"cores, {faces} face{'s' if faces > 1 else ''}" for faces in FACES)
    yield f"| pictures a day | a second | {heads} | core-hours, 1 face |"
    yield f"|---:|---:|{'---:|' * (len(FACES) + 1)}"
    for count in A_DAY:
        rate = count / DAY
        cells = " | ".join(f"{cores_needed(cost, rate, faces):,}" for faces in FACES)
        yield f"| {count:,} | {rate:,.1f} | {cells} | {count * cost.first / 3600:,.1f} |"
    yield ""
    yield "The last column times the price of a core-hour is what a day's pictures cost."


def vectors(_: Results) -> Iterator[str]:
    """Bytes by faces."""
    heads = " | ".join(f"{count:,} faces" for count in VECTORS)
    yield f"| what is kept, {DIMENSIONS} numbers a face | bytes a face | {heads} |"
    yield f"|---|---:|{'---:|' * len(VECTORS)}"
    for what, size in KINDS:
        yield f"| {what} | {size:,} | {' | '.join(_gigabytes(size * count) for count in VECTORS)} |"


def page(text: str, results: Results) -> str:
    """The page with its generated parts written anew.

    Raises:
        ValueError: The page lacks one of the marks.
    """
    parts = (measured(results), pictures(results), vectors(results))
    for section, lines in zip(SECTIONS, parts, strict=True):
        begin = f"<!-- {section}: written by `{COMMAND}` -->"
        text = written(text, begin, f"<!-- end of {section} -->", lines)
    return text


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.0f} GB" if size >= 10**10 else f"{size / 1e9:,.1f} GB"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), read_results()), encoding="utf-8")


if __name__ == "__main__":
    main()
