"""Every network of the catalogue whose file is here: how good it is, and how fast beside the default."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field

from benchmarks import places
from benchmarks.models_accuracy import BARS, Figures, NotMeasured, measure
from benchmarks.models_speed import DEFAULTS, Bench
from benchmarks.report import Report, Row
from benchmarks.subject import Options
from vultus.attributes import ATTRIBUTE_FAMILIES
from vultus.detect import DETECTOR_FAMILIES
from vultus.embed import EMBEDDER_FAMILIES
from vultus.errors import VultusError
from vultus.settings import load_settings
from vultus.zoo.catalogue import Catalogue, Model
from vultus.zoo.store import Store

LABELS: dict[str, str] = {
    "found": "noses found of CompreFace's",
    "false": "boxes without a nose",
    "doubled": "faces found twice",
    "best_threshold": "best threshold",
    "best_found": "noses found at its best threshold",
    "best_false": "boxes without a nose at its best threshold",
    "best_doubled": "faces found twice at its best threshold",
    "lfw": "LFW, mean accuracy of folds 1 to 5",
    "gender": "gender of UTKFace's adults, accuracy",
    "age": "age of UTKFace's adults, mean absolute error, years",
    "mask": "mask, accuracy",
    "liveness": "liveness, right of three pictures",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one network.

    Attributes:
        task: What it is for.
        checksum: Of the file that ran.
        figures: See ``measure``.
        why_not: Why there are no figures.
        time_ratio: Time it takes beside the default network of its task; ``None``: it could not be run.
    """

    task: str
    checksum: str
    figures: Figures = field(default_factory=dict)
    why_not: str = ""
    time_ratio: float | None = None


def run(options: Options) -> Report:
    """Accuracy and time of every network that is here; of the others, why they were not measured."""
    catalogue = Catalogue.load()
    store = Store.from_settings(load_settings(model_path=places.models(), offline=True))
    with Bench() as bench:
        measured = {model.name: examine(model, catalogue, store, bench, options) for model in catalogue.models}
    return Report(
        "models",
        "every network of the catalogue that is here, f32",
        [row for name, result in measured.items() for row in rows(name, result)],
        notes=[
            "Detectors: 18 photographs of CompreFace with 46 marked noses, at threshold 0.5 and the threshold that "
            "makes the fewest errors on these same photographs.",
            "Embedders: 3,000 pairs of aligned crops of 112 x 112, out of which the network's own crop is cut; each "
            "fold's threshold is chosen on the others.",
            "Attributes: 181 adults of UTKFace, 200 pictures with and without a mask, both with a border of 60 pixels, "
            "as far as the default detector finds their faces; liveness is a smoke test on three pictures.",
            f"Time: the network with its pre- and post-processing on one thread, one picture or face, as a ratio to "
            f"{', '.join(DEFAULTS.values())}: 2 is twice as long.",
        ],
        models=list(DEFAULTS.values()),
        detail={"models": {name: asdict(result) for name, result in measured.items()}},
    )


def examine(model: Model, catalogue: Catalogue, store: Store, bench: Bench, options: Options) -> Measured:
    """Measure a network, or say why not."""
    known = "" if model.checksum is None else f"{model.checksum.algorithm}:{model.checksum.digest}"
    if reason := why_not(model, catalogue, store):
        return Measured(model.task, known, why_not=reason)
    try:
        ratio = bench.ratio(model, options.pick(30, 3)) if model.task in DEFAULTS else None
    except VultusError as error:
        return Measured(model.task, known, why_not=error.message)
    try:
        return Measured(model.task, known, measure(model, options), time_ratio=ratio)
    except (VultusError, NotMeasured) as error:
        return Measured(model.task, known, why_not=str(error), time_ratio=ratio)


def why_not(model: Model, catalogue: Catalogue, store: Store) -> str:
    """Why a network cannot be run here; empty where it can."""
    families: dict[str, Collection[str]] = {
        "detection": DETECTOR_FAMILIES,
        "embedding": EMBEDDER_FAMILIES,
        "attributes": ATTRIBUTE_FAMILIES,
    }
    if model.task == "companion":
        return "it is a part of another network"
    if model.family not in families[model.task]:
        return "this version cannot run its family"
    if model.checksum is None:
        return "known by name only: no hash of its file is published"
    missing = [part.name for part in (model, *map(catalogue.model, model.companions)) if store.find(part) is None]
    if missing == [model.name]:
        return "its file was not on the machine that measured"
    return f"files were not on the machine that measured: {', '.join(missing)}" if missing else ""


def rows(name: str, result: Measured) -> Iterator[Row]:
    """The figures of one network."""
    for figure, value in result.figures.items():
        if figure in LABELS:
            yield Row(f"{name}: {LABELS[figure]}", value, "", BARS.get((name, figure)))
    if result.time_ratio is not None:
        yield Row(f"{name}: time beside {DEFAULTS[result.task]}", result.time_ratio)  # type: ignore[index]  # a task
