"""Every knob, once: default, environment variable, command-line flag and help text all come from here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from vultus.errors import SettingsError

ENV_PREFIX = "VULTUS_"


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "vultus" / "models"


class Settings(BaseSettings):
    """All settings. Each may be given as ``VULTUS_<NAME>`` in the environment or as ``--<name>`` where it applies."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, protected_namespaces=(), validate_default=True
    )

    # Networks
    pack: str = Field("small", description="Pack of networks to use; `vultus models list` shows them.")
    detector: str | None = Field(None, description="Detector to use instead of the pack's.")
    embedder: str | None = Field(None, description="Embedder to use instead of the pack's.")
    models: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Further catalogue files (TOML), merged over the built-in one."
    )
    model_path: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders searched for network files before anything is fetched."
    )
    model_cache: Path = Field(
        default_factory=_default_cache, description="Folder fetched network files are kept in; may be read-only."
    )
    offline: bool = Field(False, description="Never fetch anything; use what is in model-path and the cache.")
    license_policy: Literal["any", "permissive"] = Field(
        "any", description="`permissive` refuses networks whose licence forbids commercial use or is not stated."
    )

    # Inference
    runtime: Literal["auto", "openvino", "onnx", "dummy"] = Field(
        "auto", description="Inference engine. `dummy` needs no weights and finds made-up faces: for tests only."
    )
    device: str = Field("cpu", description="Device the networks run on, as the engine names it.")
    precision: Literal["f32", "bf16", "auto"] = Field(
        "f32", description="Arithmetic: f32 is exact, bf16 faster where the CPU has it, auto takes bf16 if it is there."
    )
    streams: int = Field(0, ge=0, le=1024, description="Worker threads, one inference stream each; 0: one per core.")

    # Detection defaults of the native API and the command line
    canvas: int = Field(640, ge=64, le=4096, multiple_of=32, description="Side of the detector's square input, pixels.")
    threshold: float = Field(0.5, gt=0, lt=1, description="Detector score above which a face counts.")
    nms_threshold: float = Field(0.4, gt=0, lt=1, description="Overlap (IoU) above which the weaker box is dropped.")

    # Limits
    max_picture_bytes: int = Field(20 * 2**20, ge=1, description="Largest encoded picture, bytes.")
    max_picture_pixels: int = Field(50_000_000, ge=1, description="Largest picture, pixels (width x height).")
    max_request_bytes: int = Field(64 * 2**20, ge=1, description="Largest request body, bytes.")
    max_request_pictures: int = Field(256, ge=1, description="Most pictures in one request.")
    request_timeout: float = Field(60.0, ge=0, description="Seconds after which a request is given up; 0: never.")

    # Pictures by name
    image_root: Path | None = Field(
        None, description="Folder that clients may name picture files below; unset: file names are refused."
    )
    fetch_urls: bool = Field(False, description="Fetch pictures from http(s) addresses that clients name.")
    fetch_private: bool = Field(
        False, description="Also fetch from private, loopback and link-local addresses. Dangerous on a shared network."
    )
    fetch_timeout: float = Field(20.0, gt=0, description="Seconds one picture's download may take.")

    # Server
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(18081, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    dialects: Annotated[tuple[str, ...], NoDecode] = Field(
        ("insightface-rest",), description="Other services' APIs to offer beside /v1, comma-separated."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much the log says.")

    @field_validator("models", "model_path", mode="before")
    @classmethod
    def _split_paths(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the environment or the caller gave
        if isinstance(value, str | Path):
            return tuple(part for part in str(value).split(os.pathsep) if part)
        return value

    @field_validator("dialects", mode="before")
    @classmethod
    def _split_names(cls, value: Any) -> Any:  # noqa: ANN401
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def load_settings(**given: Any) -> Settings:  # noqa: ANN401 - checked by the model
    """Settings from the environment, with ``given`` values (``None`` is skipped) taking precedence.

    Raises:
        SettingsError: A value is unknown, of the wrong type or out of range; the message names each.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']} (got {item['input']!r})"
            for item in error.errors()
        )
        raise SettingsError(f"settings cannot be used: {problems}") from error
