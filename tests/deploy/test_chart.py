"""The Helm chart, rendered with its defaults and with everything on."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vultus.settings import Settings, variable_of

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "vultus"
ALL_ON = ROOT / "deploy" / "helm" / "all-on.yaml"
HELM = shutil.which("helm") or shutil.which("helm", path=str(ROOT / ".venv-deploy" / "bin"))

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(HELM is None, reason="needs helm: make lint-deploy"),
]

Resources = dict[str, dict[str, Any]]
Render = Callable[..., Resources]


def helm(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(HELM), "template", "faces", CHART, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def render() -> Render:
    """Resources by kind; the chart's own test is left out."""

    def run(*arguments: object) -> Resources:
        done = helm(*arguments, "--skip-tests")
        assert done.returncode == 0, done.stderr
        found = [resource for resource in yaml.safe_load_all(done.stdout) if resource]
        by_kind = {resource["kind"]: resource for resource in found}
        assert len(by_kind) == len(found)
        return by_kind

    return run


def container(resources: Resources) -> dict[str, Any]:
    (only,) = resources["Deployment"]["spec"]["template"]["spec"]["containers"]
    return dict(only)


def environment(resources: Resources) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(resources)["env"]}


def test_what_is_made_by_default_and_with_everything_on(render: Render) -> None:
    usual = {
        "Deployment",
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    }
    assert render().keys() == usual
    assert render("--values", ALL_ON).keys() == usual | {"Ingress", "ServiceMonitor"}
    off = [f"--set={name}.enabled=false" for name in ("autoscaling", "podDisruptionBudget", "networkPolicy")]
    assert render(*off).keys() == {"Deployment", "Service", "ServiceAccount"}


@pytest.mark.parametrize("values", [(), ("--values", ALL_ON)], ids=["default", "all on"])
def test_a_pod_is_restricted(render: Render, values: tuple[object, ...]) -> None:
    """The Restricted profile of Kubernetes' Pod Security Standards, and a read-only root."""
    resources = render(*values)
    pod, own = resources["Deployment"]["spec"]["template"]["spec"], container(resources)["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert (own["allowPrivilegeEscalation"], own["readOnlyRootFilesystem"]) == (False, True)
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False  # VULTUS_PORT=tcp://... would be read as a setting
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "deploy/docker/Dockerfile").read_text(), re.MULTILINE)
    assert user
    assert [pod["securityContext"][name] for name in ("runAsUser", "runAsGroup")] == [int(user[1]), int(user[2])]


def test_probes_ask_what_the_server_has(render: Render) -> None:
    probes = container(render())
    assert probes["livenessProbe"]["httpGet"]["path"] == "/live"  # a server that is busy or loads is not to be killed
    assert probes["readinessProbe"]["httpGet"]["path"] == probes["startupProbe"]["httpGet"]["path"] == "/ready"
    routes = (ROOT / "src/vultus/server/health.py").read_text()
    assert '"/live"' in routes
    assert '"/ready"' in routes


def test_a_pod_has_time_to_finish_what_is_under_way(render: Render) -> None:
    resources = render()
    pod = resources["Deployment"]["spec"]["template"]["spec"]
    (pause,) = container(resources)["lifecycle"]["preStop"]["exec"]["command"][1:]
    assert pod["terminationGracePeriodSeconds"] >= int(pause) + Settings().drain_timeout + 20


OWN = {"EXTRA", "VULTUS_DEVICE", "VULTUS_PORT", "VULTUS_TLS_CERT", "VULTUS_TLS_KEY"}
"""What the container has beside the settings of all-on.yaml."""


def test_settings_arrive_as_they_were_written(render: Render) -> None:
    given = environment(render("--values", ALL_ON))
    assert {name: given[name] for name in given if name not in OWN} == {
        "VULTUS_MAX_PICTURE_PIXELS": "20000000",  # not 2e+07
        "VULTUS_THRESHOLD": "0.55",
        "VULTUS_ALL_CORES": "true",
        "VULTUS_DIALECTS": "compreface,insightface-rest",
        "VULTUS_LOG_LEVEL": "warning",
    }
    assert given["VULTUS_DEVICE"] == "tensorrt"
    assert {name for name in given if name.startswith("VULTUS_")} <= {
        variable_of(name) for name in Settings.model_fields
    }


def test_keys_come_from_a_secret_that_is_there(render: Render) -> None:
    assert "envFrom" not in container(render())
    assert container(render("--set", "existingSecret=keys"))["envFrom"] == [{"secretRef": {"name": "keys"}}]


def test_with_a_certificate_all_speak_https(render: Render) -> None:
    resources = render("--values", ALL_ON)
    (mount,) = (mount for mount in container(resources)["volumeMounts"] if mount["name"] == "tls")
    given = environment(resources)
    for name, file in (
        ("VULTUS_TLS_CERT", "tls.crt"),
        ("VULTUS_TLS_KEY", "tls.key"),
    ):  # as Secrets of that type have them
        assert given[name] == f"{mount['mountPath']}/{file}"
    probes = ("startupProbe", "readinessProbe", "livenessProbe")
    assert {container(resources)[probe]["httpGet"]["scheme"] for probe in probes} == {"HTTPS"}
    assert {container(render())[probe]["httpGet"]["scheme"] for probe in probes} == {"HTTP"}
    assert resources["ServiceMonitor"]["spec"]["endpoints"][0]["scheme"] == "https"


def test_nothing_leaves_a_pod_unless_told(render: Render) -> None:
    policy = render()["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["egress"] == []
    assert policy["ingress"][0]["from"] == [{"podSelector": {}}]
    assert len(render("--values", ALL_ON)["NetworkPolicy"]["spec"]["ingress"][0]["from"]) == 2


def test_selectors_agree(render: Render) -> None:
    resources = render("--values", ALL_ON)
    labels = resources["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    selectors = [
        resources["Deployment"]["spec"]["selector"]["matchLabels"],
        resources["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        resources["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        resources["Service"]["spec"]["selector"],
    ]
    assert all(selector.items() <= labels for selector in selectors)
    assert resources["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == "faces-vultus"


def test_replicas_are_the_autoscaler_s_where_there_is_one(render: Render) -> None:
    assert "replicas" not in render()["Deployment"]["spec"]
    assert render("--set", "autoscaling.enabled=false", "--set", "replicas=5")["Deployment"]["spec"]["replicas"] == 5


def test_an_image_is_named_by_version_or_digest(render: Render) -> None:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    assert container(render())["image"] == f"vultus:{version}"
    assert container(render("--set", "gpu.enabled=true"))["image"] == f"vultus:{version}-gpu"
    tensorrt = render("--set", "gpu.enabled=true", "--set", "gpu.device=tensorrt")
    assert container(tensorrt)["image"] == f"vultus:{version}-tensorrt"
    assert "@sha256:" in container(render("--values", ALL_ON))["image"]


def test_a_gpu_brings_a_place_for_engines(render: Render) -> None:
    resources = render("--set", "gpu.enabled=true")
    assert container(resources)["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert {mount["mountPath"] for mount in container(resources)["volumeMounts"]} == {"/tmp", "/opt/networks/engines"}


@pytest.mark.parametrize(
    "wrong",
    ["nosuch=1", "replicas=-1", "gpu.device=cpu", "settings.port=80", "image.digest=abc", "settings.Bad-Name=1"],
)
def test_wrong_values_are_refused(wrong: str) -> None:
    done = helm("--set", wrong)
    assert done.returncode != 0
    assert "values don't meet the specifications" in done.stderr


def test_every_value_has_a_rule() -> None:
    assert not set(yaml.safe_load((CHART / "values.yaml").read_text())) - set(
        yaml.safe_load((CHART / "values.schema.json").read_text())["properties"]
    )


def test_chart_and_package_have_one_version() -> None:
    from vultus import __version__

    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__
