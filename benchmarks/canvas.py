"""What a canvas cut to the picture's own aspect changes, against a square one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import pictures, places
from benchmarks.report import Bar, Report, Row
from benchmarks.subject import Options, open_engine, vector_of
from vultus import FaceEngine
from vultus.evaluate.boxes import cosines, pair
from vultus.evaluate.detection import stack_boxes

MATCHED, PIXELS, COSINE = 0.99, 1.0, 0.999


@dataclass(frozen=True, slots=True)
class Change:
    """What became of the faces of one picture.

    Attributes:
        before, after: Faces with the square canvas and with the other.
        moved: How far landmarks of faces in both moved, in pixels of the canvas.
        alike: Cosines of their embeddings.
    """

    before: int
    after: int
    moved: list[float]
    alike: list[float]


def compare(square: FaceEngine, other: FaceEngine, picture: Path) -> Change:
    """Analyse a picture with both."""
    a, b = square.analyze(picture), other.analyze(picture)
    pairs = pair(stack_boxes(a.faces), stack_boxes(b.faces))
    both = [(a.faces[i], b.faces[j]) for i, j in pairs]
    moved = [float(np.abs(np.asarray(one.landmarks) - np.asarray(two.landmarks)).max() * a.scale) for one, two in both]
    alike = [float(cosines(vector_of(one), vector_of(two))[0]) for one, two in both]
    return Change(len(a.faces), len(b.faces), moved, alike)


def run(options: Options) -> Report:
    """CompreFace's samples and the mosaic, on both canvases."""
    photographs = sorted(places.data("compreface_samples").glob("*.jpg"))[:: options.pick(1, 4)]
    with open_engine(aspect="square") as square, open_engine(aspect="picture") as other:
        changes = [compare(square, other, path) for path in [*photographs, pictures.make().mosaic]]
    before, matched = sum(change.before for change in changes), sum(len(change.moved) for change in changes)
    kept = sum(
        far <= PIXELS and cosine >= COSINE for c in changes for far, cosine in zip(c.moved, c.alike, strict=True)
    )
    rows = [
        Row("faces on the square canvas", before),
        Row("faces on the other", sum(change.after for change in changes)),
        Row("share of the former that is found again", matched / before, "", Bar(">=", MATCHED)),
        Row("farthest landmark, canvas pixels", max(far for c in changes for far in c.moved), "", Bar("<=", PIXELS)),
        Row("least cosine of embeddings", min(cosine for c in changes for cosine in c.alike)),
        Row("share of faces found again within a pixel and a cosine of 0.999", kept / before, "", Bar(">=", MATCHED)),
    ]
    return Report(
        "canvas",
        "canvas cut to the picture's aspect against a square one",
        rows,
        notes=["CompreFace's samples and the mosaic of 117 faces; default networks, threshold 0.5, f32."],
        models=["scrfd_500m_bnkps", "w600k_mbf"],
    )
