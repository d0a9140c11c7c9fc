"""Pictures far larger than the detector's input: decoded smaller, against decoded in full and against the networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import simplejpeg

from benchmarks import places
from benchmarks.bound import Published
from benchmarks.report import Bar, Report, Row
from benchmarks.subject import NETWORKS, Options, open_engine, settings_of, vector_of
from benchmarks.timing import in_turn, paired_ratio, repeat, spread
from vultus import FaceEngine
from vultus.bench.bound import Bare
from vultus.evaluate.boxes import cosines, pair
from vultus.evaluate.detection import stack_boxes

PHOTOGRAPH = "004_A.jpg"
SPEED, COSINE = 0.85, 0.999


def decoding(content: bytes) -> Callable[[], object]:
    """The decode at half the size, and nothing else."""
    height, width = simplejpeg.decode_jpeg_header(content)[:2]
    return lambda: simplejpeg.decode_jpeg(
        content, "RGB", fastdct=False, fastupsample=False, min_height=height // 2, min_width=width // 2
    )


def least_cosine(scaled: FaceEngine, full: FaceEngine, photographs: list[Path]) -> tuple[int, float]:
    """Faces found with both, and the least cosine between their embeddings."""
    alike: list[float] = []
    for path in photographs:
        a, b = scaled.analyze(path).faces, full.analyze(path).faces
        alike += [float(cosines(vector_of(a[i]), vector_of(b[j]))[0]) for i, j in pair(stack_boxes(a), stack_boxes(b))]
    return len(alike), min(alike)


def run(options: Options) -> Report:
    """Time a phone's photograph of 12 megapixels; compare embeddings on all of CompreFace's large samples."""
    folder = places.data("compreface_samples")
    content = (folder / PHOTOGRAPH).read_bytes()
    runs, rounds = options.pick(10, 2), options.pick(9, 2)
    with (  # each on all cores, as the engine of a program of its own is
        open_engine(decode="scaled", shrink="smooth") as scaled,
        open_engine(shrink="smooth") as full,
        open_engine() as picked,
        Bare(settings_of(decode="scaled", shrink="smooth", all_cores=True)) as own,
    ):
        work, profile = own.work(content), own.engine.default_profile
        published = Published(profile.detector, str(profile.embedder), work, streams=1)
        decode, bare, graphs = decoding(content), published.worker(work), own.worker(work)
        jobs = {
            "scaled": lambda: spread(repeat(lambda: scaled.analyze(content), runs)).median,
            "full": lambda: spread(repeat(lambda: full.analyze(content), runs)).median,
            "bare": lambda: spread(repeat(lambda: (decode(), bare()), runs)).median,
            "own graphs": lambda: spread(repeat(lambda: (decode(), graphs()), runs)).median,
        }
        seconds = in_turn(jobs, rounds, alternate=True)
        samples = sorted(folder.glob("00[1-6]_A.jpg"))
        found, cosine = least_cosine(scaled, full, samples)
        _, to_picked = least_cosine(scaled, picked, samples)
    return Report(
        "large",
        f"{PHOTOGRAPH}, 3024 x 4032, one face: detection + embedding from the JPEG, f32",
        [
            Row("decoded at half its size", spread(seconds["scaled"]).median * 1e3, "ms"),
            Row("decoded in full", spread(seconds["full"]).median * 1e3, "ms"),
            Row("half-size decode and bare networks", spread(seconds["bare"]).median * 1e3, "ms"),
            Row("bare against whole", paired_ratio(seconds["bare"], seconds["scaled"]), "", Bar(">=", SPEED)),
            Row("half-size decode and Vultus' own graphs", spread(seconds["own graphs"]).median * 1e3, "ms"),
            Row("own graphs against whole", paired_ratio(seconds["own graphs"], seconds["scaled"])),
            Row("times as fast as in full", paired_ratio(seconds["full"], seconds["scaled"])),
            Row("faces of the samples above 12 megapixels", found),
            Row("least cosine to the full decode", cosine, "", Bar(">=", COSINE)),
            Row("least cosine to the full decode with shrink = linear", to_picked),
        ],
        notes=[
            f"Median of {runs} runs a round, {rounds} rounds in turn; ratios are medians of the rounds' ratios.",
            "With shrink = smooth. With shrink = linear crops are cut as InsightFace cuts them: of a large face they "
            "show those pixels that are hit, so that no smaller picture can give the same.",
        ],
        models=list(NETWORKS[:2]),
        detail={"seconds": seconds},
    )
