"""Plugins by the names that CompreFace's configuration has for them: ``package.Class`` or ``package.Class@model``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from vultus.errors import SettingsError
from vultus.zoo.catalogue import Task

OWN = "vultus"
"""Package of plugins whose network is the one that the other settings choose."""


class Role(NamedTuple):
    """What plugins of one class do.

    Attributes:
        slug: Their key in requests and answers.
        task: What their network is for; ``None`` where none is needed.
        facts: What it tells, as plans ask for it.
        more: What it tells besides, where its network can.
    """

    slug: str
    task: Task | None
    facts: tuple[str, ...] = ()
    more: tuple[str, ...] = ()


ROLES: Mapping[str, Role] = MappingProxyType(
    {
        "FaceDetector": Role("detector", "detection"),
        "Calculator": Role("calculator", "embedding"),
        "LandmarksDetector": Role("landmarks", None),
        "Landmarks2d106Detector": Role("landmarks2d106", "attributes", ("landmarks106",)),
        "GenderDetector": Role("gender", "attributes", ("gender",), ("gender_probability",)),
        "AgeDetector": Role("age", "attributes", ("age",)),
        "GenderAgeDetector": Role("gender_age", "attributes", ("gender", "age"), ("gender_probability",)),
        "MaskDetector": Role("mask", "attributes", ("mask",)),
        "PoseEstimator": Role("pose", None, ("pose",)),
    }
)
"""By class."""

MODELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "facenet.FaceDetector": ("mtcnn",),
        "facenet.Calculator": ("20180402-114759", "20180408-102900", "inception_resnetv1_casia_masked"),
        "facenet.LandmarksDetector": (),
        "facenet.PoseEstimator": (),
        "facenet.facemask.MaskDetector": ("inception_v3_on_mafa_kaggle123",),
        "agegender.AgeDetector": ("22801",),
        "agegender.GenderDetector": ("21936",),
        "rude_carnie.AgeDetector": ("22801",),
        "rude_carnie.GenderDetector": ("21936",),
        "insightface.FaceDetector": ("retinaface_mnet025_v1", "retinaface_mnet025_v2", "retinaface_r50_v1"),
        "insightface.Calculator": (
            "arcface_mobilefacenet",
            "arcface_r100_v1",
            "arcface_resnet34",
            "arcface_resnet50",
            "arcface-r50-msfdrop75",
            "arcface-r100-msfdrop75",
            "arcface_mobilefacenet_casia_masked",
        ),
        "insightface.LandmarksDetector": (),
        "insightface.Landmarks2d106Detector": ("2d106det",),
        "insightface.GenderDetector": ("genderage_v1",),
        "insightface.AgeDetector": ("genderage_v1",),
        "insightface.GenderAgeDetector": ("genderage_v1",),
        "insightface.PoseEstimator": (),
        "insightface.facemask.MaskDetector": ("mobilenet_v2_on_mafa_kaggle123", "resnet18_on_mafa_kaggle123"),
        **{f"{OWN}.{name}": () for name in ROLES},
    }
)
"""The networks of each plugin that CompreFace has, or had in 2021, the first of them the default; and the own ones."""


@dataclass(frozen=True, slots=True)
class Name:
    """A configured plugin.

    Attributes:
        plugin: ``package.Class``.
        model: What stands after ``@``; empty where nothing does.
    """

    plugin: str
    model: str = ""

    @property
    def package(self) -> str:
        """What tells plugins of one origin: ``facenet``, ``insightface`` ..."""
        return self.plugin.partition(".")[0]

    @property
    def role(self) -> Role:
        """What it does."""
        return ROLES[self.kind]

    @property
    def kind(self) -> str:
        """Its class."""
        return self.plugin.rpartition(".")[2]

    @property
    def original(self) -> str | None:
        """The network that CompreFace runs for it, by CompreFace's name."""
        there = MODELS[self.plugin]
        if self.model:
            return self.model if self.model in there else None
        return there[0] if there else None

    @property
    def version(self) -> str:
        """As CompreFace tells it: the last part of the package, the class, and the model if one was given."""
        short = ".".join(self.plugin.split(".")[-2:])
        return f"{short}@{self.model}" if self.model else short


def parse(text: str) -> Name:
    """Read ``package.Class[@model]``.

    Raises:
        SettingsError: There is no such plugin.
    """
    plugin, _, model = text.partition("@")
    if plugin not in MODELS:
        raise SettingsError(f"compreface_plugins: there is no {plugin}; there are: {', '.join(MODELS)}")
    return Name(plugin, model)
