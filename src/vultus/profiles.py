"""Which networks the settings choose, and how they are used: one rule for engine, server and command line."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from vultus.attributes import ATTRIBUTE_FAMILIES, DERIVED
from vultus.settings import Settings
from vultus.types import CanvasRule, Plan, Profile
from vultus.zoo.catalogue import Catalogue, Model

log = logging.getLogger(__name__)


def default_profile(settings: Settings, catalogue: Catalogue) -> Profile:
    """The profile that the settings describe; its attribute networks are the pack's, then those of the settings.

    Attribute networks of the pack that cannot be run yet are left out; those that the settings name are not.

    Raises:
        UnknownModel: The settings name a pack or network that is not there.
    """
    pack = catalogue.pack(settings.pack, detector=settings.detector, embedder=settings.embedder)
    attributes = [catalogue.model(name) for name in pack.attributes]
    usable = [model.name for model in attributes if model.family in ATTRIBUTE_FAMILIES]
    later = [model.name for model in attributes if model.name not in usable]
    if later:
        log.warning("of the pack %s this version cannot run %s: left out", pack.name, ", ".join(later))
    detector = catalogue.model(pack.detector)
    return Profile(
        name="default",
        detector=detector.name,
        embedder=catalogue.model(pack.embedder).name,
        attributes=tuple(dict.fromkeys([*usable, *(catalogue.model(name).name for name in settings.attributes)])),
        canvas=CanvasRule(settings.canvas, settings.canvas, shrink=settings.shrink, shape=settings.aspect),
        second_canvas=square(settings.second_canvas) if settings.second_canvas else None,
        scaled_decode=settings.decode == "scaled",
        smooth_crops=settings.shrink == "smooth",
        threshold=settings.threshold,
        nms_threshold=settings.nms_threshold or detector.nms_threshold,
    )


def square(side: int) -> CanvasRule:
    """The rule of a second canvas: whatever the picture's aspect, so that it is one shape more and not three."""
    return CanvasRule(side, side)


def needed_by(plan: Plan, profile: Profile) -> Profile:
    """The profile without the networks that the plan has no use for: they need be neither fetched nor loaded."""
    if not plan.embeddings and not any(DERIVED[fact].embeds for fact in plan.attributes & DERIVED.keys()):
        profile = replace(profile, embedder=None)
    return profile if plan.attributes else replace(profile, attributes=())


def models_of(profiles: Iterable[Profile], catalogue: Catalogue) -> list[Model]:
    """The networks that profiles name, and their companions, each once.

    Raises:
        UnknownModel: One is not in the catalogue.
    """
    names = [
        name
        for profile in profiles
        for name in (profile.detector, profile.embedder, *profile.attributes)
        if name is not None
    ]
    found = list(map(catalogue.model, names))
    companions = [catalogue.model(name) for model in found for name in model.companions]
    return list({model.name: model for model in [*found, *companions]}.values())
