"""Against ground truth: marked noses in photographs, pairs of Labeled Faces in the Wild."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from benchmarks import places
from benchmarks.report import Bar, Report, Row
from benchmarks.subject import Options, open_engine, present_embedders
from vultus import FaceEngine
from vultus.evaluate import noses, verification
from vultus.evaluate.calibration import CONFIDENT, LIKELY, Calibration, calibrate
from vultus.evaluate.detection import stack_boxes
from vultus.evaluate.look import embed_crops, stack
from vultus.types import Plan

LFW_BARS = {"w600k_mbf": Bar(">=", 0.994)}


def find_noses(photographs: list[noses.Photograph], engine: FaceEngine) -> dict[str, noses.Hits]:
    """Detect in each photograph and compare with its noses; by file name."""
    hits = {}
    for photograph in photographs:
        faces = engine.analyze(photograph.path.read_bytes(), Plan(embeddings=False)).faces
        hits[photograph.path.name] = noses.count(stack_boxes(faces), photograph.noses)
    return hits


def compare_faces(folder: Path, engine: FaceEngine, folds: int = 5) -> verification.Comparisons:
    """Embed every crop that the first ``folds`` folds name, and compare them."""
    pairs = verification.read_pairs(folder / "pairs.txt").first_folds(folds)
    paths = [folder / name for name in verification.names_of(pairs)]
    return verification.compare(pairs, stack(list(embed_crops(engine, engine.default_profile, paths))))


def run(options: Options) -> Report:
    """Noses found in CompreFace's samples; verification on LFW for each embedder asked."""
    with open_engine() as engine:
        hits = find_noses(noses.read(places.data("compreface_samples")), engine)
    rows = _nose_rows(list(hits.values()))
    embedders = options.embedders or present_embedders()
    detail = {}
    for embedder in embedders:
        with open_engine(embedder=embedder) as engine:
            compared = compare_faces(places.data("lfw_aligned"), engine, options.pick(5, 2))
        result, fitted = verification.verify(compared), calibrate(compared)
        rows += _lfw_rows(embedder, result) + _calibration_rows(f"LFW, {embedder}: CompreFace's similarity", fitted)
        detail[embedder] = {**asdict(result), "calibration": asdict(fitted)}
    return Report(
        "accuracy",
        "CompreFace's samples and LFW, defaults, f32",
        rows,
        notes=[
            "LFW: folds 1 to 5, 3,000 pairs of aligned crops; each fold's threshold is chosen on the other folds.",
            "A threshold at a false-match rate of 0.001 rests on one false match in 1,500 protocol pairs, which hardly "
            "measure it; that of all cross-identity pairs rests on thousands, which share pictures and hence are not "
            "independent. Both hold for press photographs like those of LFW.",
            "CompreFace's similarity of two faces at the Euclidean distance d is (tanh((c0 - d) c1) + 1) / 2; c0 and "
            "c1 are fitted to the protocol's pairs, both kinds weighted alike, and judged on these and on all pairs.",
        ],
        models=["scrfd_500m_bnkps", *embedders],
        detail={
            "noses": {name: asdict(hit) for name, hit in hits.items()},
            "lfw": detail,
        },
    )


def _nose_rows(hits: list[noses.Hits]) -> list[Row]:
    marked = sum(hit.noses for hit in hits)
    return [
        Row("CompreFace: noses marked", marked),
        Row("CompreFace: noses inside a box", sum(hit.found for hit in hits), "", Bar("==", marked)),
        Row("CompreFace: boxes without a nose", sum(hit.false for hit in hits), "", Bar("<=", 1)),
        Row("CompreFace: faces found twice", sum(hit.doubled for hit in hits), "", Bar("==", 0)),
    ]


def _lfw_rows(embedder: str, result: verification.Verification) -> list[Row]:
    rows = [
        Row(
            f"LFW, {embedder}: accuracy, mean of {len(result.accuracies)} folds",
            result.accuracy,
            "",
            LFW_BARS.get(embedder),
        )
    ]
    for source, points in (("protocol", result.from_pairs), ("all cross-identity", result.from_all)):
        for rate, point in points.items():
            rows.append(Row(f"LFW, {embedder}: cosine at false-match rate {rate}, {source} pairs", point.cosine))
    return rows


def _calibration_rows(what: str, fit: Calibration) -> list[Row]:
    strangers, equals = f"different people above {CONFIDENT:g}", f"one person above {LIKELY:g}"
    return [
        Row(f"{what}, c0", fit.coefficients[0]),
        Row(f"{what}, c1", fit.coefficients[1]),
        Row(f"{what}: share of {strangers}, protocol pairs", fit.confident_impostors),
        Row(f"{what}: share of {strangers}, all cross-identity pairs", fit.all_confident_impostors),
        Row(f"{what}: share of {equals}, protocol pairs", fit.likely_genuine),
        Row(f"{what}: share of {equals}, every two pictures", fit.all_likely_genuine),
    ]
