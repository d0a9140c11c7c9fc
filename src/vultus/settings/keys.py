"""API keys as settings hold them: a name, what the key is for, and a digest of it; never the key itself."""

from __future__ import annotations

import hashlib
import math
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from vultus.compat import PRODUCTS

if TYPE_CHECKING:
    from vultus.settings.load import Settings

ANY = "*"
"""The scope of a key that is good for everything."""

AREAS = ("v1", *PRODUCTS, "metrics")
"""What a key may be good for: the native API, each dialect, the metrics."""

_PREFIX = "vultus_"  # so that people, and scanners for leaked secrets, know one when they see it
_BYTES = 32  # of randomness
_LEAST = 22  # characters: 128 bits in base64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_RATE = re.compile(r"(?P<rate>\d{1,9}(\.\d{1,6})?)(/(?P<burst>\d{1,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something may happen.

    Attributes:
        rate: A second, in the long run; above 0.
        burst: At once; at least 1.
    """

    rate: float
    burst: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """``RATE`` or ``RATE/BURST``; the burst is otherwise what may happen in a second.

        Raises:
            ValueError: It is something else.
        """
        found = _RATE.fullmatch(text)
        rate = float(found["rate"]) if found else 0.0
        burst = int(found["burst"] or max(1, math.ceil(rate))) if found else 0
        if not rate or not burst:
            raise ValueError("a rate is written RATE or RATE/BURST, both above 0, such as 5 or 0.5/10")
        return cls(rate, burst)

    def __str__(self) -> str:
        return f"{self.rate:.6f}".rstrip("0").rstrip(".") + f"/{self.burst}"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key.

    Attributes:
        name: Of who has it, for logs and metrics.
        scopes: What it is good for: of ``AREAS``, or ``ANY``.
        digest: SHA-256 of the key in UTF-8, hexadecimal.
        requests, pictures: How many it may send; ``None``: any number.
    """

    name: str
    scopes: frozenset[str]
    digest: str = field(repr=False)
    requests: Rate | None = None
    pictures: Rate | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """``NAME:SCOPE+SCOPE:DIGEST``, and behind it ``:requests=RATE`` and ``:pictures=RATE``.

        Raises:
            ValueError: It is something else. The message does not hold the text, which may be a key in the wrong place.
        """
        parts = text.split(":")
        (name, scopes, digest), limits = [*parts, "", ""][:3], parts[3:]
        if not _NAME.fullmatch(name) or not _DIGEST.fullmatch(digest.lower()):
            raise ValueError("not NAME:SCOPES:SHA256 as `vultus keys` writes it")
        given = dict(limit.partition("=")[::2] for limit in limits)
        if len(given) < len(limits) or given.keys() - {"requests", "pictures"}:
            raise ValueError("behind the digest only requests=RATE and pictures=RATE may stand, each once")
        rates = {what: Rate.parse(rate) for what, rate in given.items()}
        return cls(name, check_areas(scopes.split("+"), (*AREAS, ANY)), digest.lower(), **rates)

    def __str__(self) -> str:
        limits = [f":{what}={rate}" for what in ("requests", "pictures") if (rate := getattr(self, what))]
        return f"{self.name}:{'+'.join(sorted(self.scopes))}:{self.digest}{''.join(limits)}"

    def allows(self, area: str | None) -> bool:
        """Whether it is good for an area; ``None``: what belongs to none is open to every key."""
        return area is None or area in self.scopes or ANY in self.scopes


def needs_keys(settings: Settings) -> bool:
    """Whether keys are asked for at all."""
    return bool(settings.keys) or settings.keys_file is not None


def parse_keys(texts: Sequence[str], what: str = "entry") -> tuple[ApiKey, ...]:
    """The keys that are written so; blank texts and those that begin with ``#`` are skipped.

    Args:
        texts: See ``ApiKey.parse``.
        what: What a text is called in errors, which count from 1.

    Raises:
        ValueError: A text is something else, or two have the same name or digest.
    """
    keys: list[ApiKey] = []
    for number, text in enumerate(map(str.strip, texts), 1):
        if not text or text.startswith("#"):
            continue
        try:
            key = ApiKey.parse(text)
        except ValueError as error:
            raise ValueError(f"{what} {number}: {error}") from None
        if any(key.name == other.name or key.digest == other.digest for other in keys):
            raise ValueError(f"{what} {number}: the key or its name stands here twice")
        keys.append(key)
    return tuple(keys)


def check_areas(names: Iterable[str], known: Sequence[str] = AREAS) -> frozenset[str]:
    """The names, each once.

    Raises:
        ValueError: One is none of those that are known, or there is none.
    """
    found = frozenset(names)
    if not found or found - set(known):
        raise ValueError(f"scopes are {', '.join(known)}")
    return found


def new_key() -> str:
    """A key that nobody can guess: 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(_BYTES)


def digest_of(key: str) -> str:
    """What is kept of a key: its SHA-256.

    A slow hash is for passwords, which can be guessed. Of 256 random bits nobody tries a part that matters, however
    fast the hash, while a slow one would let every stranger's request cost the server as much as a picture.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def check_strength(key: str) -> None:
    """Refuse what is too short to be a key that was made by chance.

    Raises:
        ValueError: It is.
    """
    if len(key) < _LEAST or len(set(key)) < _LEAST // 2:
        raise ValueError(f"a key needs at least {_LEAST} characters, made by chance; `vultus keys new` makes one")
