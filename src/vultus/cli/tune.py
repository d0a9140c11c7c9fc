"""``vultus tune``: a detector's best settings for photographs whose faces are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vultus.cli.arguments import AsJson
from vultus.cli.options import with_settings
from vultus.cli.output import print_json, print_line, print_note, print_table
from vultus.cli.progress import watched
from vultus.cli.session import log_as_notes
from vultus.cli.targets import check_plot, write_file
from vultus.errors import SettingsError
from vultus.settings import Detection, Inference, Networks, PictureLimits, Settings, load_settings, variable_of

if TYPE_CHECKING:
    from vultus.evaluate.tune import Choice, Row, Search, Trial

EXIT_CODES = (
    "Exit codes: 0 the search came to an end; 1 a picture cannot be used; 2 wrong usage, settings, ground truth or "
    "output file; 3 a network or an engine is not available; 130 interrupted."
)
COLUMNS = ("canvas", "second", "NMS", "threshold", "no worse", "missed", "false", "errors")
FEW = 300
"""Marked faces below which the outcome is called uncertain: of 300 without a fault, 1 % may still be faulty (95 %)."""

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search came to.

    Attributes:
        detector: Catalogue name.
        search: All that was tried.
        in_use: How the settings do that are in use now.
        anew: How the best settings do when the detector is run with them.
        photographs, marked: How many there are, and how many faces in them.
        warnings: What a reader should bear in mind.
    """

    detector: str
    search: Search
    in_use: Trial
    anew: Trial
    photographs: int
    marked: int
    warnings: tuple[str, ...]


@with_settings(Networks, Inference, Detection, PictureLimits)
def tune(
    settings: Settings,
    folder: Annotated[Path, typer.Argument(help="Folder of photographs.")],
    truth: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the faces are, as for `vultus evaluate detection`.")
    ],
    canvases: Annotated[
        str, typer.Option(metavar="VALUES", help="Sides of the input to try, pixels: 320,640 or 320:1280:160.")
    ] = "320,480,640,960,1280",
    second_canvases: Annotated[
        str, typer.Option(metavar="VALUES", help="Sides of a second input to try, pixels; 0: none.")
    ] = "0,128",
    thresholds: Annotated[str, typer.Option(metavar="VALUES", help="Thresholds to try.")] = "0.1:0.9:0.02",
    nms_thresholds: Annotated[str, typer.Option(metavar="VALUES", help="Overlaps (IoU) to try.")] = "0.2:0.7:0.1",
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Also draw the errors as a heat-map (needs the extra `evaluate`)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Search the detector settings that make the fewest errors.

    Each photograph is looked at once on every canvas; then every combination
    of canvas, second canvas, threshold and NMS overlap is counted out. An error
    is a marked face that is not found, or a box without one. The settings in
    use are always tried too.
    """
    from vultus.evaluate.truth import read_truth
    from vultus.evaluate.tune import Choice, Grid, Search
    from vultus.evaluate.tune_plot import plot_errors
    from vultus.evaluate.tuner import Tuner
    from vultus.profiles import default_profile
    from vultus.zoo.own import open_catalogue

    if plot is not None:
        check_plot(plot)
    overlap = default_profile(settings, open_catalogue(settings)).nms_threshold
    now = Choice(settings.canvas, settings.second_canvas, overlap, settings.threshold)
    grid = Grid(
        canvases=tuple(map(int, parse_values("canvas", canvases, now.canvas))),
        second_canvases=tuple(map(int, parse_values("second_canvas", second_canvases, now.second_canvas))),
        nms_thresholds=parse_values("nms_threshold", nms_thresholds, now.nms_threshold),
        thresholds=parse_values("threshold", thresholds, now.threshold),
    )
    photographs = read_truth(truth, folder)
    with log_as_notes(), Tuner(settings, grid) as tuner:
        search = Search(tuner.grid, watched(tuner.counts(photographs), len(photographs), "photographs"))
        anew = tuner.run(search.best.choice, photographs)
        in_use = search.trial(replace(now, second_canvas=0) if tuner.has_one_size else now)
        marked = sum(len(photograph.noses) for photograph in photographs)
        remarks = tuple(warnings(search, anew, marked, has_one_size=tuner.has_one_size))
        outcome = Outcome(tuner.detector, search, in_use, anew, len(photographs), marked, remarks)
    if plot is not None:
        write_file(plot, plot_errors(search))
    if as_json:
        print_json(record(outcome))
    else:
        _print(outcome)


def parse_values(setting: str, text: str, in_use: float) -> tuple[float, ...]:
    """Values of a setting, ascending: ``a,b,c`` or ``low:high:step``, and the one in use.

    Raises:
        SettingsError: One is no number, or none that the setting can have.
    """
    from vultus.evaluate.tune import steps

    try:
        numbers = tuple(map(float, text.split(",")) if ":" not in text else steps(*map(float, text.split(":"))))
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise SettingsError(f"{setting}: {text!r}: write the values to try like 1,2,3 or 1:3:0.5.") from error
    for number in numbers:
        load_settings(**{setting: number})
    return tuple(sorted({*numbers, in_use}))


def warnings(search: Search, anew: Trial, marked: int, *, has_one_size: bool) -> Iterator[str]:
    """What a reader should bear in mind."""
    if has_one_size:
        yield "this detector takes one input size alone: canvases were not searched"
    if marked < FEW:
        share = min(1.0, 3 / max(marked, 1))  # the rule of three: 95 % confidence
        yield (
            f"few faces are marked ({marked}): of settings without an error up to {share:.0%} of other faces may be "
            "missed; mark more, of the kind you will meet"
        )
    if search.held_out and search.held_out.errors > 2 * search.best.errors + 1:
        yield (
            f"the best settings fit these photographs better than new ones: {search.held_out.errors} errors where each "
            "photograph is judged by what is best for the others"
        )
    if (anew.missed, anew.false) != (search.best.missed, search.best.false):
        yield f"run anew with the best settings, {_told(anew)} were counted, not {_told(search.best)}"


def environment(choice: Choice) -> dict[str, str]:
    """The variables that put settings into use."""
    return {variable_of(name): f"{value:g}" for name, value in asdict(choice).items()}


def record(outcome: Outcome) -> dict[str, Any]:
    """The outcome as JSON shows it."""
    search = outcome.search
    held_out = search.held_out
    return {
        "detector": outcome.detector,
        "photographs": outcome.photographs,
        "faces": outcome.marked,
        "combinations": search.size,
        "best": _trial(search.best),
        "best_run_anew": _trial(outcome.anew),
        "in_use": _trial(outcome.in_use),
        "held_out": None if held_out is None else _counts(held_out),
        "plateau": asdict(search.plateau),
        "table": [_trial(row.trial) | {"no_worse": [row.low, row.high]} for row in search.rows(_SHOWN)],
        "environment": environment(search.best.choice),
        "warnings": outcome.warnings,
    }


def _print(outcome: Outcome) -> None:
    search, plateau = outcome.search, outcome.search.plateau
    print_line(
        f"{outcome.detector}: {outcome.photographs} photographs, {outcome.marked} faces, "
        f"{search.size} combinations of settings\n"
    )
    print_table(COLUMNS, [_cells(row) for row in search.rows(_SHOWN)])
    best = search.best
    print_line(f"\nbest: {_named(best.choice)}: {_told(best)}")
    print_line(f"in use: {_named(outcome.in_use.choice)}: {_told(outcome.in_use)}")
    if outcome.in_use.errors <= best.errors:
        print_line("the settings in use make no more errors; the best are only cheaper, or further from making some")
    low, high = plateau.thresholds
    print_line(
        f"no worse, one at a time: threshold {low:g} to {high:g}, NMS {plateau.nms_thresholds[0]:g} to "
        f"{plateau.nms_thresholds[1]:g}, {len(plateau.inputs)} of {len(search.grid.inputs)} inputs; as few errors in "
        f"{plateau.share:.1%} of all combinations, at most one more in {plateau.share_near:.1%}"
    )
    if search.held_out:
        print_line(f"each photograph with what is best for the others: {_told(search.held_out)}")
    for warning in outcome.warnings:
        print_note("warning", warning)
    print_line("\n" + " ".join(f"{name}={value}" for name, value in environment(best.choice).items()))


def _cells(row: Row) -> tuple[str, ...]:
    choice, trial = row.trial.choice, row.trial
    return (
        str(choice.canvas),
        str(choice.second_canvas or "-"),
        f"{choice.nms_threshold:g}",
        f"{choice.threshold:g}",
        f"{row.low:g} to {row.high:g}",
        *map(str, (trial.missed, trial.false, trial.errors)),
    )


def _named(choice: Choice) -> str:
    second = f" and {choice.second_canvas}" if choice.second_canvas else ""
    return f"canvas {choice.canvas}{second}, threshold {choice.threshold:g}, NMS {choice.nms_threshold:g}"


def _told(trial: Trial) -> str:
    return f"{trial.missed} missed, {trial.false} false"


def _counts(trial: Trial) -> dict[str, int]:
    return {"missed": trial.missed, "false": trial.false, "errors": trial.errors}


def _trial(trial: Trial) -> dict[str, object]:
    return asdict(trial.choice) | _counts(trial)
