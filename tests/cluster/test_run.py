from __future__ import annotations

import socket
from pathlib import Path

import pytest

from vultus.cluster import extra, run
from vultus.errors import AddressUnavailable, ExtraMissing, SettingsError
from vultus.settings import Settings, load_settings

RAYS_OWN_WARNINGS = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture
def with_tls(tmp_path: Path) -> Settings:
    files = {name: tmp_path / name for name in ("cert", "key", "password")}
    for name, file in files.items():
        file.write_text(f"{name}\n")
    return load_settings(**{f"tls_{name}": file for name, file in files.items()})


@pytest.mark.integration
@RAYS_OWN_WARNINGS
def test_proxies_wait_longer_than_a_request_may_take() -> None:
    pytest.importorskip("ray")
    options = run.http_options(load_settings(host="0.0.0.0", port=9000, request_timeout=7, keep_alive_timeout=3))
    assert (options.host, options.port, options.keep_alive_timeout_s) == ("0.0.0.0", 9000, 3)
    assert (options.request_timeout_s or 0) > 7
    assert run.http_options(load_settings(request_timeout=0)).request_timeout_s is None
    assert options.ssl_certfile is None


@pytest.mark.integration
@RAYS_OWN_WARNINGS
def test_the_certificate_is_the_proxies(with_tls: Settings) -> None:
    pytest.importorskip("ray")
    options = run.http_options(with_tls)
    assert options.ssl_certfile == str(with_tls.tls_cert)
    assert options.ssl_keyfile == str(with_tls.tls_key)
    assert options.ssl_keyfile_password == "password"


@pytest.mark.unit
def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda _: None)
    with pytest.raises(ExtraMissing, match=r"vultus\[ray\]"):
        run.serve(load_settings(), "auto")


@pytest.mark.unit
def test_a_head_that_is_not_there_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = "{}:{}".format(*listener.getsockname())
        run._knock(address)
    with pytest.raises(ConnectionRefusedError):
        run._knock(address)
    run._knock("auto")
    run._knock("ray://" + address)  # is not one to knock at


@pytest.mark.unit
def test_all_proxies_have_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda _: True)
    with pytest.raises(SettingsError, match="port"):
        run.serve(load_settings(port=0), "auto")


@pytest.mark.unit
def test_a_host_without_an_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run._ip_of("127.0.0.1") == "127.0.0.1"

    def find_nothing(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", find_nothing)
    with pytest.raises(AddressUnavailable, match="host=nosuch"):
        run._ip_of("nosuch")
