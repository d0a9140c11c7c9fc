"""Public and other addresses, by the registries of IANA and the RFCs named beside them."""

import pytest

from vultus.imaging.addresses import is_public

pytestmark = pytest.mark.unit

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"]

OTHER = [
    "0.0.0.0",  # unspecified
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",  # RFC 1918
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",  # shared, RFC 6598
    "169.254.169.254",  # link-local: metadata services
    "192.0.2.1",  # documentation
    "198.18.0.1",  # benchmarks
    "224.0.0.1",  # multicast
    "239.255.255.250",
    "240.0.0.1",  # reserved
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",  # IPv4-compatible, deprecated
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",  # site-local, deprecated
    "fc00::1",  # unique local
    "fd12:3456::1",
    "ff02::1",
    "2001:db8::1",  # documentation
    "::ffff:127.0.0.1",  # mapped
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:a00:1::",  # 6to4 of 10.0.0.1
    "2001:0:5ef5:79fb:0:0:80ff:fffe",  # Teredo
    "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1, RFC 6052
    "64:ff9b::a9fe:a9fe",  # NAT64 of 169.254.169.254
    "",
    "localhost",
    "999.1.1.1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", OTHER)
def test_everything_else(address: str) -> None:
    assert not is_public(address)


def test_public_addresses_behind_nat64_stay_public() -> None:
    """Networks without IPv4 reach the rest of the internet so."""
    assert is_public("64:ff9b::808:808")
