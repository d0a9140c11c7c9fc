"""``vultus models quantize``: networks in int8, calibrated on the user's own pictures, if that does no harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vultus.cli.arguments import AsJson, Recursive
from vultus.cli.evaluation import Sheet, paths_of, run_over, usable
from vultus.cli.options import with_settings
from vultus.cli.pictures import gather
from vultus.cli.progress import watched
from vultus.cli.session import log_as_notes
from vultus.errors import NoFaceFound
from vultus.settings import Detection, Inference, Networks, PictureLimits, Settings
from vultus.types import Analysis
from vultus.zoo.own import open_catalogue

if TYPE_CHECKING:
    from vultus.evaluate.drift import Limits
    from vultus.evaluate.int8 import Sample, Verdict
    from vultus.evaluate.report import Report
    from vultus.zoo.catalogue import Model

EXIT_CODES = (
    "Exit codes: 0 all were kept; 1 a network was refused, or some pictures could not be used; 2 wrong usage or "
    "settings, no face in the pictures, or a cache that cannot be written; 3 a network, an engine or an extra is not "
    "available; 130 interrupted."
)


@with_settings(Networks, Inference, Detection, PictureLimits)
def quantize(
    settings: Settings,
    pictures: Annotated[
        list[str], typer.Argument(metavar="PICTURES", help="Pictures and folders of pictures, like those to come.")
    ],
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME", help="Only this of the networks in use; repeatable.")
    ] = None,
    min_mean_cosine: Annotated[
        float | None,
        typer.Option(
            "--min-mean-cosine", max=1, metavar="COSINE", help="Least mean cosine of a face's embeddings [0.985]."
        ),
    ] = None,
    min_cosine: Annotated[
        float | None,
        typer.Option("--min-cosine", max=1, metavar="COSINE", help="Least cosine of a face's embeddings [0.9]."),
    ] = None,
    min_iou: Annotated[
        float | None, typer.Option("--min-iou", min=0, max=1, metavar="IOU", help="Least IoU of a face's boxes [0.9].")
    ] = None,
    max_landmarks: Annotated[
        float | None,
        typer.Option("--max-landmarks", min=0, metavar="SIDES", help="Largest shift of a landmark, box sides [0.06]."),
    ] = None,
    max_similarity_change: Annotated[
        float | None,
        typer.Option("--max-change", min=0, metavar="COSINE", help="Largest change of two faces' similarity [0.1]."),
    ] = None,
    max_other_faces: Annotated[
        int | None,
        typer.Option("--max-other-faces", min=0, metavar="N", help="Faces one run alone may find [1 %, at least 1]."),
    ] = None,
    recursive: Recursive = False,
    as_json: AsJson = False,
) -> None:
    """Make int8 forms of the detector and the embedder in use.

    They are calibrated on what the engine gives them for your pictures, and
    kept in the cache only if faces, landmarks and embeddings of pictures held
    out stay near enough to those in f32. `--precision int8` then uses them.
    """
    from vultus.evaluate import int8
    from vultus.evaluate.quantize import check_quantizer
    from vultus.profiles import default_profile

    check_quantizer()
    asked = {
        "mean_cosine": min_mean_cosine,
        "cosine": min_cosine,
        "iou": min_iou,
        "landmarks_share": max_landmarks,
        "similarity_change": max_similarity_change,
        "other_faces": max_other_faces,
    }
    limits = replace(int8.LIMITS, **{name: limit for name, limit in asked.items() if limit is not None})  # type: ignore[arg-type]
    plain = settings.model_copy(update={"precision": "f32"})
    catalogue = open_catalogue(plain)
    models = int8.chosen(default_profile(plain, catalogue), catalogue, model or ())
    sheet = Sheet("quantize", None, None, as_json)
    calibrating, judging = int8.split(paths_of(gather(pictures, recursive=recursive)))
    samples = _calibrate(plain, calibrating, models, sheet)
    verdicts, how = _try(plain, limits, samples, judging, sheet)
    told = _report(verdicts, samples, len(calibrating), apart=calibrating != judging)
    sheet.tell(told, how, bytes, failed=not all(verdict.path for verdict in verdicts))


def _calibrate(settings: Settings, paths: Sequence[Path], models: Sequence[Model], sheet: Sheet) -> list[Sample]:
    """What the networks are asked for these pictures."""
    from vultus.evaluate import int8

    with log_as_notes():
        *_, gathered = watched(int8.gather(settings, paths, sheet.fail), len(paths), "pictures to calibrate on")
    samples = {sample.model.name: sample for sample in gathered}
    idle = [model.name for model in models if model.name not in samples]
    if idle:
        raise NoFaceFound(f"the pictures show no face, so that there is nothing to calibrate {', '.join(idle)} on.")
    return [samples[model.name] for model in models]


def _try(
    settings: Settings, limits: Limits, samples: Sequence[Sample], paths: Sequence[Path], sheet: Sheet
) -> tuple[list[Verdict], dict[str, object]]:
    """Make and judge one network after the other, each beside those that were kept before."""
    from vultus.evaluate import int8
    from vultus.evaluate.drift import compare

    seen, how = run_over(settings, paths)
    names, (exact,) = usable(sheet, paths, [seen])
    verdicts = []
    with int8.trial(settings, limits) as trial:
        for sample in samples:
            name = sample.model.name
            record = trial.make(sample, watched(sample.rows, len(sample.rows), f"inputs of {name}"))
            seen, _ = run_over(trial.settings, list(map(Path, names)))
            rounded = [analysis for analysis in seen if isinstance(analysis, Analysis)]
            verdicts.append(trial.judge(sample.model, record, compare(names, exact, rounded)))
    return verdicts, how


def _report(verdicts: Sequence[Verdict], samples: Sequence[Sample], pictures: int, *, apart: bool) -> Report:
    from vultus.evaluate import int8
    from vultus.evaluate.report import Report, Table

    rows, records, remarks = [], [], [""]
    for verdict, sample in zip(verdicts, samples, strict=True):
        name, judged = verdict.model.name, list(verdict.drift.judge(verdict.limits))
        broken = verdict.drift.broken(verdict.limits)
        rows += [
            (name, each.figure, f"{each.value:.6g}", f"{each.sense} {each.limit:.6g}", "" if each.within else "missed")
            for each in judged
        ]
        remarks.append(f"{name}: " + (f"kept as {verdict.path}" if verdict.path else f"refused: {'; '.join(broken)}"))
        if len(sample.rows) < int8.FEW_ROWS:
            remarks.append(f"{name} was calibrated on {len(sample.rows)} inputs; {int8.FEW_ROWS} or more are better")
        records.append(
            {
                "name": name,
                "path": verdict.path and str(verdict.path),
                "calibrated_on": len(sample.rows),
                "faces": verdict.drift.paired,
                "figures": {each.figure: {"value": each.value, each.sense: each.limit} for each in judged},
                "reasons": broken,
            }
        )
    if not apart:
        remarks.append(f"judged by the pictures that it was calibrated on: give {int8.FEWEST_APART} or more")
    record = {"pictures": pictures, "held_out": apart, "networks": records}
    return Report([Table(("network", "figure", "value", "limit", ""), rows)], record, remarks)
