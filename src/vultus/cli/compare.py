"""``vultus compare``: whether two pictures show the same person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from vultus.cli.arguments import AsJson
from vultus.cli.options import with_settings
from vultus.cli.output import EXIT_FAILED, EXIT_USAGE, json_name, print_error, print_json, print_line
from vultus.cli.pictures import STDIN, Picture, Reader, gather
from vultus.cli.session import open_engine
from vultus.cli.targets import check_drawing
from vultus.errors import NoFaceFound, PictureError, SettingsError, VultusError
from vultus.settings import Detection, Inference, Networks, PictureLimits, Settings
from vultus.types import Analysis, Plan
from vultus.zoo.catalogue import Model

EXIT_CODES = (
    "Exit codes: 0 the same person; 1 different persons; 2 wrong usage, settings or output file, or a picture without "
    "a face or that cannot be used; 3 a network or an engine is not available; 130 interrupted."
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison says.

    Attributes:
        similarity: Cosine similarity of the two embeddings, -1 to 1.
        threshold: Similarity from which two faces count as the same person.
        false_match_rate: Share of pairs of different persons above the threshold; ``None``: not known.
        model: Name of the embedder.
    """

    similarity: float
    threshold: float
    false_match_rate: float | None
    model: str

    @property
    def match(self) -> bool:
        """Whether the two count as the same person."""
        return self.similarity >= self.threshold

    def __str__(self) -> str:
        meaning = "the same person" if self.match else "different persons"
        rate = "" if self.false_match_rate is None else f" (false-match rate {self.false_match_rate:g})"
        return f"{meaning}: similarity {self.similarity:.4f}, threshold {self.threshold:.4f}{rate}"


@with_settings(Networks, Inference, Detection, PictureLimits)
def compare(
    settings: Settings,
    first: Annotated[str, typer.Argument(metavar="A", help="A picture; - is standard input.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            min=-1,
            max=1,
            metavar="COSINE",
            help="Cosine similarity from which two faces are the same person; if not given, what the catalogue states "
            "for the embedder. The detector's threshold is VULTUS_THRESHOLD.",
        ),
    ] = None,
    draw: Annotated[Path | None, typer.Option("--draw", metavar="OUT", help="Draw both faces, side by side.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the largest faces of two pictures."""
    if first == second == STDIN:
        raise typer.BadParameter("only one of the two pictures can come from standard input")
    pictures = [_picture(first), _picture(second)]
    if draw is not None:
        check_drawing(draw, pictures)
    reader = Reader(settings.max_picture_bytes)
    analyses, verdict = _judge(settings, pictures, reader, threshold, as_json)
    _tell(verdict, pictures, analyses, as_json)
    if draw is not None:
        from vultus.cli.drawing import draw_pair

        draw_pair(draw, [reader.again(picture) for picture in pictures], analyses, str(verdict), settings)
    raise typer.Exit(0 if verdict.match else EXIT_FAILED)


def _picture(name: str) -> Picture:
    if Path(name).is_dir():
        raise typer.BadParameter(f"{name} is a folder; name a picture")
    return gather([name])[0]


def _judge(
    settings: Settings, pictures: Sequence[Picture], reader: Reader, threshold: float | None, as_json: bool
) -> tuple[list[Analysis], Verdict]:
    _end_on([(picture.name, picture.error) for picture in pictures if picture.error], as_json)
    plan = Plan(max_faces=1)
    with open_engine(settings, plan) as (engine, profile):
        model = engine.model(profile.embedder or "")
        limit, rate = _decision(model, threshold)
        answers = list(engine.analyze_many(map(reader.source, pictures), plan, profile))
    problems = [(picture.name, _problem(answer)) for picture, answer in zip(pictures, answers, strict=True)]
    _end_on([(name, problem) for name, problem in problems if problem], as_json)
    analyses = [answer for answer in answers if isinstance(answer, Analysis)]
    from vultus.embed import similarity  # with it comes NumPy

    vectors = [np.asarray(analysis.faces[0].embedding) for analysis in analyses]
    return analyses, Verdict(similarity(*vectors), limit, rate, model.name)


def _problem(answer: Analysis | VultusError) -> VultusError | None:
    if isinstance(answer, VultusError):
        return answer
    return None if answer.faces else NoFaceFound("there is no face in this picture")


def _end_on(problems: Sequence[tuple[str, VultusError]], as_json: bool) -> None:
    """End the command where a picture cannot be compared; what is no picture's fault is raised."""
    for name, problem in problems:
        if not isinstance(problem, PictureError | NoFaceFound):
            raise problem
        print_error(problem, about=name, as_json=as_json)
    if problems:
        raise typer.Exit(EXIT_USAGE)


def _decision(model: Model, given: float | None) -> tuple[float, float | None]:
    """Threshold and its false-match rate."""
    if given is not None:
        return given, None
    if model.threshold is None:
        raise SettingsError(f"the catalogue states no decision threshold for {model.name}; give one with --threshold")
    return model.threshold.cosine, model.threshold.false_match_rate


def _tell(verdict: Verdict, pictures: Sequence[Picture], analyses: Sequence[Analysis], as_json: bool) -> None:
    faces = [analysis.faces[0] for analysis in analyses]
    if as_json:
        shown = [
            {"path": json_name(picture.name), "box": face.box, "score": face.score}
            for picture, face in zip(pictures, faces, strict=True)
        ]
        print_json(
            {
                "similarity": verdict.similarity,
                "match": verdict.match,
                "threshold": verdict.threshold,
                "false_match_rate": verdict.false_match_rate,
                "model": verdict.model,
                "faces": shown,
            }
        )
        return
    print_line(str(verdict))
