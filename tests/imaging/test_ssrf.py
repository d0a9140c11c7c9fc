"""Server-side request forgery: every way a client could name an address it must not reach, by itself and as a redirect.

Numeric forms are read by the system's own resolver, which is where surprises come from. Whatever that takes for a name
resolves to a public address here, the worst there could be; connections to public addresses end at a server on
loopback, all others are refused by the test itself.
"""

import socket
from typing import Any

import httpcore
import pytest
from tests.imaging.sites import BODY, Site, fetch, refusal

from vultus.imaging import download

pytestmark = pytest.mark.unit

OPEN = "93.184.216.34"

NAMES: dict[str, list[str]] = {
    "localhost": ["::1", "127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "inside.example.org": ["10.0.0.1"],
    "loop.example.org": ["127.0.0.1"],
    "six.example.org": ["::1"],
    "mapped.example.org": ["::ffff:192.168.0.1"],
    "nat64.example.org": ["64:ff9b::a00:1"],
    "local.example.org": ["fe80::1%2"],
    "many.example.org": ["10.0.0.1", "::1", "192.168.0.1"],
}

SPECIAL = [
    ("0.0.0.0", "this host"),
    ("0.1.2.3", "this network"),
    ("10.0.0.1", "private, RFC 1918"),
    ("10.255.255.255", "its end"),
    ("100.64.0.1", "shared, RFC 6598"),
    ("100.100.100.200", "Alibaba's metadata service, shared"),
    ("100.127.255.254", "its end"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "its end"),
    ("169.254.169.254", "metadata services, link-local"),
    ("169.254.170.2", "credentials of containers, link-local"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "its end"),
    ("192.0.0.192", "Oracle's metadata service, protocol assignments"),
    ("192.0.0.9", "protocol assignments that some tables call global"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "relays of 6to4"),
    ("192.168.0.1", "private"),
    ("198.18.0.1", "benchmarks"),
    ("198.51.100.1", "documentation"),
    ("203.0.113.1", "documentation"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.250", "multicast: SSDP"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "broadcast"),
]

SPELLINGS = [
    ("127.1", "two parts"),
    ("127.0.1", "three parts"),
    ("10.1", "two parts, private"),
    ("2130706433", "127.0.0.1 as one number"),
    ("3232235521", "192.168.0.1 as one number"),
    ("2852039166", "169.254.169.254 as one number"),
    ("0x7f000001", "one hexadecimal number"),
    ("0xA9FEA9FE", "169.254.169.254 in hexadecimal"),
    ("017700000001", "one octal number"),
    ("0x7f.0.0.1", "a hexadecimal part"),
    ("0x7f.1", "two parts, hexadecimal"),
    ("0177.0.0.1", "an octal part"),
    ("0000177.0.0.1", "an octal part with zeros before"),
    ("0251.0376.0251.0376", "169.254.169.254 in octal"),
    ("0xa9.254.0251.254", "169.254.169.254 in three notations"),
    ("0", "zero is this host"),
    ("0x0", "and so is this"),
    ("\uff11\uff12\uff17.\uff10.\uff10.\uff11", "full-width digits"),
    ("127\u30020\u30020\u30021", "ideographic full stops"),
    ("%31%32%37.0.0.1", "percent-encoded digits"),
]

IPV6 = [
    ("[::]", "this host"),
    ("[::1]", "loopback"),
    ("[0:0:0:0:0:0:0:1]", "loopback at length"),
    ("[0000:0000:0000:0000:0000:0000:0000:0001]", "loopback in full"),
    ("[::127.0.0.1]", "IPv4-compatible"),
    ("[::7f00:1]", "IPv4-compatible, hexadecimal"),
    ("[::ffff:127.0.0.1]", "mapped"),
    ("[::FFFF:7F00:1]", "mapped, hexadecimal, upper case"),
    ("[0:0:0:0:0:ffff:10.0.0.1]", "mapped, at length"),
    ("[::ffff:169.254.169.254]", "mapped metadata service"),
    ("[::ffff:100.64.0.1]", "mapped, shared"),
    ("[::ffff:0:127.0.0.1]", "translated, RFC 2765"),
    ("[64:ff9b::127.0.0.1]", "NAT64, RFC 6052"),
    ("[64:ff9b::a9fe:a9fe]", "NAT64 of the metadata service"),
    ("[64:ff9b::6440:1]", "NAT64, shared"),
    ("[64:ff9b:1::a00:1]", "local NAT64, RFC 8215"),
    ("[2002:7f00:1::]", "6to4 of 127.0.0.1"),
    ("[2002:a9fe:a9fe::1]", "6to4 of the metadata service"),
    ("[2002:c0a8:1::1]", "6to4 of 192.168.0.1"),
    ("[2001:0:5ef5:79fb:0:0:80ff:fffe]", "Teredo of 127.0.0.1"),
    ("[2001:4860::5efe:7f00:1]", "ISATAP of 127.0.0.1"),
    ("[2001:4860::200:5efe:a00:1]", "ISATAP of 10.0.0.1"),
    ("[2001:2::1]", "benchmarks"),
    ("[2001:10::1]", "ORCHID"),
    ("[2001:db8::1]", "documentation"),
    ("[3fff::1]", "documentation, RFC 9637"),
    ("[100::1]", "discard"),
    ("[5f00::1]", "segment routing"),
    ("[4000::1]", "not given out"),
    ("[fc00::1]", "unique local"),
    ("[fd00:ec2::254]", "Amazon's metadata service, unique local"),
    ("[fe80::1]", "link-local"),
    ("[fe80::1%25lo]", "link-local with a zone"),
    ("[fec0::1]", "site-local"),
    ("[ff02::1]", "multicast"),
    ("[v1.127.0.0.1]", "an address of the future"),
]

DISGUISES = [
    ("example.org@127.0.0.1", "a name that is a user"),
    ("example.org:80@10.0.0.1", "and has a password"),
    ("127.0.0.1#@example.org", "a name in the fragment"),
    ("127.0.0.1?@example.org", "a name in the query"),
    ("127.0.0.1:22", "another port"),
    ("LOCALHOST", "a name in upper case"),
    *((name, f"a name of {', '.join(addresses)}") for name, addresses in NAMES.items()),
]

FORBIDDEN = [*SPECIAL, *SPELLINGS, *IPV6, *DISGUISES]

REDIRECTS = [
    ("//127.0.0.1/", "no scheme of its own"),
    ("//[::1]/", "no scheme of its own"),
    ("HTTP://127.0.0.1/", "a scheme in upper case"),
    ("ftp://example.org/a.jpg", "another scheme"),
    ("file:///etc/passwd", "a file"),
    ("file://example.org/etc/passwd", "a file with a host"),
    ("gopher://127.0.0.1:6379/_FLUSHALL", "a scheme that speaks anything"),
    ("dict://127.0.0.1:11211/stats", "and another"),
    ("unix:/var/run/docker.sock", "a socket"),
    ("data:image/png;base64,AAAA", "no address at all"),
    ("javascript:alert(1)", "no address at all"),
    ("http://[::1", "half an address"),
]


@pytest.fixture
def connected(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were connected to."""
    made: list[str] = []
    connect = httpcore.AnyIOBackend.connect_tcp

    async def connect_tcp(self: Any, host: str, port: int, *options: Any) -> Any:
        made.append(host)
        if host != OPEN:
            raise OSError
        return await connect(self, "127.0.0.1", site.port, *options)

    def look_up(host: str, port: int) -> list[str]:
        if host in NAMES:
            return NAMES[host]
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            return [OPEN]
        return [str(entry[4][0]) for entry in found]

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_tcp)
    monkeypatch.setattr(download, "_look_up", look_up)
    return made


def redirect(target: str) -> str:
    return f"http://pictures.example.org/hex?{target.encode().hex()}"


def test_public_addresses_are_reached(connected: list[str]) -> None:
    """Else everything below would pass."""
    assert fetch("http://pictures.example.org/picture", allow_private=False) == BODY
    assert fetch(redirect("http://other.example.org/picture"), allow_private=False) == BODY
    assert connected == [OPEN] * 3


@pytest.mark.parametrize("host", [host for host, _ in FORBIDDEN], ids=[f"{host} ({why})" for host, why in FORBIDDEN])
def test_forbidden_addresses_are_refused(connected: list[str], host: str) -> None:
    message = refusal(f"http://{host}/picture", allow_private=False)
    assert "fetch_private" in message or "cannot be reached" in message
    assert host not in message
    assert not connected


@pytest.mark.parametrize("host", [host for host, _ in FORBIDDEN], ids=[f"{host} ({why})" for host, why in FORBIDDEN])
def test_redirects_to_forbidden_addresses_are_not_followed(connected: list[str], site: Site, host: str) -> None:
    message = refusal(redirect(f"http://{host}/picture"), allow_private=False)
    assert "fetch_private" in message or "cannot be reached" in message
    assert connected == [OPEN]
    assert [path.partition("?")[0] for path, _ in site.seen] == ["/hex"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_encryption_changes_nothing(connected: list[str], host: str) -> None:
    assert "fetch_private" in refusal(f"https://{host}/picture", allow_private=False)
    assert not connected


@pytest.mark.parametrize("target", [target for target, _ in REDIRECTS], ids=[f"{t} ({why})" for t, why in REDIRECTS])
def test_redirects_elsewhere_are_not_followed(connected: list[str], site: Site, target: str) -> None:
    refusal(redirect(target), allow_private=False)
    assert connected == [OPEN]
    assert len(site.seen) == 1


def test_the_second_redirect_is_checked_as_the_first(connected: list[str], site: Site) -> None:
    assert "fetch_private" in refusal(redirect(redirect("http://169.254.169.254/")), allow_private=False)
    assert connected == [OPEN, OPEN]
    assert len(site.seen) == 2


def test_addresses_of_both_kinds_leave_the_public_ones(connected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NAMES, "mixed.example.org", ["10.0.0.1", OPEN, "::1"])
    assert fetch("http://mixed.example.org/picture", allow_private=False) == BODY
    assert connected == [OPEN]
