"""The networks an engine has loaded: each once, whichever profiles and threads ask for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from vultus.attributes import ATTRIBUTE_FAMILIES, Attribute
from vultus.detect import DETECTOR_FAMILIES, Detector
from vultus.embed import EMBEDDER_FAMILIES, Embedder
from vultus.errors import IncompatibleGraph, SettingsError
from vultus.profiles import models_of
from vultus.runtime.network import Network, Runtime
from vultus.settings import LicencePolicy
from vultus.types import Profile
from vultus.zoo.catalogue import Catalogue, Model, Task
from vultus.zoo.licence import check_licence
from vultus.zoo.store import Store

T = TypeVar("T")
F = TypeVar("F")


class Networks:
    """Finds, loads and keeps networks by name.

    Args:
        catalogue: Which networks exist.
        store: Where their files are.
        runtime: What runs them.
        licence_policy: ``any`` or ``permissive``.
    """

    def __init__(self, catalogue: Catalogue, store: Store, runtime: Runtime, licence_policy: LicencePolicy) -> None:
        self._catalogue = catalogue
        self._store = store
        self._runtime = runtime
        self._licence_policy = licence_policy
        self._loaded: dict[tuple[object, ...], Any] = {}
        self._lock = threading.Lock()

    def model(self, name: str, task: Task) -> Model:
        """The catalogue entry of a network that is to be used for ``task``.

        Raises:
            UnknownModel: There is no such entry.
            SettingsError: It is for something else.
            LicenseRefused: The licence policy does not allow it.
        """
        model = self._catalogue.model(name)
        if model.task != task:
            raise SettingsError(f"{model.name} is for {model.task} and cannot be used for {task}.")
        check_licence(model, self._licence_policy)
        return model

    def check(self, profile: Profile) -> None:
        """See to it that the profile's networks are for what it uses them for, and may be used.

        Raises:
            SettingsError: One is for something else.
            LicenseRefused: The licence policy does not allow one.
        """
        self.model(profile.detector, "detection")
        if profile.embedder is not None:
            self.model(profile.embedder, "embedding")
        for name in profile.attributes:
            self.model(name, "attributes")

    def fetch(self, profiles: Iterable[Profile]) -> None:
        """See to it that the files of all networks of the profiles are here; those that come together come once."""
        if self._runtime.needs_files:
            self._store.paths(models_of(profiles, self._catalogue))

    def detector(self, profile: Profile) -> Detector:
        """The profile's detector, at the size of the profile's canvas."""
        model = self.model(profile.detector, "detection")
        size = profile.canvas.width, profile.canvas.height

        def load() -> Detector:
            return _family(DETECTOR_FAMILIES, model)(self._network(model, size))

        return self._once((model.name, *size), load)

    def embedder(self, name: str) -> Embedder:
        """An embedder."""
        model = self.model(name, "embedding")

        def load() -> Embedder:
            assert model.crop  # the catalogue sees to both
            assert model.embedding_size
            return _family(EMBEDDER_FAMILIES, model)(self._network(model), model.crop, model.embedding_size)

        return self._once((model.name,), load)

    def attribute(self, name: str) -> Attribute:
        """An attribute network."""
        model = self.model(name, "attributes")

        def load() -> Attribute:
            assert model.crop  # the catalogue sees to it
            return _family(ATTRIBUTE_FAMILIES, model).make(self._network(model), model.crop)

        return self._once((model.name,), load)

    def tellers(self, profile: Profile) -> dict[str, str]:
        """Of each fact that a profile's networks tell, the network that tells it: of several the last."""
        return {fact: name for name in profile.attributes for fact in self._provides(name)}

    def _provides(self, name: str) -> tuple[str, ...]:
        """Names of the facts an attribute network tells; none if its family is not known here."""
        family = ATTRIBUTE_FAMILIES.get(self.model(name, "attributes").family)
        return family.provides if family else ()

    def _network(self, model: Model, size: tuple[int, int] | None = None) -> Network:
        spec = model.input if size is None else replace(model.input, width=size[0], height=size[1])
        path = self._store.path(model) if self._runtime.needs_files else Path(model.file)
        return self._runtime.load(model, path, spec)

    def _once(self, key: tuple[object, ...], load: Callable[[], T]) -> T:
        loaded: T | None = self._loaded.get(key)
        if loaded is not None:
            return loaded
        with self._lock:
            if key not in self._loaded:
                self._loaded[key] = load()
            result: T = self._loaded[key]
            return result


def _family(families: Mapping[str, F], model: Model) -> F:
    try:
        return families[model.family]
    except KeyError:
        raise IncompatibleGraph(
            f"{model.name} is of the family {model.family!r}, which this version cannot run for {model.task}; "
            f"it can run {', '.join(families)}."
        ) from None
