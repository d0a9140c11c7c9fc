"""Environments of services as compose and env files write them."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

import yaml
from dotenv import dotenv_values

from vultus.errors import SettingsError

_REFERENCE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<bare>[A-Za-z_]\w*)|"
    r"\{(?P<name>[A-Za-z_]\w*)(?:(?P<sign>:?[-?+])(?P<word>(?:[^{}]|\$\{[^{}]*\})*))?\})"
)
_KEPT_TAGS = frozenset({"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"})


@dataclass(frozen=True, slots=True)
class Service:
    """What a file says of one service.

    Attributes:
        name: Its name; empty for an env file.
        image: Names of its image and of the folder it is built from.
        environment: Its variables.
        ports: Its container's ports that are published.
        mounts: Folder in its container -> folder on this machine.
    """

    name: str
    image: str
    environment: Mapping[str, str]
    ports: tuple[int, ...] = ()
    mounts: Mapping[PurePosixPath, Path] = field(default_factory=lambda: MappingProxyType({}))

    def outside(self, folder: str) -> Path | None:
        """Where a folder of its container is on this machine, if that is mounted."""
        for inside, here in self.mounts.items():
            if PurePosixPath(folder).is_relative_to(inside):
                return here / PurePosixPath(folder).relative_to(inside)
        return None


def read_services(file: Path) -> list[Service]:
    """The services of a compose file (``.yml``, ``.yaml``), or the one of an env file.

    References such as ``${NAME:-default}`` are resolved as compose does it: from this process's environment, then from
    the ``.env`` beside the file.

    Raises:
        SettingsError: The file cannot be read, or is not what it should be.
    """
    if file.suffix.lower() not in (".yml", ".yaml"):
        return [Service("", "", _read_env(file))]
    beside = file.parent / ".env"
    known = (_read_env(beside) if beside.is_file() else {}) | dict(os.environ)
    try:
        document = yaml.load(_read(file), Loader=_Loader)  # noqa: S506 - a SafeLoader, and fewer types
    except yaml.YAMLError as error:
        raise SettingsError(f"{file} is not YAML: {error}") from error
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict):
        raise SettingsError(f"{file} has no services; is it a compose file?")
    return [_service(name, _resolve(entry or {}, known), file.parent, known) for name, entry in services.items()]


class _Loader(yaml.SafeLoader):
    """Leaves numbers, booleans and dates the text they are in an environment."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as in the class it overrides
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _KEPT_TAGS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _service(name: str, entry: Any, folder: Path, known: Mapping[str, str]) -> Service:  # noqa: ANN401 - YAML
    if not isinstance(entry, dict):
        raise SettingsError(f"services.{name} is not a mapping")
    build = entry.get("build") or {}
    parts = build.values() if isinstance(build, dict) else [build]
    environment: dict[str, str] = {}
    for file in _env_files(entry.get("env_file"), folder):
        environment |= _read_env(file)
    return Service(
        name=name,
        image=" ".join(part for part in (entry.get("image"), *parts) if isinstance(part, str)),
        environment=environment | dict(_environment(entry.get("environment"), known)),
        ports=tuple(_ports(entry.get("ports"))),
        mounts=dict(_mounts(entry.get("volumes"), folder)),
    )


def _environment(entry: Any, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    if isinstance(entry, dict):
        pairs = [(str(name), value) for name, value in entry.items()]
    else:
        lines = [str(line).partition("=") for line in entry or ()]
        pairs = [(name, value if sign else None) for name, sign, value in lines]
    for name, value in pairs:
        if value is not None:
            yield name, str(value)
        elif name in known:  # a name alone is handed on
            yield name, known[name]


def _env_files(entry: Any, folder: Path) -> Iterator[Path]:  # noqa: ANN401
    for item in entry if isinstance(entry, list) else [entry] if entry else []:
        path = folder / str(item["path"] if isinstance(item, dict) else item)
        is_required = not isinstance(item, dict) or item.get("required", "true") != "false"
        if is_required or path.is_file():
            yield path


def _ports(entries: Any) -> Iterator[int]:  # noqa: ANN401
    for entry in entries or ():
        text = str(entry.get("target") if isinstance(entry, dict) else entry)
        port = text.rpartition(":")[2].partition("/")[0]
        if port.isdecimal():
            yield int(port)


def _mounts(entries: Any, folder: Path) -> Iterator[tuple[PurePosixPath, Path]]:  # noqa: ANN401
    for entry in entries or ():
        if isinstance(entry, dict):
            source, target = str(entry.get("source") or ""), str(entry.get("target") or "")
        else:
            source, target = [*str(entry).split(":"), ""][:2]
        if target and source.startswith((".", "/", "~")):  # any other is a volume's name
            yield PurePosixPath(target), folder / Path(source).expanduser()


def _resolve(entry: Any, known: Mapping[str, str]) -> Any:  # noqa: ANN401
    match entry:
        case str():
            return _REFERENCE.sub(lambda found: _referred(found, known), entry)
        case dict():
            return {name: _resolve(value, known) for name, value in entry.items()}
        case list():
            return [_resolve(value, known) for value in entry]
    return entry


def _referred(found: re.Match[str], known: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    name, sign = found["bare"] or found["name"], found["sign"] or ""
    value = known.get(name)
    is_there = bool(value) if sign.startswith(":") else value is not None
    word = str(_resolve(found["word"] or "", known))
    if sign.endswith("+"):
        return word if is_there else ""
    if sign.endswith("?") and not is_there:
        raise SettingsError(f"the compose file needs the variable {name}: {word or 'it is not set'}")
    return (value or "") if is_there or not sign else word


def _read_env(file: Path) -> dict[str, str]:
    values = dotenv_values(stream=io.StringIO(_read(file)))
    return {name: value for name, value in values.items() if value is not None}


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} cannot be read: it is not UTF-8") from error
