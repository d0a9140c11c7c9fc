"""What a setting may be, where a type alone does not say it."""

from __future__ import annotations

import os
import re
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from vultus.errors import SettingsError

INSIGHTFACE_REST_FLAGS = ("return_face_data", "return_landmarks", "extract_embedding", "extract_ga", "detect_masks")
"""Flags of InsightFace-REST's requests whose defaults can be set."""

_HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")  # a name, all below one, or an IPv4 address


def default_cache() -> Path:
    """`vultus/models` below `$XDG_CACHE_HOME` or `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "vultus" / "models"
    except RuntimeError as error:
        raise SettingsError("model_cache: this user has no home folder; name a folder for network files") from error


def _expand(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(str(error)) from error


def _check_folder(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError("there is no such folder")
    return path


def _split(value: Any, separator: str) -> Any:  # noqa: ANN401 - whatever the environment or the caller gave
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(separator) if part.strip())
    if isinstance(value, list | tuple):
        return tuple(part for item in value for part in (_split(item, separator) if isinstance(item, str) else (item,)))
    return value


def _split_paths(value: Any) -> Any:  # noqa: ANN401
    return (value,) if isinstance(value, Path) else _split(value, os.pathsep)


def _split_names(value: Any) -> Any:  # noqa: ANN401
    names = _split(value, ",")
    return () if names == ("none",) else names


def _check_schemes(names: tuple[str, ...]) -> tuple[str, ...]:
    schemes = tuple(name.lower() for name in names)
    if not schemes or set(schemes) - {"http", "https"}:
        raise ValueError("must be http, https or both")
    return schemes


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _check_hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    hosts = tuple(name.lower().rstrip(".") for name in names)
    if wrong := [name for name in hosts if not (_HOST.fullmatch(name) or _is_ipv6(name))]:
        raise ValueError(f"{', '.join(wrong)}: not the name or address of a host, as it stands between // and : or /")
    return hosts


def _check_flags(names: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := [name for name in names if name not in INSIGHTFACE_REST_FLAGS]:
        raise ValueError(f"there is no {', '.join(unknown)}; there are: {', '.join(INSIGHTFACE_REST_FLAGS)}")
    return names


UserPath: TypeAlias = Annotated[Path, AfterValidator(_expand)]
Paths: TypeAlias = Annotated[tuple[UserPath, ...], NoDecode, BeforeValidator(_split_paths)]
Names: TypeAlias = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)]
Folder: TypeAlias = Annotated[UserPath, AfterValidator(_check_folder)]
Schemes: TypeAlias = Annotated[Names, AfterValidator(_check_schemes)]
Hosts: TypeAlias = Annotated[Names, AfterValidator(_check_hosts)]
Flags: TypeAlias = Annotated[Names, AfterValidator(_check_flags)]
LicencePolicy: TypeAlias = Literal["any", "permissive"]
