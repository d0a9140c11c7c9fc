"""What an operator should know of who can reach the server."""

from __future__ import annotations

import logging
import socket
from ipaddress import ip_address

from vultus.settings import Settings
from vultus.settings.keys import needs_keys

logger = logging.getLogger(__name__)


def warn_if_exposed(settings: Settings, listener: socket.socket) -> None:
    """``warn_if_open`` for a socket that is listened on."""
    warn_if_open(settings, listener.getsockname()[0])


def warn_if_open(settings: Settings, address: str) -> None:
    """Say so in the log, in one line, where strangers are answered, or keys can be read on their way.

    Args:
        settings: The server's.
        address: The IP address that it listens on.
    """
    if ip_address(address).is_loopback:
        return
    if not needs_keys(settings):
        logger.warning(
            "OPEN TO EVERYBODY: the server listens on %s, not on loopback alone, and asks for no key; make keys with "
            "`vultus keys new` and set `keys`, or set host=127.0.0.1",
            settings.host,
        )
    elif settings.tls_cert is None:
        logger.warning(
            "KEYS AND PICTURES CAN BE READ ON THEIR WAY: the server listens on %s, not on loopback alone, and speaks "
            "plain HTTP; set tls_cert and tls_key, or let only a proxy reach it that has them",
            settings.host,
        )
