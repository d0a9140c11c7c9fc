"""The networks an engine has loaded: each once, whichever profiles and threads ask for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from vultus.attributes import ATTRIBUTE_FAMILIES, Attribute
from vultus.detect import DETECTOR_FAMILIES, Detector
from vultus.embed import EMBEDDER_FAMILIES, Embedder
from vultus.errors import IncompatibleGraph, PrecisionUnavailable, SettingsError, VultusError
from vultus.profiles import models_of
from vultus.runtime.network import Network, Parts, Runtime
from vultus.settings import LicencePolicy
from vultus.types import CanvasRule, Profile
from vultus.zoo.catalogue import Catalogue, Model, Task
from vultus.zoo.licence import check_licence
from vultus.zoo.quantized import PRECISION, Quantized
from vultus.zoo.store import Store

T = TypeVar("T")
F = TypeVar("F")

log = logging.getLogger(__name__)


class Networks:
    """Finds, loads and keeps networks by name.

    Args:
        catalogue: Which networks exist.
        store: Where their files are.
        runtime: What runs them.
        licence_policy: ``any`` or ``permissive``.
        quantized: Where int8 forms of networks are, for a runtime whose precision is ``int8``.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        store: Store,
        runtime: Runtime,
        licence_policy: LicencePolicy,
        quantized: Quantized | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._runtime = runtime
        self._licence_policy = licence_policy
        self._quantized = quantized if runtime.precision == PRECISION else None
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

    def check_precision(self, profile: Profile) -> None:
        """Where int8 was asked for, see to it that some detector or embedder has such a form; log who lacks one.

        Raises:
            PrecisionUnavailable: Neither the profile's detector nor its embedder nor a companion has one.
        """
        if self._quantized is None:
            return
        names = [model.name for model in models_of([replace(profile, attributes=())], self._catalogue)]
        lacking = [name for name in names if self.precision(name) != PRECISION]
        if lacking == names:
            raise PrecisionUnavailable(
                f"there is no int8 form of {' or '.join(names)} here; make one with `vultus models quantize PICTURES`, "
                "or set precision to f32."
            )
        for name in lacking:
            log.warning("%s has no int8 form and is computed in f32", name)

    def precision(self, name: str) -> str:
        """What a network is computed in, by its name or alias."""
        if self._quantized is None:
            return self._runtime.precision
        return PRECISION if self._quantized.find(self._catalogue.model(name)) else "f32"

    def path(self, model: Model) -> Path:
        """The verified file that a network is loaded from; for a runtime that needs none, what it is called."""
        if not self._runtime.needs_files:
            return Path(model.file)
        return self._find_quantized(model) or self._store.path(model)

    def fetch(self, profiles: Iterable[Profile]) -> None:
        """See to it that the files of all networks of the profiles are here; those that come together come once."""
        if self._runtime.needs_files:
            models = models_of(profiles, self._catalogue)
            self._store.paths([model for model in models if not self._find_quantized(model)])

    def canvases(self, profile: Profile) -> list[CanvasRule]:
        """How a picture is laid on the profile's detector's inputs: at the size of a detector that knows but one."""
        model = self.model(profile.detector, "detection")
        if not model.resizable:
            return [replace(profile.canvas, width=model.input.width, height=model.input.height, shape="square")]
        if model.companions:  # they look at pieces of the picture, and the black beside it costs them nothing
            return [replace(profile.canvas, shape="square")]
        return [profile.canvas, *([profile.second_canvas] if profile.second_canvas else [])]

    def detector(self, profile: Profile, size: tuple[int, int]) -> Detector:
        """The profile's detector for canvases of ``(width, height)``."""
        model = self.model(profile.detector, "detection")
        return self._once(
            (model.name, size, _is_exchanged(model, profile)),
            lambda: _family(DETECTOR_FAMILIES, model)(self._parts(model, profile, size)),
        )

    def embedder(self, profile: Profile) -> Embedder:
        """The profile's embedder; there must be one."""
        assert profile.embedder
        model = self.model(profile.embedder, "embedding")
        return self._once(
            (model.name, _is_exchanged(model, profile)),
            lambda: _family(EMBEDDER_FAMILIES, model)(self._parts(model, profile)),
        )

    def attribute(self, name: str, profile: Profile) -> Attribute:
        """One of the profile's attribute networks."""
        model = self.model(name, "attributes")
        return self._once(
            (model.name, _is_exchanged(model, profile)),
            lambda: _family(ATTRIBUTE_FAMILIES, model).make(self._parts(model, profile)),
        )

    def has(self, name: str, task: Task, *, fetch: bool = False) -> bool:
        """Whether a network can be used for ``task``: known, allowed, of a family run here, and its file had.

        Args:
            name: Name or alias.
            task: What for.
            fetch: A file that is not here will do if there is somewhere to fetch it from.
        """
        try:
            model = self.model(name, task)
        except VultusError:
            return False
        runs = self._runtime.families
        if model.checksum is None or model.family not in _FAMILIES[task] or not (runs is None or model.family in runs):
            return False
        if not self._runtime.needs_files or self._find_quantized(model) or self._store.find(model):
            return True
        return fetch and self._store.may_fetch(model)

    def tellers(self, profile: Profile) -> dict[str, str]:
        """Of each fact that a profile's networks tell, the network that tells it: of several the last."""
        return {fact: name for name in profile.attributes for fact in self._provides(name)}

    def _provides(self, name: str) -> tuple[str, ...]:
        """Names of the facts an attribute network tells; none if its family is not known here."""
        family = ATTRIBUTE_FAMILIES.get(self.model(name, "attributes").family)
        return family.provides if family else ()

    def _parts(self, model: Model, profile: Profile, size: tuple[int, int] | None = None) -> Parts:
        def load(name: str, size: tuple[int, int] | None) -> Network:
            part = self._catalogue.model(name)
            spec = part.input if size is None else replace(part.input, width=size[0], height=size[1])
            if _is_exchanged(model, profile):
                spec = replace(spec, color="bgr" if spec.color == "rgb" else "rgb")
            return self._runtime.load(part, self.path(part), spec)

        return Parts(model, load, size)

    def _find_quantized(self, model: Model) -> Path | None:
        return self._quantized.find(model) if self._quantized else None

    def _once(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """What goes by this key; made when it is first asked for."""
        loaded: T | None = self._loaded.get(key)
        if loaded is not None:
            return loaded
        with self._lock:
            if key not in self._loaded:
                self._loaded[key] = make()
            result: T = self._loaded[key]
            return result


_FAMILIES: Mapping[Task, Collection[str]] = MappingProxyType(
    {"detection": DETECTOR_FAMILIES, "embedding": EMBEDDER_FAMILIES, "attributes": ATTRIBUTE_FAMILIES}
)


def _is_exchanged(model: Model, profile: Profile) -> bool:
    return model.name in profile.exchanged


def _family(families: Mapping[str, F], model: Model) -> F:
    try:
        return families[model.family]
    except KeyError:
        raise IncompatibleGraph(
            f"{model.name} is of the family {model.family!r}, which this version cannot run for {model.task}; "
            f"it can run {', '.join(families)}."
        ) from None
