"""The engine under measurement, and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import places
from vultus import FaceEngine
from vultus.imaging.decode import Limits
from vultus.imaging.source import read_pixels
from vultus.settings import Settings, load_settings
from vultus.types import Face, FloatArray, Image, Plan
from vultus.zoo.catalogue import Catalogue
from vultus.zoo.store import Store

FULL_PLAN = Plan(embeddings=True, attributes=frozenset({"landmarks106"}))
"""Detection, embedding and 106 landmarks: what the reference implementation does with the same networks."""

NETWORKS = ("scrfd_500m_bnkps", "w600k_mbf", "2d106det")


@dataclass(frozen=True, slots=True)
class Options:
    """How a benchmark is run.

    Attributes:
        quick: Few and short runs, to see that it works; the figures mean little.
        embedders: Embedders whose accuracy is measured; none: those of ``present_embedders``.
        minutes: How long ``soak`` loads a server.
    """

    quick: bool = False
    embedders: tuple[str, ...] = ()
    minutes: int = 10

    def pick(self, usual: int, quick: int) -> int:
        """``usual``, or ``quick`` where that was asked for."""
        return quick if self.quick else usual


def open_engine(**settings: Any) -> FaceEngine:  # noqa: ANN401 - checked by the settings
    """An engine with default settings but for those given, and with weights from local folders alone."""
    return FaceEngine(settings_of(**settings))


def settings_of(**settings: Any) -> Settings:  # noqa: ANN401
    """The settings of such an engine."""
    return load_settings(model_path=places.models(), offline=True, **settings)


def present_embedders() -> tuple[str, ...]:
    """The embedders of the catalogue whose files are here, and ``w600k_mbf`` in any case: its bar is to be met."""
    store = Store.from_settings(load_settings(model_path=places.models(), offline=True))
    return tuple(
        model.name
        for model in Catalogue.load().models
        if model.task == "embedding" and (model.name in NETWORKS or store.present(model))
    )


def vector_of(face: Face) -> FloatArray:
    """A face's embedding as a table of one row."""
    return np.asarray(face.embedding)[np.newaxis]


def read_picture(engine: FaceEngine, picture: Path) -> Image:
    """Pixels of a file as the engine would decode it."""
    return read_pixels(picture, Limits.from_settings(engine.settings))
