"""Public and other addresses, by the registries of IANA and the RFCs named beside them."""

import pytest

from vultus.imaging.addresses import is_listed, is_public

pytestmark = pytest.mark.unit

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",  # the neighbours of the shared ones
    "100.128.0.1",
    "172.32.0.1",
    "192.88.98.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2002:808:808::1",  # 6to4 of 8.8.8.8
    "2001:4860::5efe:808:808",  # ISATAP of 8.8.8.8
    "64:ff9b::808:808",  # NAT64 of 8.8.8.8: networks without IPv4 reach the rest of the internet so
]

OTHER = [
    "0.0.0.0",  # unspecified
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",  # RFC 1918
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",  # shared, RFC 6598
    "100.127.255.255",
    "192.0.0.9",  # protocol assignments, RFC 6890
    "192.88.99.1",  # 6to4 relays, RFC 7526
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
    "64:ff9b::6440:1",  # NAT64 of 100.64.0.1
    "64:ff9b:1::808:808",  # local NAT64, RFC 8215
    "2001:4860::5efe:7f00:1",  # ISATAP of 127.0.0.1, RFC 5214
    "2001:4860::200:5efe:a00:1",  # ISATAP of 10.0.0.1
    "2001:1::1",  # protocol assignments, RFC 2928
    "3fff::1",  # documentation, RFC 9637
    "5f00::1",  # segment routing, RFC 9602
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


@pytest.mark.parametrize(
    ("host", "listed"),
    [
        ("example.org", True),
        ("example.org.", True),
        ("a.example.org", False),
        ("myexample.org", False),
        ("a.example.com", True),
        ("b.a.example.com", True),
        ("example.com", False),
        ("notexample.com", False),
        ("example.com.evil.org", False),
        ("192.0.2.7", True),
        ("192.0.2.70", False),
        ("2001:db8::1", True),
        ("", False),
    ],
)
def test_hosts_of_a_list(host: str, listed: bool) -> None:
    assert is_listed(host, ("example.org", "*.example.com", "192.0.2.7", "2001:db8::1")) is listed


def test_an_empty_list_holds_nothing() -> None:
    assert not is_listed("example.org", ())
