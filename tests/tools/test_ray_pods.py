from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.integration

TOOL = Path(__file__).resolve().parents[2] / "tools" / "ray_pods.py"


def test_a_pod_is_printed_for_the_head_and_for_each_group(tmp_path: Path) -> None:
    spec = {"containers": [{"name": "one", "image": "two"}]}
    groups = [{"groupName": name, "template": {"spec": spec}} for name in ("cpu", "gpu")]
    cluster = {"headGroupSpec": {"template": {"spec": spec}}, "workerGroupSpecs": groups}
    file = tmp_path / "service.yaml"
    file.write_text(yaml.safe_dump({"spec": {"rayClusterConfig": cluster}}))
    written = subprocess.run([sys.executable, TOOL, file], capture_output=True, check=True, text=True).stdout
    assert list(yaml.safe_load_all(written)) == [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec} for name in ("head", "cpu", "gpu")
    ]
