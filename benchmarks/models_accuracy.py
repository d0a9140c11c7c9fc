"""How good a network is, against the photographs that are here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from benchmarks import places
from benchmarks.report import Bar
from benchmarks.subject import Options, open_engine
from vultus import FaceEngine
from vultus.attributes import ATTRIBUTE_FAMILIES
from vultus.errors import PictureError
from vultus.evaluate import attributes, noses
from vultus.evaluate.detection import stack_boxes
from vultus.evaluate.labels import Labels, read_labels
from vultus.evaluate.look import embed_crops, look, stack
from vultus.evaluate.tune import Grid, Search, steps
from vultus.evaluate.tuner import Tuner
from vultus.evaluate.verification import Pairs, compare, fold_accuracies, names_of, read_pairs
from vultus.types import Analysis, Face, Plan
from vultus.zoo.catalogue import Model

Figures: TypeAlias = dict[str, float]

FOLDS = 5
ADULT = 18
PAD = 60
"""Pixels around the pictures of UTKFace and of masks, which are cut so close that many would have no face to detect."""

BARS: Mapping[tuple[str, str], Bar] = {
    ("w600k_mbf", "lfw"): Bar(">=", 0.994),
    ("face_recognition_sface_2021dec", "lfw"): Bar(">=", 0.988),
    ("facenet_20180402-114759", "lfw"): Bar(">=", 0.99),
    ("genderage_v1", "gender"): Bar(">=", 0.85),
    ("mask_detector", "mask"): Bar(">=", 0.93),
    ("minifasnet_v2_2.7_80x80", "liveness"): Bar("==", 3),
    ("antispoof_bin_1.5_128", "liveness"): Bar("==", 3),
}
"""What was promised, by network and figure."""

LIVENESS: Mapping[str, str] = {"image_T1": "real", "image_F1": "spoof", "image_F2": "spoof"}
"""What is known of the pictures of Silent-Face-Anti-Spoofing, by name."""

NO_TRUTH = "there is no ground truth here for what it tells"


class NotMeasured(Exception):
    """A network cannot be measured; the message says why."""


def measure(model: Model, options: Options) -> Figures:
    """Figures of one network, by name.

    * Detectors: ``noses`` marked in CompreFace's samples; ``found``, ``false`` and ``doubled`` at the usual threshold;
      ``best_threshold`` and, there, ``best_found``, ``best_false`` and ``best_doubled``.
    * Embedders: ``lfw``, mean accuracy of the folds.
    * Attributes: ``gender`` (accuracy) and ``age`` (mean absolute error, years) of ``adults`` in UTKFace; ``mask``
      (accuracy) of ``mask_faces``; ``liveness``, how many of the ``liveness_faces`` are told right.

    Raises:
        NotMeasured: There is nothing here to measure it by.
        Missing: Its photographs are not here.
        VultusError: It cannot be run.
    """
    match model.task:
        case "detection":
            return _detector(model, options)
        case "embedding":
            return _embedder(model, options)
        case "attributes":
            return _attribute(model, options)
        case _:
            raise NotMeasured("it is a part of another network")


def every(step: int, pairs: Pairs) -> Pairs:
    """One pair of each ``step``."""
    taken = slice(None, None, step)
    return replace(
        pairs, first=pairs.first[taken], second=pairs.second[taken], same=pairs.same[taken], fold=pairs.fold[taken]
    )


def _detector(model: Model, options: Options) -> Figures:
    photographs = noses.read(places.data("compreface_samples"))[:: options.pick(1, 6)]
    with open_engine(detector=model.name) as engine:
        usual = _count(photographs, engine, engine.settings.threshold)
        settings = engine.settings
        grid = Grid((settings.canvas,), (0,), (engine.default_profile.nms_threshold,), steps(0.05, 0.95, 0.01))
        with Tuner(settings, grid) as tuner:
            best = Search(tuner.grid, tuner.counts(photographs)).best.choice.threshold
        at_best = _count(photographs, engine, best)
    return {
        "noses": usual.noses,
        "found": usual.found,
        "false": usual.false,
        "doubled": usual.doubled,
        "best_threshold": best,
        "best_found": at_best.found,
        "best_false": at_best.false,
        "best_doubled": at_best.doubled,
    }


def _count(photographs: Sequence[noses.Photograph], engine: FaceEngine, threshold: float) -> noses.Hits:
    profile = replace(engine.default_profile, threshold=threshold)
    hits = [0, 0, 0, 0]
    for photograph in photographs:
        faces = engine.detect(photograph.path, profile)
        found = noses.count(stack_boxes(faces), photograph.noses)
        hits = [sum(pair) for pair in zip(hits, (found.noses, found.found, found.false, found.doubled), strict=True)]
    return noses.Hits(*hits)


def _embedder(model: Model, options: Options) -> Figures:
    folder = places.data("lfw_aligned")
    pairs = every(options.pick(1, 20), read_pairs(folder / "pairs.txt").first_folds(FOLDS))
    with open_engine(embedder=model.name) as engine:
        paths = [folder / name for name in names_of(pairs)]
        embeddings = stack(list(embed_crops(engine, engine.default_profile, paths)))
    comparisons = compare(pairs, embeddings)
    return {"lfw": float(np.mean(fold_accuracies(comparisons.similarities, pairs)))}


def _attribute(model: Model, options: Options) -> Figures:
    tells = set(ATTRIBUTE_FAMILIES[model.family].provides)
    figures: Figures = {}
    with open_engine(attributes=(model.name,)) as engine:
        for fact, judge in _JUDGES.items():
            if fact in tells:
                figures |= judge(engine, options)
    if not figures:
        raise NotMeasured(NO_TRUTH)
    return figures


def _gender(engine: FaceEngine, options: Options) -> Figures:
    labels = _adults(options)
    described = attributes.judge(*_seen(engine, [replace(item, age=None) for item in labels], "gender", PAD))
    accuracy = described.confusion["gender"].accuracy
    return {"gender": accuracy or 0.0, "adults": described.confusion["gender"].faces}


def _age(engine: FaceEngine, options: Options) -> Figures:
    labels = _adults(options)
    described = attributes.judge(*_seen(engine, [replace(item, gender=None) for item in labels], "age", PAD))
    if described.ages is None:
        raise NotMeasured("no face was found in UTKFace's chips")
    return {"age": described.ages.error, "adults": len(described.ages.true)}


def _mask(engine: FaceEngine, options: Options) -> Figures:
    labels = read_labels("folders", places.data("mask"))[:: options.pick(1, 10)]
    confusion = attributes.judge(*_seen(engine, labels, "mask", PAD)).confusion["mask"]
    return {"mask": confusion.accuracy or 0.0, "mask_faces": confusion.faces}


def _liveness(engine: FaceEngine, options: Options) -> Figures:  # noqa: ARG001 - there are but three
    folder = places.data("antispoof")
    labels = [Labels(folder / f"{name}.jpg", liveness=label) for name, label in LIVENESS.items()]
    confusion = attributes.judge(*_seen(engine, labels, "liveness")).confusion["liveness"]
    return {"liveness": round((confusion.accuracy or 0.0) * confusion.faces), "liveness_faces": len(labels)}


_JUDGES: Mapping[str, Callable[[FaceEngine, Options], Figures]] = {
    "gender": _gender,
    "age": _age,
    "mask": _mask,
    "liveness": _liveness,
}


def _adults(options: Options) -> list[Labels]:
    labels = read_labels("utkface", places.data("utkface"))
    return [item for item in labels if (item.age or 0) >= ADULT][:: options.pick(1, 10)]


def _seen(
    engine: FaceEngine, labels: Sequence[Labels], fact: str, pad: int = 0
) -> tuple[Sequence[Labels], list[Face | None]]:
    """The labels and the largest face of each picture."""
    plan = Plan(embeddings=False, attributes=frozenset({fact}), max_faces=1)
    paths: list[Path] = [item.path for item in labels]
    return labels, [_face(seen) for seen in look(engine, engine.default_profile, plan, paths, pad)]


def _face(seen: Analysis | PictureError) -> Face | None:
    if isinstance(seen, PictureError):
        raise seen
    return seen.faces[0] if seen.faces else None
