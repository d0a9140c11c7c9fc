"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

PicturePaths: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="PATHS", help="Pictures and folders of pictures; - is standard input.")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON object a line instead of text.")]
Recursive: TypeAlias = Annotated[bool, typer.Option("--recursive", "-r", help="Look into folders of folders too.")]
Facts: TypeAlias = Annotated[
    str,
    typer.Option(
        "--facts",
        metavar="NAME,...",
        help="Also tell these of each face: pose, quality; and landmarks106, gender, age, mask, liveness, as the "
        "attribute networks can.",
    ),
]
MaxFaces: TypeAlias = Annotated[
    int,
    typer.Option(
        "--max-faces", min=0, metavar="N", help="Keep only this many faces of a picture, the largest; 0: all."
    ),
]
MinFaceSize: TypeAlias = Annotated[
    float, typer.Option("--min-face-size", min=0, metavar="PIXELS", help="Drop faces narrower than this many pixels.")
]
DrawTo: TypeAlias = Annotated[
    Path | None,
    typer.Option("--draw", metavar="OUT", help="Draw the faces: a file for one picture, a folder for many."),
]
