"""Every knob, once: default, environment variable, command-line flag and help text all come from here."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ByteSize, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from vultus.errors import SettingsError

ENV_PREFIX = "VULTUS_"

INSIGHTFACE_REST_FLAGS = ("return_face_data", "return_landmarks", "extract_embedding", "extract_ga", "detect_masks")
"""Flags of InsightFace-REST's requests whose defaults can be set."""

_HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")  # a name, all below one, or an IPv4 address


def _default_cache() -> Path:
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
LicencePolicy: TypeAlias = Literal["any", "permissive"]


class Networks(BaseModel):
    """Networks: which networks are used, and where their files come from."""

    pack: str = Field(default="small", description="Pack of networks to use; `vultus models list` shows them.")
    detector: str | None = Field(default=None, description="Detector to use instead of the pack's.")
    embedder: str | None = Field(default=None, description="Embedder to use instead of the pack's.")
    attributes: Names = Field(
        default=(),
        description="Attribute networks to use beside the pack's, comma-separated; the last that tells a fact counts.",
    )
    models: Paths = Field(default=(), description="Further catalogue files (TOML), merged over the built-in one.")
    model_path: Paths = Field(default=(), description="Folders searched for network files before anything is fetched.")
    model_cache: UserPath = Field(
        default_factory=_default_cache, description="Folder fetched network files are kept in; may be read-only."
    )
    offline: bool = Field(default=False, description="Never fetch anything; use what is in model-path and the cache.")
    license_policy: LicencePolicy = Field(
        default="any",
        description="`permissive` refuses networks whose licence forbids commercial use or is not stated.",
    )


class Inference(BaseModel):
    """Inference: what computes, and how exactly."""

    runtime: Literal["auto", "openvino", "onnx", "dummy"] = Field(
        default="auto",
        description="Inference engine. `dummy` needs no weights and finds made-up faces: for tests only.",
    )
    device: str = Field(default="cpu", description="Device the networks run on, as the engine names it.")
    precision: Literal["f32", "bf16", "auto"] = Field(
        default="f32",
        description="Arithmetic: f32 is exact, bf16 faster where the CPU has it, auto takes bf16 if it is there.",
    )
    streams: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="How many runs of one network are computed at once, each on one core; 0: one per core.",
    )


class Detection(BaseModel):
    """Detection: defaults of the native API and the command line."""

    canvas: int = Field(
        default=640, ge=64, le=4096, multiple_of=32, description="Side of the detector's square input, pixels."
    )
    threshold: float = Field(default=0.5, gt=0, lt=1, description="Detector score above which a face counts.")
    nms_threshold: float = Field(
        default=0.4, gt=0, lt=1, description="Overlap (IoU) above which the weaker box is dropped."
    )


class PictureLimits(BaseModel):
    """Picture limits: what one picture may cost."""

    max_picture_bytes: ByteSize = Field(default=ByteSize(20 * 2**20), ge=1, description="Largest encoded picture.")
    max_picture_pixels: int = Field(default=50_000_000, ge=1, description="Largest picture, pixels (width x height).")
    max_picture_faces: int = Field(
        default=1000, ge=1, description="Most faces of one picture: those with the best scores are kept."
    )


class RequestLimits(BaseModel):
    """Request limits: what one request may cost."""

    max_request_bytes: ByteSize = Field(default=ByteSize(64 * 2**20), ge=1, description="Largest request body.")
    max_request_pictures: int = Field(default=256, ge=1, description="Most pictures in one request.")
    request_timeout: float = Field(
        default=60.0, ge=0, allow_inf_nan=False, description="Seconds after which a request is given up; 0: never."
    )


class PicturesByName(BaseModel):
    """Pictures by name: whether clients may name files and addresses instead of sending pictures."""

    image_root: Annotated[UserPath, AfterValidator(_check_folder)] | None = Field(
        default=None, description="Folder that clients may name picture files below; unset: file names are refused."
    )
    fetch_urls: bool = Field(default=False, description="Fetch pictures from http(s) addresses that clients name.")
    fetch_schemes: Annotated[Names, AfterValidator(_check_schemes)] = Field(
        default=("http", "https"), description="Schemes of such addresses, comma-separated; `https` alone is stricter."
    )
    fetch_hosts: Annotated[Names, AfterValidator(_check_hosts)] = Field(
        default=(),
        description="Hosts to fetch from, comma-separated; `*.example.org`: every name below example.org; unset: any.",
    )
    fetch_private: bool = Field(
        default=False,
        description="Also fetch from private, loopback and link-local addresses. Dangerous on a shared network.",
    )
    fetch_timeout: float = Field(
        default=20.0, gt=0, allow_inf_nan=False, description="Seconds one picture's download may take."
    )


class Server(BaseModel):
    """Server: where it listens, what it offers, what it logs."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(default=18081, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    dialects: Names = Field(
        default=("insightface-rest", "face-triton", "arcface-api"),
        description="Other services' APIs to offer beside /v1, comma-separated; `none` for /v1 alone.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="How much the log says."
    )


class InsightFaceRest(BaseModel):
    """InsightFace-REST: how its API behaves."""

    ifr_threshold: float = Field(
        default=0.6, ge=0, le=1, description="Detector score above which a face counts where the request does not say."
    )
    ifr_flags: Annotated[Names, AfterValidator(_check_flags)] = Field(
        default=("extract_embedding",),
        description="Flags that are on where the request does not say, comma-separated, of `return_face_data`, "
        "`return_landmarks`, `extract_embedding`, `extract_ga`, `detect_masks`; `none` for none.",
    )
    ifr_form: Literal["1", "2"] | None = Field(
        default=None,
        description="Form of answers to requests without `api_ver`; unset: as in 2020 where they carry `max_size`, "
        "else today's (2).",
    )


class ArcFaceApi(BaseModel):
    """ArcFace API: what its answers look like."""

    arcface_api_form: Literal["flat", "nested"] = Field(
        default="flat",
        description="`flat`: as documented, errors as HTTP statuses; `nested`: as its C# client reads it, the "
        "embedding in a list of its own and errors with status 200.",
    )
    arcface_api_boxes: Literal["pixels", "fractions"] = Field(
        default="pixels", description="Units of its boxes; `fractions` of the picture's width and height."
    )


GROUPS: tuple[type[BaseModel], ...] = (
    Networks,
    Inference,
    Detection,
    PictureLimits,
    RequestLimits,
    PicturesByName,
    Server,
    InsightFaceRest,
    ArcFaceApi,
)
"""The groups of settings, in the order they are shown."""


class Settings(
    Networks,
    Inference,
    Detection,
    PictureLimits,
    RequestLimits,
    PicturesByName,
    Server,
    InsightFaceRest,
    ArcFaceApi,
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


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return ENV_PREFIX + name.upper()


def load_settings(**given: Any) -> Settings:  # noqa: ANN401 - checked by the model
    """Settings from the environment, with ``given`` values (``None`` is skipped) taking precedence.

    Raises:
        SettingsError: A value is unknown, of the wrong type or out of range; the message names each, and the
            environment variable it came from.
    """
    given = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = "; ".join(
            _problem(str(item["loc"][0]), item["msg"], item["input"], given) for item in error.errors()
        )
        raise SettingsError(f"settings cannot be used: {problems}") from error


def _problem(name: str, message: str, value: object, given: Mapping[str, object]) -> str:
    if name not in Settings.model_fields:
        return f"{name}: there is no such setting{_hint(name, Settings.model_fields)}"
    origin = "" if name in given else f" from {variable_of(name)}"
    return f"{name}: {message.removeprefix('Value error, ')} (got {value!r}{origin})"


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
