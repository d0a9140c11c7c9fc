"""What two nodes answer is what one process answers, each node from its own replica."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.cluster.service import TIMEOUT, deployed

from benchmarks.ray import place
from benchmarks.ray_cluster import Cluster
from vultus import FaceEngine, Plan
from vultus.settings import load_settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PNG = {"content-type": "image/png"}


@pytest.fixture(scope="module")
def service(cluster: Cluster, shared_models: Path) -> Iterator[Cluster]:
    """Real networks."""
    with deployed(cluster, runtime="auto", model_path=str(shared_models), offline="true"):
        yield cluster


def test_each_node_has_a_replica_and_its_proxy_prefers_it(service: Cluster) -> None:
    placement = place(service, (5, 3))
    assert placement.replicas == (1, 1)
    assert placement.answered == (5, 3)


def test_the_answers_are_those_of_one_process(service: Cluster, shared_models: Path, shared_data: Path) -> None:
    photographs = sorted((shared_data / "compreface_samples").glob("*.jpg"))[:8]
    with FaceEngine(load_settings(model_path=str(shared_models), offline=True, streams=1)) as engine:
        expected = [engine.analyze(path, Plan()).faces for path in photographs]
    assert sum(map(len, expected)) >= len(photographs)
    files = [("file", path.read_bytes()) for path in photographs]
    for node in service.nodes:
        pictures = httpx.post(f"{node.url}/v1/faces", files=files, timeout=TIMEOUT).json()["pictures"]
        for picture, faces in zip(pictures, expected, strict=True):
            check_same(picture["faces"], faces)


def check_same(told: list[dict[str, Any]], faces: Any) -> None:
    boxes = np.array([face["box"] for face in told], np.float32).reshape(-1, 4)
    np.testing.assert_array_equal(boxes, np.array([face.box for face in faces]).reshape(-1, 4))
    for face, alone in zip(told, faces, strict=True):
        assert np.dot(face["embedding"], np.asarray(alone.embedding)) >= 0.99999


def test_other_services_apis_are_there_too(service: Cluster) -> None:
    for node in service.nodes:
        assert httpx.get(f"{node.url}/info", timeout=TIMEOUT).json()["models"]  # InsightFace-REST's
        assert httpx.get(f"{node.url}/docs", timeout=TIMEOUT).status_code == 200
        assert httpx.get(f"{node.url}/nowhere", timeout=TIMEOUT).status_code == 404


def test_the_head_of_an_answer_has_one_request_id(service: Cluster) -> None:
    answer = httpx.post(f"{service.nodes[0].url}/v1/faces", headers={**PNG, "x-request-id": "mine"}, content=b"no")
    assert answer.headers.get_list("x-request-id") == ["mine"]
    assert answer.json()["request_id"] == "mine"
