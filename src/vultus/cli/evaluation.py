"""What the commands of ``vultus evaluate`` share: where their figures go, and pictures that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import orjson
import typer

from vultus import __version__
from vultus.cli.output import EXIT_FAILED, print_error, print_json, print_line, print_table
from vultus.cli.pictures import Picture
from vultus.cli.progress import watched
from vultus.cli.session import open_engine
from vultus.cli.targets import check_file, check_plot, write_file
from vultus.errors import PictureError
from vultus.settings import Settings
from vultus.types import Analysis, Face, Plan, Profile

if TYPE_CHECKING:
    from vultus.engine import FaceEngine
    from vultus.evaluate.report import Report

T = TypeVar("T")


class Sheet:
    """Where the figures of an evaluation go. Whether they can is found out before the work begins.

    Args:
        name: Name of the evaluation.
        out: JSON file to write.
        plot: PNG file to write.
        as_json: JSON instead of tables.

    Raises:
        OutputUnwritable: A file cannot be written.
        ExtraMissing: Nothing is installed that could draw the plot.
    """

    def __init__(self, name: str, out: Path | None, plot: Path | None, as_json: bool) -> None:
        self._name, self._out, self._plot, self._as_json = name, out, plot, as_json
        self._failed = 0
        if out is not None:
            check_file(out, (".json",))
        if plot is not None:
            check_plot(plot)

    def fail(self, error: PictureError, path: Path) -> tuple[Face, ...]:
        """Tell that a picture cannot be used: it is one in which nothing was found."""
        self._failed += 1
        print_error(error, about=str(path), as_json=self._as_json)
        return ()

    def tell(
        self, report: Report, how: Mapping[str, object], draw: Callable[[], bytes], *, failed: bool = False
    ) -> None:
        """Write the figures to wherever they were asked for, and end the command where something failed.

        Args:
            report: The figures.
            how: What they were measured with.
            draw: Draws the plot.
            failed: Whether the verdict is *fail*.
        """
        record = {"evaluation": self._name, "setup": how, "unusable_pictures": self._failed, **report.record}
        if self._as_json:
            print_json(record)
        else:
            for number, table in enumerate(report.tables):
                if number:
                    print_line("")
                print_table(table.columns, table.rows)
            for remark in report.remarks:
                print_line(remark)
        if self._out is not None:
            write_file(self._out, orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY) + b"\n")
        if self._plot is not None:
            write_file(self._plot, draw())
        if failed or self._failed:
            raise typer.Exit(EXIT_FAILED)


def setup(engine: FaceEngine, profile: Profile) -> dict[str, object]:
    """What figures were measured with."""
    used = [name for name in (profile.detector, profile.embedder) if name is not None]
    return {
        "vultus": __version__,
        "runtime": engine.runtime.name,
        "device": engine.runtime.device,
        "precision": engine.runtime.precision,
        "precisions": {name: engine.precision(name) for name in used},
        "detector": profile.detector,
        "embedder": profile.embedder,
        "checksums": {name: known.digest for name in used if (known := engine.model(name).checksum)},
        "canvas": profile.canvas.width,
        "second_canvas": profile.second_canvas and profile.second_canvas.width,
        "threshold": profile.threshold,
        "nms_threshold": profile.nms_threshold,
    }


def name_of(how: Mapping[str, object]) -> str:
    """Runtime and precision of a setup, as ``--against`` takes them."""
    return f"{how['runtime']}/{how['precision']}"


def run_over(
    settings: Settings, paths: Sequence[Path], *, crops: bool = False
) -> tuple[list[Analysis | PictureError], dict[str, object]]:
    """What an engine with these settings sees in pictures, or in aligned crops, and its setup."""
    from vultus.evaluate.look import look

    plan = Plan(detect=not crops, stretch=crops)
    with open_engine(settings, plan) as (engine, profile):
        how = setup(engine, profile)
        return list(watched(look(engine, profile, plan, paths), len(paths), f"pictures, {name_of(how)}")), how


def faces_or_none(
    sheet: Sheet, labels: Sequence[T], paths: Sequence[Path], found: Sequence[Analysis | PictureError]
) -> tuple[list[T], list[Face | None]]:
    """The labels of pictures that can be used, and the first face of each; those that cannot are told."""
    kept: list[T] = []
    faces: list[Face | None] = []
    for label, path, analysis in zip(labels, paths, found, strict=True):
        if isinstance(analysis, PictureError):
            sheet.fail(analysis, path)
            continue
        kept.append(label)
        faces.append(analysis.faces[0] if analysis.faces else None)
    return kept, faces


def paths_of(pictures: Sequence[Picture]) -> list[Path]:
    """Files behind pictures that were named.

    Raises:
        PictureError: There is none behind one of them.
    """
    for picture in pictures:
        if picture.error is not None:
            raise type(picture.error)(f"{picture.name}: {picture.error.message}")
    return [Path(picture.name) for picture in pictures]


def usable(
    sheet: Sheet, paths: Sequence[Path], runs: Sequence[Sequence[Analysis | PictureError]]
) -> tuple[list[str], list[list[Analysis]]]:
    """Names of the pictures that every run could use, and what each run saw in them; the others are told."""
    names: list[str] = []
    kept: list[list[Analysis]] = [[] for _ in runs]
    for path, *seen in zip(paths, *runs, strict=True):
        analyses = [item for item in seen if isinstance(item, Analysis)]
        if len(analyses) < len(seen):
            sheet.fail(next(item for item in seen if isinstance(item, PictureError)), path)
            continue
        names.append(str(path))
        for run, analysis in zip(kept, analyses, strict=True):
            run.append(analysis)
    return names, kept
