"""``vultus detect``: the faces of pictures."""

from __future__ import annotations

from typing import Annotated

import typer

from vultus.cli.arguments import AsJson, DrawTo, Facts, MaxFaces, MinFaceSize, PicturePaths, Recursive
from vultus.cli.facts import fact_texts
from vultus.cli.options import with_settings
from vultus.cli.pictures import Picture, Reader, gather
from vultus.cli.report import FaceView, Report
from vultus.cli.session import analyze_all
from vultus.cli.targets import plan_drawings
from vultus.errors import PictureError
from vultus.settings import Detection, Inference, Networks, PictureLimits, Settings
from vultus.types import Analysis, Face, Plan

COLUMNS = ("score", "left", "top", "right", "bottom", "size")


@with_settings(Networks, Inference, Detection, PictureLimits)
def detect(
    settings: Settings,
    paths: PicturePaths,
    draw: DrawTo = None,
    as_json: AsJson = False,
    facts: Facts = "",
    landmarks106: Annotated[bool, typer.Option("--landmarks106", help="Also find 106 landmarks a face.")] = False,
    recursive: Recursive = False,
    max_faces: MaxFaces = 0,
    min_face_size: MinFaceSize = 0.0,
) -> None:
    """Find the faces of pictures: boxes, scores and landmarks.

    One picture gives a table of its faces; several give a line each and a
    total. A picture that cannot be used is reported and skipped.
    """
    pictures = gather(paths, recursive=recursive)
    drawings = plan_drawings(draw, pictures) if draw is not None else {}
    reader = Reader(settings.max_picture_bytes)
    asked = list(dict.fromkeys(name for fact in facts.split(",") if (name := fact.strip())))
    view = FaceView(record, (*COLUMNS, *asked), lambda face: (*row(face), *fact_texts(face, asked)))
    report = Report(len(pictures), view, as_json=as_json)

    def draw_picture(picture: Picture, analysis: Analysis) -> None:
        from vultus.cli.drawing import draw_analysis

        try:
            draw_analysis(drawings[picture], reader.again(picture), analysis, settings)
        except PictureError as error:  # it is too large for the format, or has changed since it was analysed
            report.fail(picture, error, shown=True)

    plan = Plan(
        embeddings=False,
        attributes=frozenset([*asked, *(["landmarks106"] if landmarks106 else [])]),
        max_faces=max_faces,
        min_face_size=min_face_size,
    )
    analyze_all(settings, pictures, plan, reader, report, draw_picture if drawings else None)
    raise typer.Exit(report.exit_code)


def row(face: Face) -> tuple[str, ...]:
    """A face as a row of a table, in whole pixels."""
    sides = (f"{side:.0f}" for side in face.box)
    return (f"{face.score:.3f}", *sides, f"{face.width:.0f} x {face.height:.0f}")


def record(face: Face) -> dict[str, object]:
    """A face as JSON shows it."""
    shown: dict[str, object] = {"box": face.box, "score": face.score, "landmarks": face.landmarks}
    return shown | ({"attributes": dict(face.attributes)} if face.attributes else {})
