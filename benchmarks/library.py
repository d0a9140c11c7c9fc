"""The library against the reference implementation, on the same decoded photograph with the same networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

from benchmarks import pictures
from benchmarks.reference_client import Reference
from benchmarks.report import Bar, Report, Row
from benchmarks.subject import FULL_PLAN, NETWORKS, Options, open_engine, read_picture
from benchmarks.timing import in_turn, paired_ratio, repeat, spread
from vultus import FaceEngine
from vultus.types import Image

KINDS: Mapping[str, tuple[Mapping[str, Any], Bar | None]] = {
    "f32": ({}, Bar(">=", 2.6)),
    "bf16": ({"precision": "bf16"}, Bar(">=", 4)),
    "f32, all_cores off": ({"all_cores": False}, None),
    "bf16, all_cores off": ({"precision": "bf16", "all_cores": False}, None),
}
"""Settings, and how many times as fast as insightface they have to be."""


def run(options: Options) -> Report:
    """Time both in turn; each is given its defaults, which let it use every core."""
    files = pictures.make()
    runs, rounds = options.pick(15, 3), options.pick(25, 2)
    with ExitStack() as stack:
        reference = stack.enter_context(Reference())
        engines = {name: stack.enter_context(open_engine(**settings)) for name, (settings, _) in KINDS.items()}
        pixels = read_picture(engines["f32"], files.six_faces)
        faces = [len(engine.analyze(pixels, FULL_PLAN).faces) for engine in engines.values()]
        jobs: dict[str, Callable[[], float]] = {
            name: partial(_median_of_runs, engine, pixels, runs) for name, engine in engines.items()
        }
        jobs["reference"] = lambda: spread(reference.time(files.six_faces, runs + 3)[3:]).median
        seconds = in_turn(jobs, rounds)
    return Report(
        "library",
        "six faces, detection + embedding + 106 landmarks on decoded pixels, canvas 640, against insightface",
        rows=[
            Row("faces, the fewest", min(faces), "", Bar("==", 6)),
            Row("insightface on onnxruntime", spread(seconds["reference"]).median * 1e3, "ms"),
            *(Row(f"Vultus, {name}", spread(seconds[name]).median * 1e3, "ms") for name in KINDS),
            *(
                Row(f"{name}: times as fast", paired_ratio(seconds["reference"], seconds[name]), "", bar)
                for name, (_, bar) in KINDS.items()
            ),
        ],
        notes=[
            f"Median of {runs} runs a round, {rounds} rounds in turn; the ratio is the median of the rounds' ratios.",
            "insightface has its own threading; its detector runs at 640 x 640 alone, not at its default two sizes.",
        ],
        models=NETWORKS,
        versions={f"reference {name}": version for name, version in reference.versions.items()},
        detail={"seconds": seconds},
    )


def _median_of_runs(engine: FaceEngine, pixels: Image, runs: int) -> float:
    return spread(repeat(lambda: engine.analyze(pixels, FULL_PLAN), runs)).median
