from __future__ import annotations

import hashlib
import logging
import socket
from pathlib import Path

import pytest

from vultus.server.exposure import warn_if_exposed
from vultus.settings import Settings

pytestmark = pytest.mark.unit

KEY = f"a:*:{hashlib.sha256(b'a').hexdigest()}"


class Listener(socket.socket):
    """Says that it is bound to an address, without being so."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def getsockname(self) -> tuple[str, int]:
        return self._address, 18081


def warnings(caplog: pytest.LogCaptureFixture, address: str, **given: object) -> list[str]:
    caplog.clear()
    with Listener(address) as listener, caplog.at_level(logging.WARNING):
        warn_if_exposed(Settings.model_validate({"host": address} | given), listener)
    assert all(record.levelno == logging.WARNING for record in caplog.records)
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1"])
def test_on_loopback_there_is_nothing_to_say(caplog: pytest.LogCaptureFixture, address: str) -> None:
    assert warnings(caplog, address) == []
    assert warnings(caplog, address, keys=KEY) == []


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "fe80::1%lo"])
def test_without_keys_it_is_open_to_everybody(caplog: pytest.LogCaptureFixture, address: str, tmp_path: Path) -> None:
    [line] = warnings(caplog, address)
    assert line.startswith("OPEN TO EVERYBODY: ")
    assert address in line
    assert "\n" not in line
    certificate = tmp_path / "cert.pem"
    certificate.touch()
    assert warnings(caplog, address, tls_cert=certificate) == [line]


def test_keys_over_plain_http_can_be_read(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    [line] = warnings(caplog, "0.0.0.0", keys=KEY)
    assert "plain HTTP" in line
    keys, certificate = tmp_path / "keys", tmp_path / "cert.pem"
    keys.touch()
    certificate.touch()
    assert warnings(caplog, "0.0.0.0", keys_file=keys) == [line]
    assert warnings(caplog, "0.0.0.0", keys=KEY, tls_cert=certificate) == []
