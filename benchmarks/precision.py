"""What bf16 and int8 change beside f32, from whole pictures to embeddings, and what they gain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from benchmarks import pictures, places
from benchmarks.report import Report, Row
from benchmarks.subject import Options, settings_of
from benchmarks.timing import in_turn, paired_ratio, spread
from vultus import FaceEngine
from vultus.bench.bound import Bare
from vultus.errors import PictureError, PrecisionUnavailable
from vultus.evaluate.drift import Drift, compare
from vultus.evaluate.int8 import LIMITS, Trial, gather, limits_for, split, trial
from vultus.evaluate.look import look
from vultus.settings import Settings
from vultus.types import Analysis, Plan


def run(options: Options) -> Report:
    """Calibrate int8 on two thirds of the photographs; compare the precisions on the others and the mosaic."""
    files = pictures.make()
    photographs = [
        *sorted(places.data("compreface_samples").glob("*.jpg"))[:: options.pick(1, 3)],
        *sorted(places.data("mask").rglob("*.jpg"))[:: options.pick(1, 20)],
    ]
    calibrating, judging = split(photographs)
    judging.append(files.mosaic)
    with TemporaryDirectory() as folder:
        exact = settings_of(model_cache=Path(folder))
        with trial(exact, LIMITS) as made:
            inputs = quantize(exact, calibrating, made)
            settings = {"f32": exact, "bf16": settings_of(precision="bf16"), "int8": made.settings}
            seen = {name: found for name, given in settings.items() if (found := analyze(given, judging)) is not None}
            there = {name: settings[name] for name in seen}
            names = list(map(str, judging))
            drifts = {name: compare(names, seen["f32"], found) for name, found in seen.items() if name != "f32"}
            rows = [row for name, drift in drifts.items() for row in rows_of(name, drift)]
            for picture in (files.one_face, files.mosaic):
                rows += speeds(there, picture, options)
    return Report(
        "precision",
        "detection and embeddings in bf16 and int8 against f32",
        rows,
        notes=[
            f"{len(judging)} pictures: CompreFace's samples, faces with and without masks, and the mosaic. int8 was "
            f"calibrated on {len(calibrating)} others. A face's side is the square root of its box's area.",
            "Times as fast: the networks alone, alternating on every core; the median of the rounds' ratios.",
        ],
        models=list(inputs),
        detail={
            "calibrated_on": inputs,
            "beyond_limits": {name: drift.broken(limits_for(drift)) for name, drift in drifts.items()},
        },
    )


def quantize(exact: Settings, photographs: Sequence[Path], made: Trial) -> dict[str, int]:
    """Make the int8 forms of the default networks; of each how many inputs it was calibrated on."""
    *_, samples = gather(exact, photographs, _fail)
    return {sample.model.name: made.make(sample, sample.rows).rows for sample in samples}


def analyze(settings: Settings, paths: Sequence[Path]) -> list[Analysis] | None:
    """What an engine with these settings sees, picture by picture; ``None`` where this machine does not compute so.

    Raises:
        PictureError: A picture cannot be used; the message names it.
    """
    try:
        engine = FaceEngine(settings)
    except PrecisionUnavailable:
        return None
    with engine:
        engine.prepare()
        outcomes = look(engine, engine.default_profile, Plan(), paths)
        return [_seen(path, outcome) for path, outcome in zip(paths, outcomes, strict=True)]


def _seen(path: Path, outcome: Analysis | PictureError) -> Analysis:
    if isinstance(outcome, PictureError):
        _fail(outcome, path)
    return outcome


def _fail(error: PictureError, path: Path) -> NoReturn:
    raise type(error)(f"{path}: {error.message}")


def rows_of(name: str, drift: Drift) -> Iterator[Row]:
    """How far one precision is from f32."""
    yield Row(f"{name}: faces both found", drift.paired)
    yield Row(f"{name}: faces one alone found", drift.other_faces)
    yield Row(f"{name}: cosine of embeddings, least", drift.cosine)
    yield Row(f"{name}: cosine of embeddings, mean", drift.mean_cosine)
    yield Row(f"{name}: similarity of two faces, largest change", drift.similarity_change)
    if drift.iou is not None and drift.landmarks_share is not None:
        yield Row(f"{name}: box IoU, least", drift.iou)
        yield Row(f"{name}: landmarks, largest difference in sides of the face", drift.landmarks_share)


def speeds(settings: Mapping[str, Settings], picture: Path, options: Options) -> Iterator[Row]:
    """The bare-network bound of each precision in turn, beside that of f32."""
    with ExitStack() as open_engines:
        bares = {name: open_engines.enter_context(Bare(given)) for name, given in settings.items()}
        works = {name: bare.work(picture) for name, bare in bares.items()}
        jobs = {
            name: partial(bare.pictures_per_second, works[name], options.pick(5, 1)) for name, bare in bares.items()
        }
        rates = in_turn(jobs, options.pick(5, 1))
    label = f"{picture.stem}, {works['f32'].faces} faces, {', '.join(works['f32'].canvases)}"
    yield Row(f"{label}: f32", spread(rates["f32"]).median, "pictures/s")
    for name in settings:
        if name != "f32":
            yield Row(f"{label}: {name}, times as fast as f32", paired_ratio(rates[name], rates["f32"]))
