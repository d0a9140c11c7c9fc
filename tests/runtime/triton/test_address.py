from __future__ import annotations

import socket
from typing import Any

import pytest

from vultus.errors import SettingsError
from vultus.runtime.triton.address import Address

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("url", "address", "netloc"),
    [
        ("grpc://triton:8001", Address("grpc", "triton", 8001), "triton:8001"),
        ("grpc://triton", Address("grpc", "triton", 8001), "triton:8001"),
        ("grpcs://triton.example.org:443", Address("grpcs", "triton.example.org", 443), "triton.example.org:443"),
        ("http://triton/", Address("http", "triton", 8000), "triton:8000"),
        ("https://example.org/models/", Address("https", "example.org", 443, "/models"), "example.org:443"),
        ("http://[::1]:9000", Address("http", "::1", 9000), "[::1]:9000"),
    ],
)
def test_an_address_names_protocol_host_and_port(url: str, address: Address, netloc: str) -> None:
    assert Address.parse(url) == address
    assert address.netloc == netloc
    assert Address.parse(str(address)) == address
    assert address.is_secure == url.partition(":")[0].endswith("s")


@pytest.mark.parametrize(
    "url",
    [
        "triton:8001",
        "grpc://",
        "ftp://triton",
        "http://user:secret@triton",
        "http://triton:99999",
        "http://triton:port",
        "http://triton?x=1",
        "grpc://triton/path",
        "http://[::1",
    ],
)
def test_what_is_none_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(SettingsError, match="triton_url") as caught:
        Address.parse(url)
    assert caught.value.code == "settings_invalid"


@pytest.mark.parametrize(
    ("found", "is_here"),
    [
        (["127.0.0.1"], True),
        (["127.0.0.1", "::1"], True),
        (["192.0.2.1"], False),
        (["127.0.0.1", "192.0.2.1"], False),
        (["fe80::1%eth0"], False),
    ],
)
def test_only_what_stands_for_loopback_alone_is_here(
    found: list[str], is_here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(host: str, port: int, **_: object) -> list[Any]:
        assert (host, port) == ("triton", 8001)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port)) for number in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert Address.parse("grpc://triton").is_here() == is_here


def test_a_name_that_nobody_knows_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror("unknown")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert not Address.parse("grpc://triton").is_here()
