"""Which hosts and network addresses a server may be sent to by its clients."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
_ISATAP = frozenset({b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe"})  # RFC 5214: before one in the last 32 bits
_CLOSED: tuple[IPv4Network | IPv6Network, ...] = (
    # Held to be global by some versions of Python's tables:
    IPv4Network("100.64.0.0/10"),  # shared by a provider's customers, RFC 6598
    IPv4Network("192.0.0.0/24"),  # protocol assignments, RFC 6890
    IPv4Network("192.88.99.0/24"),  # relays of 6to4, RFC 7526
    IPv6Network("2001::/23"),  # protocol assignments, RFC 2928; Teredo among them
    IPv6Network("3fff::/20"),  # documentation, RFC 9637
)
_UNICAST = IPv6Network("2000::/3")  # all that was ever given out, RFC 4291


def is_public(address: str) -> bool:
    """Whether an IP address, as a resolver writes it, is one of the open internet.

    Private, loopback, link-local, shared, multicast, reserved and unspecified addresses are not; nor are IPv6 addresses
    that carry such an IPv4 address (mapped, 6to4, NAT64, ISATAP) or a tunnel's (Teredo), nor whatever is no address.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return _is_open(parsed)
    if parsed in _NAT64:
        return _is_open(_last(parsed))
    carried = parsed.sixtofour or (_last(parsed) if parsed.packed[8:12] in _ISATAP else None)
    return parsed in _UNICAST and _is_open(parsed) and (carried is None or _is_open(carried))


def is_listed(host: str, patterns: Iterable[str]) -> bool:
    """Whether a host is one of a list of names, where ``*.example.org`` stands for all names below ``example.org``.

    Args:
        host: A name or address in lower case, without brackets.
        patterns: The list, in lower case.
    """
    name = host.rstrip(".")
    return any(name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern for pattern in patterns)


def _is_open(address: IPv4Address | IPv6Address) -> bool:
    closed = address.is_multicast or address.is_reserved or any(address in network for network in _CLOSED)
    return address.is_global and not closed


def _last(address: IPv6Address) -> IPv4Address:
    return IPv4Address(address.packed[-4:])
