"""Networks in int8, made from what the user's own pictures give them, and kept only where their answers stay the same.

The engine itself walks the pictures and is watched: what it asks of a network is what the network is calibrated on, and
a form that was made is judged by running the engine with it as a server would.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from vultus.bench.bound import Bare
from vultus.errors import OutputUnwritable, PictureError, SettingsError
from vultus.evaluate.drift import Drift, Limits
from vultus.evaluate.quantize import quantize, versions
from vultus.profiles import models_of
from vultus.settings import Settings
from vultus.types import Image, Plan, Profile
from vultus.zoo.catalogue import Catalogue, Model
from vultus.zoo.quantized import PRECISION, Quantized, Record, file_name, source_of
from vultus.zoo.store import Store, digest_of

MOST_ROWS = 200
"""Inputs a network is calibrated on: more widen the ranges no further, and so many of 640 x 640 are 250 MB."""

FEW_ROWS = 20
"""Inputs below which ranges are uncertain."""

FEWEST_APART = 6
"""Pictures from which on a third of them is kept from the calibration, to judge by; fewer have to serve for both."""

_SEED = 1

LIMITS = Limits(cosine=0.9, iou=0.9, similarity_change=0.1, other_faces=None, mean_cosine=0.985, landmarks_share=0.06)
"""What int8 is held to, from whole pictures to embeddings; the benchmark `precision` tells what bf16 comes to.

The least cosine, the least IoU and the landmarks are those of the smallest faces, which bf16 changes as much: int8 may
be little worse. The mean cosine tells what is lost throughout, and may be several times what bf16 loses. No similarity
of two faces may change by more than a third of a decision threshold (0.29 and more in the catalogue).
"""

OTHER_FACES = 0.01
"""Share of the faces that one run alone may find, and one in any case: some always have a score at the threshold."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What a network was asked.

    Attributes:
        model: The network.
        rows: A random choice of at most ``MOST_ROWS`` inputs, RGB uint8 ``(height, width, 3)``.
        seen: How many there were.
    """

    model: Model
    rows: list[Image]
    seen: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a network.

    Attributes:
        model: The network.
        drift: How far answers with its int8 form are from those in f32.
        limits: How far they may be.
        path: Where the int8 form is kept; ``None``: it was refused.
    """

    model: Model
    drift: Drift
    limits: Limits
    path: Path | None


def limits_for(drift: Drift, limits: Limits = LIMITS) -> Limits:
    """The limits, with ``other_faces`` by ``OTHER_FACES`` where nothing else was said."""
    if limits.other_faces is not None:
        return limits
    return replace(limits, other_faces=max(1, int(OTHER_FACES * drift.paired)))


def split(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The pictures to calibrate on, and those to judge by: every third, or all where there are but a few."""
    if len(paths) < FEWEST_APART:
        return list(paths), list(paths)
    held_out = list(paths[1::3])
    return [path for place, path in enumerate(paths) if place % 3 != 1], held_out


def chosen(profile: Profile, catalogue: Catalogue, names: Collection[str]) -> list[Model]:
    """The networks to quantize: the detector and the embedder with their companions, or those of them that are named.

    Raises:
        SettingsError: One that is named is not in use.
        UnknownModel: It is not in the catalogue.
    """
    used = models_of([replace(profile, attributes=())], catalogue)
    wanted = [catalogue.model(name) for name in names]
    for model in wanted:
        if model not in used:
            there = ", ".join(each.name for each in used)
            raise SettingsError(f"{model.name} is not in use as detector or embedder ({there}); choose it as such.")
    return [model for model in used if not wanted or model in wanted]


def gather(
    settings: Settings, paths: Sequence[Path], fail: Callable[[PictureError, Path], object]
) -> Iterator[Sequence[Sample]]:
    """Have the engine analyse pictures and watch what it asks its networks.

    Args:
        settings: Of the engine, which computes in f32.
        paths: The pictures.
        fail: Told of each picture that cannot be used.

    Yields:
        After each picture what was asked so far.
    """
    choice = np.random.default_rng(_SEED)
    samples: dict[str, Sample] = {}
    with Bare(settings) as bare:
        profile = replace(bare.engine.default_profile, attributes=())
        for path in paths:
            try:
                work = bare.work(path, Plan(), profile)
            except PictureError as error:
                fail(error, path)
            else:
                for call in work.calls:
                    sample = samples.get(call.model.name, Sample(call.model, [], 0))
                    samples[call.model.name] = _adding(sample, call.pixels, choice)
            yield list(samples.values())


def _adding(sample: Sample, rows: Image, choice: np.random.Generator) -> Sample:
    """The sample with some of these rows in it; every row has the same chance (J. S. Vitter's algorithm R)."""
    seen = sample.seen
    for row in rows:
        seen += 1
        if len(sample.rows) < MOST_ROWS:
            sample.rows.append(row)
        elif (place := int(choice.integers(seen))) < MOST_ROWS:
            sample.rows[place] = row
    return replace(sample, seen=seen)


class Trial:
    """Makes int8 forms in a folder of its own, where an engine finds them as it later will in the cache.

    Args:
        settings: Of the engine in f32.
        folder: On the cache's disk.
        limits: How far answers may be from those in f32; ``other_faces`` = ``None`` stands for ``OTHER_FACES``.

    Attributes:
        settings: With them an engine uses the form that is tried, and those that were kept before.
    """

    def __init__(self, settings: Settings, folder: Path, limits: Limits) -> None:
        self._store = Store.from_settings(settings)
        self._folder = folder
        self._limits = limits
        self._cache = Quantized([settings.model_cache])
        further = (settings.model_cache, *settings.model_path)
        changed = {"precision": PRECISION, "model_cache": folder, "model_path": further}
        self.settings = settings.model_copy(update=changed)

    def make(self, sample: Sample, rows: Iterable[Image]) -> Record:
        """Make a network's int8 form; the rows, those of its sample, are gone through once.

        Raises:
            ExtraMissing: Nothing is installed that quantizes.
            ModelUnavailable: There is no file of the network.
            IncompatibleGraph: It cannot be quantized.
        """
        model = sample.model
        draft = self._folder / "draft.onnx"
        quantize(model, self._store.path(model), draft, rows, sample.rows[0].shape)
        record = Record(model.name, source_of(model), digest_of(draft, "sha256"), len(sample.rows), versions=versions())
        Quantized([self._folder]).keep(draft, record, model)
        return record

    def judge(self, model: Model, record: Record, drift: Drift) -> Verdict:
        """Keep a network's int8 form if answers with it are near enough to those in f32; else remove it.

        Raises:
            OutputUnwritable: The cache cannot be written.
        """
        limits = limits_for(drift, self._limits)
        tried = self._folder / file_name(model)
        if drift.broken(limits):
            tried.unlink()
            return Verdict(model, drift, limits, None)
        figures = {each.figure: {"value": each.value, each.sense: each.limit} for each in drift.judge(limits)}
        return Verdict(model, drift, limits, self._cache.keep(tried, replace(record, drift=figures), model))


@contextmanager
def trial(settings: Settings, limits: Limits) -> Iterator[Trial]:
    """A trial whose folder goes when it ends.

    Raises:
        OutputUnwritable: There can be no folder in the cache.
    """
    cache = settings.model_cache
    try:
        cache.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(dir=cache, prefix=".int8-")
    except OSError as error:
        raise OutputUnwritable(
            f"{cache}, where int8 forms are kept, cannot be written: {error.strerror or error}; set model_cache."
        ) from error
    with folder as name:
        yield Trial(settings, Path(name), limits)
