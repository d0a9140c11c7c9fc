"""All settings together, and where their values come from."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import PrivateAttr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from vultus.compat import PRODUCTS, Translation, translate
from vultus.compat.source import CompatSource
from vultus.errors import SettingsError
from vultus.settings.access import Access
from vultus.settings.cluster import Ray
from vultus.settings.groups import (
    Admission,
    ArcFaceApi,
    CompreFace,
    Connections,
    Detection,
    Inference,
    InsightFaceRest,
    Networks,
    Operations,
    PictureLimits,
    PicturesByName,
    RequestLimits,
    Server,
)

ENV_PREFIX = "VULTUS_"


class Settings(
    Networks,
    Inference,
    Detection,
    PictureLimits,
    RequestLimits,
    Connections,
    Admission,
    PicturesByName,
    Server,
    Access,
    Operations,
    InsightFaceRest,
    ArcFaceApi,
    CompreFace,
    Ray,
    BaseSettings,
):
    """All settings. Each may be given as ``VULTUS_<NAME>`` in the environment or as ``--<name>`` where it applies.

    An empty environment variable counts as not given. Folders and files may begin with ``~``; lists of them are
    separated as in ``PATH``; sizes are bytes or carry a unit (``20MiB``).
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        protected_namespaces=(),
        validate_default=True,
    )

    _remarks: tuple[str, ...] = PrivateAttr(default=())

    @property
    def remarks(self) -> tuple[str, ...]:
        """What of the environment of the service in ``compat`` is not as it was there, one sentence each."""
        return self._remarks

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - there is no such file
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - nor such a folder
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments go before ``VULTUS_*``, and those before the variables of the service in ``compat``."""
        return init_settings, env_settings, CompatSource(settings_cls)


def served(settings: Settings) -> Settings:
    """The settings with what is unset as a server has it: there pictures are rarely alone, and memory counts more."""
    return settings.model_copy(update={"all_cores": bool(settings.all_cores)})


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return ENV_PREFIX + name.upper()


def load_settings(**given: Any) -> Settings:  # noqa: ANN401 - checked by the model
    """Settings from the environment, with ``given`` values (``None`` is skipped) taking precedence.

    Raises:
        SettingsError: A value is unknown, of the wrong type or out of range, or two contradict each other; the
            message names each, and the environment variable it came from.
    """
    given = {name: value for name, value in given.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        problems = "; ".join(
            _problem(str(item["loc"][0]), item["msg"], item["input"], given) for item in error.errors()
        )
        raise SettingsError(f"settings cannot be used: {problems}") from error
    if settings.compat and settings.compat not in settings.dialects:
        told = (f"{_source_of(name, given)}={getattr(settings, name)!r}" for name in ("compat", "dialects"))
        raise SettingsError(
            f"{' and '.join(told)} contradict each other: name {settings.compat} in both, or remove one"
        )
    if foreign := _foreign(given):
        settings._remarks = foreign.remarks
    return settings


def _foreign(given: Mapping[str, object]) -> Translation | None:
    """What the environment of the service in ``compat`` means beside what is ``given`` or in ``VULTUS_*``."""
    own = {name.upper() for name, value in os.environ.items() if value}
    named = {name for name in Settings.model_fields if name in given or variable_of(name) in own}
    product = PRODUCTS.get(str(given.get("compat") or os.environ.get(variable_of("compat"))))
    return translate(product, os.environ, named) if product else None


def _source_of(name: str, given: Mapping[str, object]) -> str:
    if name in given:
        return name
    return (foreign.origins if (foreign := _foreign(given)) else {}).get(name, variable_of(name))


def _problem(name: str, message: str, value: object, given: Mapping[str, object]) -> str:
    if name not in Settings.model_fields:
        return f"{name}: there is no such setting{_hint(name, Settings.model_fields)}"
    origin = "" if name in given else f" from {_source_of(name, given)}"
    got = repr(value) if Settings.model_fields[name].repr else "what is not shown here"  # it may hold secrets
    return f"{name}: {message.removeprefix('Value error, ')} (got {got}{origin})"


def misspelt_variables(environment: Mapping[str, str]) -> tuple[str, ...]:
    """One sentence for each variable that looks like a setting's but is none.

    Variables that resemble no setting are left alone: orchestrators put names such as ``VULTUS_SERVICE_HOST`` into
    the environment.
    """
    known = [variable_of(name) for name in Settings.model_fields]
    strangers = (name for name in environment if name.startswith(ENV_PREFIX) and name not in known)
    hints = ((name, _hint(name, known)) for name in sorted(strangers))
    return tuple(f"{name} is no setting{hint}" for name, hint in hints if hint)


def _hint(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return f"; did you mean {near[0]}?" if near else ""
