"""The compose files: what their schema cannot know."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from vultus.settings import Settings, variable_of

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "compose"
FILES = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yml"))}
SERVICES = [
    pytest.param(service, id=f"{file}-{name}")
    for file, content in FILES.items()
    for name, service in content["services"].items()
]
OTHERS = ("gpus-balancer", "observability-", "triton-export", "triton-triton")
SERVERS = [param for param in SERVICES if not str(param.id).startswith(OTHERS)]


def test_there_is_a_file_for_each_target_of_make() -> None:
    targets = re.findall(r"^up-([a-z]+): .*\n\t\$\(UP\)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert sorted(targets) == sorted(FILES) == ["cpu", "gpu", "gpus", "observability", "triton"]


def test_all_are_one_project() -> None:
    assert {content["name"] for content in FILES.values()} == {
        "vultus"
    }  # so that Prometheus finds the others' services


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_no_privileges_and_is_published_on_loopback(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    for port in service.get("ports", ()):
        assert port.startswith(("127.0.0.1:", "${LISTEN:-127.0.0.1:"))


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_has_a_version(service: dict[str, Any]) -> None:
    assert re.search(r":(v?\d+\.\d+(\.\d+)?(-\w+)?\}|\$\{VULTUS_TAG:-local\})", service["image"])


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_mounted_from_here_exists_and_is_read_only(service: dict[str, Any]) -> None:
    for volume in service.get("volumes", ()):
        source, mode = volume.partition(":")[0], volume.rpartition(":")[2]
        if source.startswith("."):
            assert (FOLDER / source).exists()
            assert mode == "ro"


@pytest.mark.parametrize("service", SERVERS)
def test_a_server_can_write_nowhere_but_to_memory_and_its_engines(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert {volume.rpartition(":")[2] for volume in service.get("volumes", ())} <= {"/opt/networks/engines"}


@pytest.mark.parametrize("service", SERVERS)
def test_a_server_has_time_to_finish_what_is_under_way(service: dict[str, Any]) -> None:
    assert int(service["stop_grace_period"].removesuffix("s")) >= Settings().drain_timeout + 20


@pytest.mark.parametrize("service", SERVERS)
def test_settings_and_build_arguments_exist(service: dict[str, Any]) -> None:
    assert set(service["environment"]) <= {variable_of(name) for name in Settings.model_fields}
    build = service.get("build")
    if build:
        context = (FOLDER / build["context"]).resolve()
        assert context == ROOT
        known = set(re.findall(r"^ARG (\w+)=", (context / build["dockerfile"]).read_text(), re.MULTILINE))
        assert set(build["args"]) <= known


def test_the_base_is_that_of_the_dockerfile() -> None:
    (base,) = re.findall(r"^ARG BASE=(.*)$", (ROOT / "deploy" / "docker" / "Dockerfile.gpu").read_text(), re.MULTILINE)
    for name, service in (("gpu", "vultus"), ("gpus", "gpu0")):
        assert FILES[name]["services"][service]["build"]["args"]["BASE"] == f"${{BASE:-{base}}}"


def test_every_gpu_has_one_server_that_the_balancer_knows() -> None:
    servers = {name: service for name, service in FILES["gpus"]["services"].items() if name != "balancer"}
    devices = [service["deploy"]["resources"]["reservations"]["devices"][0] for service in servers.values()]
    assert [device["device_ids"] for device in devices] == [[name.removeprefix("gpu")] for name in servers]
    assert FILES["gpus"]["services"]["balancer"]["depends_on"] == list(servers)
    known = re.findall(r"^    server (\S+) (\S+)$", (FOLDER / "haproxy.cfg").read_text(), re.MULTILINE)
    assert set(servers) <= {name for name, _ in known}
    assert all(address == f"{name}:18081" for name, address in known)


def test_the_balancer_s_patience_fits_the_servers() -> None:
    text = (FOLDER / "haproxy.cfg").read_text()
    seconds = {name: int(value) for name, value in re.findall(r"^    timeout (\S+) (\d+)s$", text, re.MULTILINE)}
    settings = Settings()
    assert seconds["server"] > settings.request_timeout
    assert seconds["client"] > settings.request_timeout
    assert seconds["http-keep-alive"] < settings.keep_alive_timeout
    (end,) = re.findall(r"^    hard-stop-after (\d+)s$", text, re.MULTILINE)
    assert int(end) <= int(FILES["gpus"]["services"]["balancer"]["stop_grace_period"].removesuffix("s"))


class TestTriton:
    """Vultus in front of a Triton server."""

    services = FILES["triton"]["services"]

    def test_each_service_waits_until_the_one_before_is_done_or_healthy(self) -> None:
        order = {name: service.get("depends_on", {}) for name, service in self.services.items()}
        assert order == {
            "export": {},
            "triton": {"export": {"condition": "service_completed_successfully"}},
            "vultus": {"triton": {"condition": "service_healthy"}},
        }
        assert "/v2/health/ready" in self.services["triton"]["healthcheck"]["test"][-1]

    def test_what_is_written_is_what_is_loaded(self) -> None:
        *_, folder = self.services["export"]["command"]
        assert f"--model-repository={folder}" in self.services["triton"]["command"]
        (written,), (loaded,) = self.services["export"]["volumes"], self.services["triton"]["volumes"]
        assert f"{written}:ro" == loaded
        assert Path(folder).parent == Path(written.partition(":")[2])

    def test_ports_are_those_of_the_similarity_service_and_triton_s_own(self) -> None:
        assert self.services["triton"]["ports"] == [f"127.0.0.1:{port}:{port}" for port in (8000, 8001, 8002)]
        assert self.services["vultus"]["ports"] == ["${LISTEN:-127.0.0.1:3000}:3000"]
        assert self.services["vultus"]["environment"]["VULTUS_PORT"] == "3000"

    def test_what_serves_comes_back_and_what_writes_runs_once(self) -> None:
        assert {name: service["restart"] for name, service in self.services.items()} == {
            "export": "no",
            "triton": "unless-stopped",
            "vultus": "unless-stopped",
        }

    def test_vultus_asks_the_server_that_was_started(self) -> None:
        environment = self.services["vultus"]["environment"]
        assert environment["VULTUS_RUNTIME"] == "triton"
        assert environment["VULTUS_TRITON_URL"] == "grpc://triton:8001"

    def test_both_have_the_same_settings_so_that_nothing_is_missing_there(self) -> None:
        export, vultus = self.services["export"], self.services["vultus"]
        assert all(export[name] == vultus[name] for name in ("image", "environment", "env_file"))

    def test_the_server_is_none_with_known_holes(self) -> None:
        """Triton 25.07 mended CVE-2025-23310, -23311 and -23319."""
        year, month = re.findall(r"tritonserver:(\d+)\.(\d+)-", self.services["triton"]["image"])[0]
        assert (int(year), int(month)) >= (25, 7)
