from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from tests.server.certificates import Certificates
from tests.server.fleet import Fleet

from vultus.errors import SettingsError
from vultus.server.tls import server_context
from vultus.settings import Settings, load_settings


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"))


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> str | None:
    """Handshake in memory; the version of TLS that was agreed on."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(10):
        for end in ends:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    return ends[0].version() if to_server.pending == 0 else None


@pytest.mark.unit
def test_without_a_certificate_there_is_none() -> None:
    assert server_context(Settings()) is None


@pytest.mark.unit
@pytest.mark.parametrize("form", ["two files", "one file", "a key with a password"])
def test_clients_that_trust_the_authority_trust_the_server(certificates: Certificates, form: str) -> None:
    given = {
        "two files": {"tls_cert": certificates.cert, "tls_key": certificates.key},
        "one file": {"tls_cert": certificates.both},
        "a key with a password": {
            "tls_cert": certificates.cert,
            "tls_key": certificates.locked_key,
            "tls_password": certificates.password_file,
        },
    }[form]
    context = server_context(Settings.model_validate(given))
    assert context
    assert shake_hands(context, certificates.trusting) == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(context, ssl.create_default_context())


@pytest.mark.unit
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_versions_that_are_broken_are_not_spoken(certificates: Certificates) -> None:
    context = server_context(Settings(tls_cert=certificates.both))
    assert context
    old = certificates.trusting
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        shake_hands(context, old)


@pytest.mark.unit
def test_what_does_not_fit_together_is_named(certificates: Certificates, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    stranger, wrong, rubbish = Certificates(other), tmp_path / "wrong", tmp_path / "rubbish"
    wrong.write_text("no such password")
    rubbish.write_text("-----BEGIN NOTHING-----")
    locked = {"tls_cert": certificates.cert, "tls_key": certificates.locked_key}
    for given in (
        {"tls_cert": certificates.cert, "tls_key": stranger.key},
        {"tls_cert": certificates.cert},
        {"tls_cert": rubbish},
        {"tls_cert": certificates.cert, "tls_key": rubbish},
        locked,  # which must not ask for a password at the terminal
        {**locked, "tls_password": wrong},
        {**locked, "tls_password": certificates.cert},  # far too long
    ):
        with pytest.raises(SettingsError) as caught:
            server_context(Settings.model_validate(given))
        message = caught.value.message
        assert f"tls_cert={given['tls_cert']}" in message
        assert "no such password" not in message
        assert caught.value.__cause__ is None


@pytest.mark.unit
def test_a_file_that_is_gone_is_named(certificates: Certificates, tmp_path: Path) -> None:
    for name in ("tls_cert", "tls_key", "tls_password"):
        gone = tmp_path / name
        gone.touch()
        given = {"tls_cert": certificates.cert, "tls_key": certificates.key, name: gone}
        settings = Settings.model_validate(given)
        gone.unlink()
        with pytest.raises(SettingsError, match=f"{name}: {gone} cannot be read"):
            server_context(settings)


@pytest.mark.unit
@pytest.mark.parametrize("name", ["tls_key", "tls_password"])
def test_a_key_without_a_certificate_is_a_mistake(certificates: Certificates, name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: is for tls_cert, which is not set"):
        load_settings(**{name: certificates.key})


@pytest.mark.integration
@pytest.mark.parametrize("workers", ["1", "2"])
def test_https_is_spoken_and_nothing_else(
    certificates: Certificates, tmp_path: Path, squares: Callable[..., bytes], workers: str
) -> None:
    settings = {"tls_cert": str(certificates.both), "workers": workers}
    patches = "" if workers == "2" else "from vultus.server import run as supervisor\n"
    with Fleet(tmp_path, patches, **settings) as fleet:
        assert fleet.url.startswith("https://")
        fleet.wait_for("ready")
        with httpx.Client(base_url=fleet.url, verify=certificates.trusting, timeout=60) as client:
            answer = client.post("/v1/faces", content=squares((1, 1)), headers={"content-type": "image/png"})
            assert len(answer.json()["pictures"][0]["faces"]) == 1
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{fleet.url}/live")
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{fleet.url.replace('https', 'http')}/live")
        assert fleet.end() == 0
    assert not any("Traceback" in line for line in fleet.log)


@pytest.mark.integration
def test_a_certificate_that_cannot_be_used_ends_the_start(certificates: Certificates, tmp_path: Path) -> None:
    for workers in ("1", "2"):
        patches = "" if workers == "2" else "from vultus.server import run as supervisor\n"
        fleet = Fleet(tmp_path, patches, tls_cert=str(certificates.cert), workers=workers)
        assert fleet.wait() == 1
        assert fleet.log[-1].startswith(f"settings_invalid: tls_cert={certificates.cert}: not a certificate")
        assert not any("Traceback" in line for line in fleet.log)
