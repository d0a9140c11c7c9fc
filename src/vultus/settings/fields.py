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
from vultus.settings.keys import check_areas, parse_keys

INSIGHTFACE_REST_FLAGS = ("return_face_data", "return_landmarks", "extract_embedding", "extract_ga", "detect_masks")
"""Flags of InsightFace-REST's requests whose defaults can be set."""

_ORIGIN = re.compile(r"https?://[^/\s?#@*]+")
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


def _check_file(path: Path) -> Path:
    if not path.exists() or path.is_dir():
        raise ValueError("there is no such file")
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


def _check_keys(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(str, parse_keys(texts)))


def _check_areas(names: tuple[str, ...]) -> tuple[str, ...]:
    if names:
        check_areas(names)
    return names


def _check_open_paths(paths: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [path for path in paths if not path.startswith("/") or "*" in path[:-1]]:
        raise ValueError(f"{', '.join(wrong)}: a path begins with /, and * may only stand at its end")
    return paths


def _check_origins(names: tuple[str, ...]) -> tuple[str, ...]:
    origins = tuple(name.lower() for name in names)
    if wrong := [name for name in origins if name != "*" and not _ORIGIN.fullmatch(name)]:
        raise ValueError(f"{', '.join(wrong)}: an origin is scheme and host, such as https://app.example.org, or *")
    return origins


UserPath: TypeAlias = Annotated[Path, AfterValidator(_expand)]
Paths: TypeAlias = Annotated[tuple[UserPath, ...], NoDecode, BeforeValidator(_split_paths)]
Names: TypeAlias = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)]
Folder: TypeAlias = Annotated[UserPath, AfterValidator(_check_folder)]
File: TypeAlias = Annotated[UserPath, AfterValidator(_check_file)]
Schemes: TypeAlias = Annotated[Names, AfterValidator(_check_schemes)]
Hosts: TypeAlias = Annotated[Names, AfterValidator(_check_hosts)]
Flags: TypeAlias = Annotated[Names, AfterValidator(_check_flags)]
Keys: TypeAlias = Annotated[Names, AfterValidator(_check_keys)]
Areas: TypeAlias = Annotated[Names, AfterValidator(_check_areas)]
OpenPaths: TypeAlias = Annotated[Names, AfterValidator(_check_open_paths)]
Origins: TypeAlias = Annotated[Names, AfterValidator(_check_origins)]
LicencePolicy: TypeAlias = Literal["any", "permissive"]
