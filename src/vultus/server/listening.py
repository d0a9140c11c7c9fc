"""Where the server listens: one address, and as many sockets of it as there are processes to share it."""

from __future__ import annotations

import socket
import sys

from vultus import __version__
from vultus.errors import AddressUnavailable

BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        AddressUnavailable: It cannot be had.
    """
    return listen_shared(host, port, 1)[0]


def listen_shared(host: str, port: int, count: int) -> list[socket.socket]:
    """``count`` listening sockets of one address, a queue of connections each; port 0 is resolved once.

    On Linux the kernel spreads connections over them by a hash (SO_REUSEPORT). Processes that accept from one queue
    share it badly: whichever wakes first takes all that wait there. Where the kernel does not spread, the sockets are
    one.

    Raises:
        AddressUnavailable: They cannot be had.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        first = socket.create_server(address[:2], family=family, backlog=BACKLOG)
        sockets.append(first)
        for _ in range(1, count):
            sockets.append(_join(first))
    except (OSError, ValueError) as error:  # ValueError: what cannot be a host's name at all
        for made in sockets:
            made.close()
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise AddressUnavailable(
            f"cannot listen on {url_of(host, port)}: {reason}; choose another host or port"
        ) from error
    return sockets


def _join(first: socket.socket) -> socket.socket:
    """One more socket of the address of ``first``, which was bound alone: it found out whether the address is free."""
    if sys.platform != "linux":
        return first.dup()
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return socket.create_server(first.getsockname()[:2], family=first.family, backlog=BACKLOG, reuse_port=True)


def url_of(host: str, port: int, *, is_secure: bool = False) -> str:
    """The address as a client writes it."""
    scheme = "https" if is_secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def greet(host: str, listener: socket.socket, *, is_secure: bool = False) -> None:
    """Print where the server is; ``host`` is its name in the settings, ``is_secure`` whether it speaks TLS."""
    address = url_of(host, listener.getsockname()[1], is_secure=is_secure)
    print(f"Vultus {__version__} on {address} (docs: {address}/docs)", flush=True)
