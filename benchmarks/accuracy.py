"""Against ground truth: marked noses in photographs, pairs of Labeled Faces in the Wild."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks import lfw, noses, places
from benchmarks.report import Bar, Report, Row
from benchmarks.subject import Options, open_engine, present_embedders
from vultus import FaceEngine
from vultus.types import FloatArray, Plan

LFW_BARS = {"w600k_mbf": Bar(">=", 0.994)}
FALSE_MATCH_RATES = (1e-2, 1e-3, 1e-4)


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Cosine similarities of faces.

    Attributes:
        pairs: The protocol's pairs.
        similarities: Theirs, float32 ``(len(pairs),)``.
        all_genuine, all_impostors: Those of every two pictures of one person, and of two people.
    """

    pairs: lfw.Pairs
    similarities: FloatArray
    all_genuine: FloatArray
    all_impostors: FloatArray


@dataclass(frozen=True, slots=True)
class Verification:
    """What an embedder reaches on Labeled Faces in the Wild.

    Attributes:
        accuracies: By fold, each with the threshold chosen on the others.
        from_pairs: Decision thresholds by the protocol's own impostor pairs, for each false-match rate.
        from_all: The same by every two pictures of different people: many more pairs, but not independent ones.
        impostor_pairs, all_impostor_pairs: How many of each there are.
        calibration: CompreFace's similarity, fitted to the protocol's pairs.
    """

    accuracies: list[float]
    from_pairs: dict[str, lfw.Operating]
    from_all: dict[str, lfw.Operating]
    impostor_pairs: int
    all_impostor_pairs: int
    calibration: lfw.Calibration

    @property
    def accuracy(self) -> float:
        """Mean over the folds."""
        return float(np.mean(self.accuracies))


def find_noses(photographs: list[noses.Photograph], engine: FaceEngine) -> dict[str, noses.Hits]:
    """Detect in each photograph and compare with its noses; by file name."""
    hits = {}
    for photograph in photographs:
        faces = engine.analyze(photograph.path.read_bytes(), Plan(embeddings=False)).faces
        boxes = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
        hits[photograph.path.name] = noses.count(boxes, photograph.noses)
    return hits


def compare_faces(folder: Path, engine: FaceEngine, folds: int = 5) -> Comparisons:
    """Embed every crop that the first ``folds`` folds name, and compare them."""
    pairs = lfw.read_pairs(folder / "pairs.txt").first_folds(folds)
    names = sorted({*pairs.first, *pairs.second})
    embeddings = engine.embed_crops([folder / name for name in names])
    row = {name: index for index, name in enumerate(names)}
    first = embeddings[[row[name] for name in pairs.first]]
    second = embeddings[[row[name] for name in pairs.second]]
    similarities = np.asarray((first * second).sum(1), np.float32)
    return Comparisons(pairs, similarities, *lfw.cross_identity(embeddings, [Path(name).parent.name for name in names]))


def verify(comparisons: Comparisons) -> Verification:
    """Judge the protocol's pairs, and choose decision thresholds."""
    pairs, similarities = comparisons.pairs, comparisons.similarities
    all_genuine, all_impostors = comparisons.all_genuine, comparisons.all_impostors
    genuine, impostors = similarities[pairs.same], similarities[~pairs.same]
    return Verification(
        accuracies=lfw.fold_accuracies(similarities, pairs),
        from_pairs={f"{rate:g}": lfw.operating_point(genuine, impostors, rate) for rate in FALSE_MATCH_RATES[:2]},
        from_all={f"{rate:g}": lfw.operating_point(all_genuine, all_impostors, rate) for rate in FALSE_MATCH_RATES},
        impostor_pairs=len(impostors),
        all_impostor_pairs=len(all_impostors),
        calibration=calibrate(comparisons),
    )


def calibrate(comparisons: Comparisons) -> lfw.Calibration:
    """Fit CompreFace's similarity to the protocol's pairs, and see what it then says of them and of all pairs."""
    same, similarities = comparisons.pairs.same, comparisons.similarities
    fitted = lfw.similarity_coefficients(lfw.unit_distances(similarities), same)
    return lfw.Calibration(
        fitted,
        confident_impostors=lfw.above(lfw.CONFIDENT, similarities[~same], fitted),
        all_confident_impostors=lfw.above(lfw.CONFIDENT, comparisons.all_impostors, fitted),
        likely_genuine=lfw.above(lfw.LIKELY, similarities[same], fitted),
        all_likely_genuine=lfw.above(lfw.LIKELY, comparisons.all_genuine, fitted),
    )


def run(options: Options) -> Report:
    """Noses found in CompreFace's samples; verification on LFW for each embedder asked."""
    with open_engine() as engine:
        hits = find_noses(noses.read(places.data("compreface_samples")), engine)
    rows = _nose_rows(list(hits.values()))
    embedders = options.embedders or present_embedders()
    verifications = {}
    for embedder in embedders:
        with open_engine(embedder=embedder) as engine:
            verifications[embedder] = verify(compare_faces(places.data("lfw_aligned"), engine, options.pick(5, 2)))
        rows += _lfw_rows(embedder, verifications[embedder])
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
            "lfw": {name: asdict(verification) for name, verification in verifications.items()},
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


def _lfw_rows(embedder: str, result: Verification) -> list[Row]:
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
    return rows + _calibration_rows(f"LFW, {embedder}: CompreFace's similarity", result.calibration)


def _calibration_rows(what: str, fit: lfw.Calibration) -> list[Row]:
    strangers, equals = f"different people above {lfw.CONFIDENT:g}", f"one person above {lfw.LIKELY:g}"
    return [
        Row(f"{what}, c0", fit.coefficients[0]),
        Row(f"{what}, c1", fit.coefficients[1]),
        Row(f"{what}: share of {strangers}, protocol pairs", fit.confident_impostors),
        Row(f"{what}: share of {strangers}, all cross-identity pairs", fit.all_confident_impostors),
        Row(f"{what}: share of {equals}, protocol pairs", fit.likely_genuine),
        Row(f"{what}: share of {equals}, every two pictures", fit.all_likely_genuine),
    ]
