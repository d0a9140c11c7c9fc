"""An engine for the length of one command."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from vultus.cli.output import print_note
from vultus.cli.pictures import Picture, Reader
from vultus.cli.report import Report
from vultus.settings import Settings
from vultus.types import Analysis, Image, Plan, Profile
from vultus.zoo.catalogue import Model

if TYPE_CHECKING:
    from vultus.engine import FaceEngine


@contextmanager
def open_engine(settings: Settings, plan: Plan) -> Iterator[tuple[FaceEngine, Profile]]:
    """An engine that is warm for the plan, and the profile that names no more networks than the plan needs.

    Networks that are not here yet are fetched first, with progress on standard error.

    Raises:
        VultusError: The engine or one of the networks cannot be had.
    """
    from vultus.engine import FaceEngine
    from vultus.profiles import needed_by

    with log_as_notes(), FaceEngine(settings) as engine:
        profile = needed_by(plan, engine.default_profile)
        if plan.detect:
            engine.prepare(profile)
        else:  # of aligned crops the detector is never asked: it need be neither fetched nor loaded
            engine.embed_crops([_empty_crop(engine, profile)], profile)
        yield engine, profile


def analyze_all(
    settings: Settings,
    pictures: Sequence[Picture],
    plan: Plan,
    reader: Reader,
    report: Report,
    then: Callable[[Picture, Analysis], None] | None = None,
) -> Model | None:
    """Report what each picture shows, in order, then pass it on; the engine works on many at a time.

    Returns:
        The embedder that was used, if one was.

    Raises:
        VultusError: Something that no picture is to blame for.
    """
    there = [picture for picture in pictures if picture.error is None]
    with report:
        if not there:  # say so at once, without a network fetched or loaded
            for picture in pictures:
                if picture.error:
                    report.add(picture, picture.error)
            return None
        with open_engine(settings, plan) as (engine, profile):
            report.begin()
            answers = engine.analyze_many(map(reader.source, there), plan, profile)
            for picture in pictures:
                answer = picture.error or next(answers)
                report.add(picture, answer)
                if then and isinstance(answer, Analysis):
                    then(picture, answer)
            return engine.model(profile.embedder) if profile.embedder else None


@contextmanager
def log_as_notes() -> Iterator[None]:
    """Show what the engine logs; of what it does at length, only that networks are fetched."""
    logger, handler = logging.getLogger("vultus"), _Notes()
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.startswith("vultus.zoo"))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def _empty_crop(engine: FaceEngine, profile: Profile) -> Image:
    crop = engine.model(profile.embedder or "").crop
    side = crop.size if crop else 0
    return np.zeros((side, side, 3), np.uint8)


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print_note("warning" if record.levelno >= logging.WARNING else "note", record.getMessage())
