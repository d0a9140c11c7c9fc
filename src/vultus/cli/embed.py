"""``vultus embed``: the embeddings of faces."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from vultus.cli import detect
from vultus.cli.arguments import AsJson, MaxFaces, MinFaceSize, PicturePaths, Recursive
from vultus.cli.options import with_settings
from vultus.cli.output import json_name
from vultus.cli.pictures import Picture, Reader, gather
from vultus.cli.report import FaceView, Report
from vultus.cli.session import analyze_all
from vultus.cli.targets import check_file, write_file
from vultus.settings import Detection, Inference, Networks, PictureLimits, Settings
from vultus.types import Analysis, Face, FloatArray, Plan

ARRAY_SUFFIXES = (".npz", ".npy")


class VectorFormat(StrEnum):
    """How JSON shows an embedding."""

    FLOATS = "floats"
    BASE64 = "base64"


@with_settings(Networks, Inference, Detection, PictureLimits)
def embed(
    settings: Settings,
    paths: PicturePaths,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Also write arrays: .npy, the embeddings; .npz, boxes and paths too."
        ),
    ] = None,
    as_json: AsJson = False,
    vectors: Annotated[
        VectorFormat, typer.Option("--format", help="Embeddings in JSON: numbers, or base64 of little-endian float32.")
    ] = VectorFormat.FLOATS,
    aligned: Annotated[
        bool, typer.Option("--aligned", help="Each picture is an aligned crop of the embedder's input size.")
    ] = False,
    recursive: Recursive = False,
    max_faces: MaxFaces = 0,
    min_face_size: MinFaceSize = 0.0,
) -> None:
    """Turn the faces of pictures into embeddings of unit length.

    The cosine similarity of two faces is the dot product of their
    embeddings. A picture that cannot be used is reported and skipped.
    """
    if out is not None:
        check_file(out, ARRAY_SUFFIXES)
    pictures = gather(paths, recursive=recursive)
    plan = Plan(detect=not aligned, max_faces=max_faces, min_face_size=min_face_size)
    view = FaceView(
        record=lambda face: record(face, vectors),
        columns=("score", "left", "top", "size", "norm", "embedding"),
        row=row,
    )
    report = Report(len(pictures), view, as_json=as_json)
    harvest = Harvest()
    reader = Reader(settings.max_picture_bytes)
    model = analyze_all(settings, pictures, plan, reader, report, harvest.add if out else None)
    if out is not None and model is not None:
        write_file(out, harvest.arrays(out.suffix.lower(), pictures, model.embedding_size or 0))
    raise typer.Exit(report.exit_code)


def row(face: Face) -> tuple[str, ...]:
    """A face as a row of a table: where it is, and how its embedding begins."""
    score, left, top, *_, size = detect.row(face)
    embedding = _embedding(face)
    start = " ".join(f"{value:+.3f}" for value in embedding[:3])
    return score, left, top, size, f"{face.norm:.1f}", f"{start} ... {len(embedding)}"


def record(face: Face, vectors: VectorFormat) -> dict[str, object]:
    """A face with its embedding as JSON shows it."""
    embedding = _embedding(face)
    if vectors is VectorFormat.BASE64:
        packed = base64.b64encode(embedding.astype("<f4").tobytes()).decode("ascii")
        return detect.record(face) | {"norm": face.norm, "embedding": packed}
    return detect.record(face) | {"norm": face.norm, "embedding": embedding}


@dataclass(slots=True)
class Harvest:
    """Gathers faces for an array file."""

    faces: list[Face] = field(default_factory=list)
    sources: list[Picture] = field(default_factory=list)

    def add(self, picture: Picture, analysis: Analysis) -> None:
        """Keep a picture's faces."""
        self.faces += analysis.faces
        self.sources += [picture] * len(analysis.faces)

    def arrays(self, suffix: str, pictures: list[Picture], size: int) -> bytes:
        """The file's content.

        ``.npy``: embeddings, float32 ``(n, size)``. ``.npz``: ``embeddings``; ``boxes`` float32 ``(n, 4)``;
        ``scores`` and ``norms`` float32 ``(n,)``; ``paths``, the names of all pictures; ``picture`` int64 ``(n,)``,
        the place in ``paths`` of the picture that shows the face.
        """
        embeddings = np.array([face.embedding for face in self.faces], np.float32).reshape(-1, size)
        file = io.BytesIO()
        if suffix == ".npy":
            np.save(file, embeddings)
            return file.getvalue()
        places = {picture: place for place, picture in enumerate(pictures)}
        np.savez(
            file,
            embeddings=embeddings,
            boxes=np.array([face.box for face in self.faces], np.float32).reshape(-1, 4),
            scores=np.array([face.score for face in self.faces], np.float32),
            norms=np.array([face.norm for face in self.faces], np.float32),
            picture=np.array([places[picture] for picture in self.sources], np.int64),
            paths=np.array([json_name(picture.name) for picture in pictures], np.str_),
        )
        return file.getvalue()


def _embedding(face: Face) -> FloatArray:
    assert face.embedding is not None  # the plan asked for it
    return face.embedding
