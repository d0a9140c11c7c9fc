"""How long a network takes, beside the one that is used by default for its task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Self, TypeAlias

import cv2
import numpy as np

from benchmarks import places
from benchmarks.subject import open_engine, read_picture
from benchmarks.timing import in_turn, paired_ratio, seconds
from vultus import FaceEngine
from vultus.detect.detector import rescale, take
from vultus.imaging.align import cut_crops
from vultus.imaging.canvas import lay_on_canvas
from vultus.networks import Networks
from vultus.runtime.ticket import Ticket
from vultus.types import CanvasRule, Detection, Image, Profile
from vultus.zoo.catalogue import Model, Task
from vultus.zoo.store import Store

Job: TypeAlias = Callable[[], object]

DEFAULTS: Mapping[Task, str] = {
    "detection": "scrfd_500m_bnkps",
    "embedding": "w600k_mbf",
    "attributes": "2d106det",
}
"""Of each task the network that others are compared with: that of the pack ``small``."""

PICTURE = "007_B.jpg"
"""Of CompreFace's samples: one face."""

_WARM_UP = 2


class Bench:
    """Runs networks by themselves on one thread, with their own pre- and post-processing, on one photograph's face.

    Use it in a ``with`` statement.

    Raises:
        Missing: The photographs or the default detector are not here.
    """

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self._engine = open_engine(streams=1)
        settings = self._engine.settings
        self._networks = Networks(
            self._engine.catalogue, Store.from_settings(settings), self._engine.runtime, settings.license_policy
        )
        self._picture = read_picture(self._engine, places.data("compreface_samples") / PICTURE)
        self._face = self._find()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._engine.close()

    @property
    def engine(self) -> FaceEngine:
        """What the networks are loaded by."""
        return self._engine

    def ratio(self, model: Model, rounds: int) -> float:
        """How many times as long as the default network of its task a network takes: 1 is as fast, 2 half as fast.

        Median over rounds in which both are run in turn.

        Raises:
            VultusError: It cannot be run.
        """
        jobs = {"its": self.job(model), "default": self.job(self._engine.model(DEFAULTS[model.task]))}
        for job in jobs.values():
            for _ in range(_WARM_UP):
                job()
        timed = {name: partial(seconds, job) for name, job in jobs.items()}
        times = in_turn(timed, rounds, alternate=True)
        return paired_ratio(times["its"], times["default"])

    def job(self, model: Model) -> Job:
        """One run of a network: a detector on its canvas, anything else on the crop of one face."""
        ticket = Ticket()
        profile = self._profile(model)
        if model.task == "detection":
            detector, canvas = self._detector(profile)
            return lambda: detector(canvas)
        if model.task == "embedding":
            embedder = self._networks.embedder(profile)
            crops = cut_crops(self._picture, self._face, embedder.crop)
            return lambda: embedder.embed(crops.pixels, ticket)
        attribute = self._networks.attribute(model.name, profile)
        cut = cut_crops(self._picture, self._face, attribute.crop)
        return lambda: attribute.read(cut, ticket)

    def _profile(self, model: Model) -> Profile:
        return Profile(
            name="bench",
            detector=model.name if model.task == "detection" else DEFAULTS["detection"],
            embedder=model.name if model.task == "embedding" else None,
            attributes=(model.name,) if model.task == "attributes" else (),
            canvas=CanvasRule(),
        )

    def _detector(self, profile: Profile) -> tuple[Callable[[Image], Detection], Image]:
        [rule] = self._networks.canvases(profile)
        detector = self._networks.detector(profile, (rule.width, rule.height))
        canvas = lay_on_canvas(self._picture, rule).pixels
        return lambda pixels: detector.detect(pixels, profile.threshold, profile.nms_threshold, Ticket()), canvas

    def _find(self) -> Detection:
        """The photograph's best face, as the default detector sees it, in picture pixels."""
        profile = self._profile(self._engine.model(DEFAULTS["detection"]))
        detect, canvas = self._detector(profile)
        scale = lay_on_canvas(self._picture, profile.canvas).scale
        return take(rescale(detect(canvas), scale), np.arange(1))
