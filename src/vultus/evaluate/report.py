"""What a person, and what a program, reads of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np

from vultus.evaluate.attributes import Described
from vultus.evaluate.calibration import CONFIDENT, LIKELY, Calibration
from vultus.evaluate.curves import Curve
from vultus.evaluate.detection import Detections
from vultus.evaluate.drift import Drift, Limits
from vultus.evaluate.verification import Operating, Verification

Row: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below headings."""

    columns: Row
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation's figures.

    Attributes:
        tables: For a person.
        record: For a program: what JSON can hold.
        remarks: Lines for a person, below the tables.
    """

    tables: Sequence[Table]
    record: Mapping[str, object]
    remarks: Sequence[str] = ()


def of_verification(result: Verification, fitted: Calibration | None, faceless: Sequence[str]) -> Report:
    """Accuracy, true matches at false-match rates, and CompreFace's similarity where it could be fitted."""
    folds = len(result.accuracies)
    figures = [
        (f"accuracy, mean of {folds} folds", percent(result.accuracy)),
        ("accuracy, standard deviation", percent(result.deviation)),
        ("area under the ROC curve", f"{result.area:.5f}"),
        ("pictures without a face", str(len(faceless))),
    ]
    if fitted is not None:
        c0, c1 = fitted.coefficients
        figures += [
            ("CompreFace's coefficients", f"{c0:.4f}, {c1:.4f}"),
            (f"different people above {CONFIDENT:g}, every two pictures", percent(fitted.all_confident_impostors)),
            (f"one person above {LIKELY:g}, every two pictures", percent(fitted.all_likely_genuine)),
        ]
    points = [
        *_points("protocol", result.impostor_pairs, result.from_pairs),
        *_points("all", result.all_impostor_pairs, result.from_all),
    ]
    record = {
        **asdict(result),
        "accuracy": result.accuracy,
        "accuracy_deviation": result.deviation,
        "faceless": list(faceless),
        "similarity": fitted and asdict(fitted),
    }
    columns = ("pairs", "impostors", "false-match rate", "cosine", "true-match rate", "false matches", "at most (95 %)")
    return Report([Table(("figure", "value"), figures), Table(columns, points)], record)


def of_widerface(curves: Mapping[str, Curve], faces: Mapping[str, int], pictures: int) -> Report:
    """Average precision by level."""
    rows = [(level, str(faces[level]), percent(curve.average_precision)) for level, curve in curves.items()]
    levels = {
        level: {"faces": faces[level], "average_precision": curve.average_precision, **_points_of(curve)}
        for level, curve in curves.items()
    }
    return Report([Table(("level", "faces", "average precision"), rows)], {"pictures": pictures, "levels": levels})


def of_detection(result: Detections, threshold: float) -> Report:
    """CompreFace's errors, precision and recall; and the pictures in which something is wrong."""
    by = "IoU 0.5" if result.by_boxes else "nose in box"
    figures = [
        ("pictures", str(len(result.pictures))),
        ("faces marked", str(result.marked)),
        ("boxes found", str(result.boxes)),
        ("missed noses", str(result.missed_noses)),
        ("missed boxes", str(result.missed_boxes)),
        ("errors (CompreFace)", str(result.errors)),
        (f"precision ({by})", percent(result.precision)),
        (f"recall ({by})", percent(result.recall)),
        (f"average precision from {threshold:g} on ({by})", percent(result.curve.average_precision)),
    ]
    wrong = [
        (
            picture.path,
            str(picture.hits.noses),
            str(picture.boxes),
            str(picture.errors.missed_noses),
            str(picture.errors.missed_boxes),
            str(picture.hits.doubled),
        )
        for picture in result.pictures
        if picture.errors.total
    ]
    columns = ("picture", "faces marked", "boxes", "missed noses", "missed boxes", "found twice")
    record = {
        "by": "boxes" if result.by_boxes else "noses",
        "faces": result.marked,
        "boxes": result.boxes,
        "missed_noses": result.missed_noses,
        "missed_boxes": result.missed_boxes,
        "errors": result.errors,
        "precision": result.precision,
        "recall": result.recall,
        "average_precision": result.curve.average_precision,
        "curve": _points_of(result.curve),
        "pictures": [asdict(picture) for picture in result.pictures],
    }
    return Report([Table(("figure", "value"), figures), *([Table(columns, wrong)] if wrong else [])], record)


def of_attributes(result: Described) -> Report:
    """Age errors, confusion, and errors of liveness."""
    figures = [("pictures", str(result.pictures)), ("pictures without a face", str(result.faceless))]
    tables = []
    ages = result.ages
    if ages is not None:
        figures += [
            ("age, mean absolute error", f"{ages.error:.2f} years"),
            ("age, mean error", f"{ages.bias:+.2f} years"),
        ]
        decades = [
            (f"{item.start}-{item.start + 9}", str(item.faces), f"{item.error:.2f}", f"{item.bias:+.2f}")
            for item in ages.decades
        ]
        tables.append(Table(("age", "faces", "mean absolute error", "mean error"), decades))
    for fact, confusion in result.confusion.items():
        figures.append((f"{fact}, accuracy", percent(confusion.accuracy)))
        counts = zip(confusion.classes, confusion.counts, strict=True)
        rows = [(name, *map(str, numbers)) for name, numbers in counts]
        tables.append(Table((f"{fact}: true \\ told", *confusion.told), rows))
    attacks = result.attacks
    if attacks is not None:
        figures += [(f"liveness, APCER of {kind}", percent(share)) for kind, share in attacks.accepted.items()]
        figures += [
            ("liveness, APCER (worst)", percent(attacks.worst)),
            ("liveness, BPCER", percent(attacks.rejected)),
            ("liveness, ACER", percent(attacks.mean)),
        ]
    record = {
        "pictures": result.pictures,
        "faceless": result.faceless,
        "age": ages and {"mae": ages.error, "bias": ages.bias, "decades": [asdict(decade) for decade in ages.decades]},
        "confusion": {
            fact: {**asdict(confusion), "accuracy": confusion.accuracy} for fact, confusion in result.confusion.items()
        },
        "liveness": attacks
        and {
            "apcer_by_attack": dict(attacks.accepted),
            "apcer": attacks.worst,
            "bpcer": attacks.rejected,
            "acer": attacks.mean,
        },
    }
    return Report([Table(("figure", "value"), figures), *tables], record)


def of_drift(result: Drift, limits: Limits, broken: Sequence[str]) -> Report:
    """How far two runs are apart, and the verdict."""
    figures: dict[str, float | None] = {
        "cosine, least": result.cosine,
        "cosine, mean": result.mean_cosine,
        "box IoU, least": result.iou,
        "box IoU, mean": None if result.overlaps is None else float(result.overlaps.mean()),
        "landmarks, largest difference (px)": result.landmarks_px,
        "landmarks, largest difference (sides)": result.landmarks_share,
        "detector score, largest change": result.score_change,
        "similarity of two faces, largest change": result.similarity_change,
    }
    rows = [
        ("faces both found", str(result.paired)),
        ("faces one alone found", str(result.other_faces)),
        *((name, f"{value:.6f}") for name, value in figures.items() if value is not None),
    ]
    record = {
        "paired": result.paired,
        "other_faces": result.other_faces,
        "cosine": {"least": result.cosine, "mean": result.mean_cosine},
        "iou": {"least": result.iou, "mean": figures["box IoU, mean"]},
        "landmarks_px": result.landmarks_px,
        "landmarks_share": result.landmarks_share,
        "score_change": result.score_change,
        "similarity_change": result.similarity_change,
        "pictures": [asdict(picture) for picture in result.pictures],
        "limits": asdict(limits),
        "verdict": "fail" if broken else "pass",
        "reasons": list(broken),
    }
    verdict = f"fail: {'; '.join(broken)}" if broken else "pass"
    return Report([Table(("figure", "value"), rows)], record, ["", f"verdict: {verdict}"])


def percent(share: float | None) -> str:
    """A share as people read it."""
    return "-" if share is None else f"{100 * share:.2f} %"


def _points(pairs: str, impostors: int, points: Mapping[str, Operating]) -> list[Row]:
    return [
        (
            pairs,
            str(impostors),
            rate,
            f"{point.cosine:.4f}",
            percent(point.true_match_rate),
            f"{point.false_match_rate:.2g}",
            f"{point.upper_bound:.2g}",
        )
        for rate, point in points.items()
    ]


def _points_of(curve: Curve, most: int = 1000) -> dict[str, list[float]]:
    """A curve as JSON holds it: of more points than ``most``, so many evenly chosen ones."""
    places = np.unique(np.linspace(0, max(len(curve.recall) - 1, 0), most).astype(int))[: len(curve.recall)]
    return {"recall": curve.recall[places].tolist(), "precision": curve.precision[places].tolist()}
