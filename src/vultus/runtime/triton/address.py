"""Where a server is, and in which protocol it is asked: ``grpc://host:8001``, ``http://host:8000``, or with TLS."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, Self, TypeAlias, cast
from urllib.parse import urlsplit

from vultus.errors import SettingsError

Scheme: TypeAlias = Literal["grpc", "grpcs", "http", "https"]

_PORTS: dict[str, int] = {"grpc": 8001, "grpcs": 8001, "http": 8000, "https": 443}
"""Of each scheme, where none is given: Triton's own, but for HTTPS, which it leaves to a proxy."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a server.

    Attributes:
        scheme: Its protocol.
        host: Name or number; of IPv6 without brackets.
        port: Its port.
        path: What goes before ``/v2``, over HTTP; empty or beginning with a slash.
    """

    scheme: Scheme
    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, url: str) -> Self:
        """The address that a setting names.

        Raises:
            SettingsError: It names none.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise SettingsError(f"triton_url {url!r} is no address: {error}.") from error
        is_plain = not (parts.username or parts.password or parts.query or parts.fragment)
        path = parts.path.rstrip("/")
        if parts.scheme not in _PORTS or not parts.hostname or not is_plain or (path and parts.scheme.startswith("g")):
            raise SettingsError(f"triton_url {url!r} is no address such as grpc://host:8001 or http://host:8000.")
        return cls(cast("Scheme", parts.scheme), parts.hostname, port or _PORTS[parts.scheme], path)

    @property
    def is_secure(self) -> bool:
        """Whether it speaks TLS."""
        return self.scheme in ("grpcs", "https")

    @property
    def netloc(self) -> str:
        """Host and port as addresses have them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.path}"

    def is_here(self) -> bool:
        """Whether all that the host's name stands for is this machine's own loopback."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError:
            return False
        return all(ip_address(str(sockaddr[0]).partition("%")[0]).is_loopback for *_, sockaddr in found)
