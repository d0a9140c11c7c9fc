"""Which network addresses a server may be sent to by its clients."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits


def is_public(address: str) -> bool:
    """Whether an IP address, as a resolver writes it, is one of the open internet.

    Private, loopback, link-local, shared, multicast, reserved and unspecified addresses are not; nor are IPv6 addresses
    that carry such an IPv4 address (mapped, 6to4, Teredo, NAT64), nor whatever is no address.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return _is_open(parsed)
    if parsed in _NAT64:
        return _is_open(IPv4Address(parsed.packed[-4:]))
    carried = (parsed.ipv4_mapped, parsed.sixtofour, *(parsed.teredo or ()))
    return _is_open(parsed) and not parsed.is_site_local and all(_is_open(address) for address in carried if address)


def _is_open(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved)
