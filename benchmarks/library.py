"""The library against the reference implementation, on the same decoded photograph with the same networks."""

from __future__ import annotations

from benchmarks import pictures
from benchmarks.reference_client import Reference
from benchmarks.report import Bar, Report, Row
from benchmarks.subject import FULL_PLAN, NETWORKS, Options, open_engine, read_picture
from benchmarks.timing import in_turn, paired_ratio, repeat, spread


def run(options: Options) -> Report:
    """Time both in turn; each is given its defaults, which let it use every core."""
    files = pictures.make()
    runs, rounds = options.pick(15, 3), options.pick(9, 2)
    with open_engine() as engine, Reference() as reference:
        pixels = read_picture(engine, files.six_faces)
        faces = len(engine.analyze(pixels, FULL_PLAN).faces)
        jobs = {
            "vultus": lambda: spread(repeat(lambda: engine.analyze(pixels, FULL_PLAN), runs)).median,
            "reference": lambda: spread(reference.time(files.six_faces, runs + 3)[3:]).median,
        }
        seconds = in_turn(jobs, rounds)
    ours, theirs = spread(seconds["vultus"]), spread(seconds["reference"])
    return Report(
        "library",
        "six faces, detection + embedding + 106 landmarks on decoded pixels, 640 x 640, f32, against insightface",
        rows=[
            Row("faces", faces, "", Bar("==", 6)),
            Row("Vultus", ours.median * 1e3, "ms"),
            Row("insightface on onnxruntime", theirs.median * 1e3, "ms"),
            Row("times as fast", paired_ratio(seconds["reference"], seconds["vultus"]), "", Bar(">=", 2)),
        ],
        notes=[
            f"Median of {runs} runs a round, {rounds} rounds in turn; the ratio is the median of the rounds' ratios.",
            "insightface has its own threading; its detector runs at 640 x 640 alone, not at its default two sizes.",
        ],
        models=NETWORKS,
        versions={f"reference {name}": version for name, version in reference.versions.items()},
        detail={"seconds": seconds},
    )
