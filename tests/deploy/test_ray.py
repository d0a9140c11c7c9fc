"""The application for Ray Serve and the RayService that has it in it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from vultus.settings import load_settings

pytestmark = pytest.mark.unit

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "ray"
SERVE = yaml.safe_load((FOLDER / "serve.yaml").read_text())
SERVICE = yaml.safe_load((FOLDER / "rayservice.yaml").read_text())
CLUSTER = SERVICE["spec"]["rayClusterConfig"]
PODS = [CLUSTER["headGroupSpec"], *CLUSTER["workerGroupSpecs"]]


def container(group: dict[str, Any]) -> dict[str, Any]:
    (found,) = group["template"]["spec"]["containers"]
    return dict(found)


def given() -> dict[str, str]:
    (application,) = SERVE["applications"]
    return dict(application["runtime_env"]["env_vars"])


def test_kubernetes_gets_the_same_application() -> None:
    assert yaml.safe_load(SERVICE["spec"]["serveConfigV2"]) == SERVE


def test_what_it_names_is_there() -> None:
    (application,) = SERVE["applications"]
    module, _, name = application["import_path"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_its_variables_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in given().items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert {name.removeprefix("VULTUS_").lower() for name in given()} == settings.model_fields_set
    assert SERVE["http_options"]["request_timeout_s"] > settings.request_timeout


def test_a_worker_has_the_cores_of_a_replica_and_there_are_as_many() -> None:
    (workers,) = CLUSTER["workerGroupSpecs"]
    assert container(workers)["resources"]["limits"]["cpu"] == given()["VULTUS_RAY_CPUS"]
    assert str(workers["minReplicas"]) == given()["VULTUS_RAY_REPLICAS"]
    assert str(workers["maxReplicas"]) == given()["VULTUS_RAY_MAX_REPLICAS"]


def test_the_cluster_asks_for_a_token_and_tells_its_makers_nothing() -> None:
    assert CLUSTER["authOptions"] == {"mode": "token"}
    for group in PODS:
        assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in container(group)["env"]


def test_the_proxies_port_is_named_as_kuberay_looks_for_it() -> None:
    for group in PODS:
        ports = {port["name"]: port["containerPort"] for port in container(group)["ports"]}
        assert ports["serve"] == SERVE["http_options"]["port"]


def test_no_container_may_become_more_than_it_is() -> None:
    for group in PODS:
        context = container(group)["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["runAsNonRoot"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
