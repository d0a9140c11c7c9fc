"""Settings of who may ask, and over what."""

from __future__ import annotations

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from vultus.settings.fields import Areas, File, Keys, Names, OpenPaths, Origins


class Access(BaseModel):
    """Access: who may ask, and over what."""

    keys: Keys = Field(
        default=(),
        repr=False,
        description="API keys that are let in, comma-separated, as `vultus keys new` writes them; unset, and no "
        "keys-file: everybody is.",
    )
    keys_file: File | None = Field(default=None, description="File with such entries, one a line.")
    keyless: Areas = Field(
        default=(), description="What needs no key: `v1`, `metrics`, names of dialects, comma-separated."
    )
    open_paths: OpenPaths = Field(
        default=("/live", "/ready", "/health", "/healthcheck"),
        description="Paths that need no key, comma-separated; `/docs*`: all that begin with /docs.",
    )
    tls_cert: File | None = Field(
        default=None, description="Certificate (PEM, its chain behind it): HTTPS is spoken, and no plain HTTP."
    )
    tls_key: File | None = Field(default=None, description="Its private key; unset: it stands in tls-cert.")
    tls_password: File | None = Field(default=None, description="File with that key's password, if it has one.")
    cors_origins: Origins = Field(
        default=("*",),
        description="Origins whose pages may ask (CORS), such as https://app.example.org; `*`: all; `none`: none.",
    )
    cors_methods: Names = Field(default=("*",), description="Methods that they may use.")
    cors_headers: Names = Field(default=("*",), description="Header fields that they may send.")
    cors_cookies: bool = Field(
        default=False, description="Whether browsers may send cookies along; only with cors-origins that are named."
    )

    @field_validator("tls_key", "tls_password")
    @classmethod
    def _check_cert(cls, value: object, info: ValidationInfo) -> object:
        if value is not None and info.data.get("tls_cert", "") is None:
            raise ValueError("is for tls_cert, which is not set")
        return value

    @field_validator("cors_cookies")
    @classmethod
    def _check_origins(cls, value: bool, info: ValidationInfo) -> bool:
        if value and "*" in info.data.get("cors_origins", ()):
            raise ValueError("cors_origins has to name origins: pages of any origin must not use others' cookies")
        return value
