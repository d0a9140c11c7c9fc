"""Replicas and nodes that come and go take no accepted request of others along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import yaml
from tests.cluster.conftest import Website
from tests.cluster.service import TIMEOUT, background, deployed

from benchmarks.ray import kill
from benchmarks.ray_cluster import Caller, Cluster, Node, answered, post, wait_answers, wait_until
from vultus.bench.server import is_ready

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SERVE = Path(__file__).resolve().parents[2] / "deploy" / "ray" / "serve.yaml"
CALLERS = 4


def call(node: Node, picture: bytes) -> list[Caller]:
    """Clients of a node's proxy, each of which has had an answer."""
    callers = [Caller(node.url, picture) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
        wait_answers([caller], 1)
    return callers


def test_a_replica_gets_no_request_before_it_is_ready(
    cluster: Cluster, catalogue_of_second_node: Path, squares: Callable[..., bytes]
) -> None:
    head, other = cluster.nodes
    catalogue_of_second_node.unlink()
    os.mkfifo(catalogue_of_second_node)
    with cluster.deploy(runtime="dummy") as deployment:
        with catalogue_of_second_node.open("w"):  # waits until the other node's replica wants to read its catalogue
            deployment.wait_answering(head)
            assert [len(node.replicas()) for node in cluster.nodes] == [1, 1]
            assert [post(head, squares((1, 1))).status_code for _ in range(20)] == [200] * 20
            assert answered(head) == 20
            assert not deployment.is_up
            catalogue_of_second_node.unlink()
            catalogue_of_second_node.write_text("")
        deployment.wait_up()
        deployment.wait_answering(other)
        assert post(other, squares((1, 1))).status_code == 200
        assert (answered(head), answered(other)) == (20, 1)


def test_replicas_are_exchanged_without_losing_a_request(cluster: Cluster, squares: Callable[..., bytes]) -> None:
    with deployed(cluster) as first:
        first.forget()
        before = {pid for node in cluster.nodes for pid in node.replicas()}
        callers = call(cluster.nodes[0], squares((1, 1)))
        with cluster.deploy(runtime="dummy", threshold="0.4") as second:
            second.wait_up()
            wait_answers(callers, 20)
            for caller in callers:
                caller.stop()
            assert not before & {pid for node in cluster.nodes for pid in node.replicas()}
    assert [(caller.lost, set(caller.statuses)) for caller in callers] == [(0, {200})] * CALLERS


def test_load_brings_a_second_replica(cluster: Cluster, website: Website) -> None:
    given = {"ray_max_replicas": "2", "fetch_urls": "true", "fetch_private": "true"}
    named = {"images": [{"url": website.url}]}
    with cluster.deploy(1, runtime="dummy", **given) as deployment, ExitStack() as stack:
        deployment.wait_up()
        (node,) = [node for node in cluster.nodes if node.replicas()]
        deployment.wait_answering(node)

        def ask() -> httpx.Response:
            return httpx.post(f"{node.url}/v1/faces", json=named, timeout=2 * TIMEOUT)

        waiting = [stack.enter_context(background(ask)) for _ in range(8)]  # a core has three worker threads
        wait_until(lambda: sum(len(node.replicas()) for node in cluster.nodes) == 2)
        website.go.set()
        assert [answer().status_code for answer in waiting] == [200] * 8


def test_proxies_that_run_are_not_taken_for_others(cluster: Cluster, squares: Callable[..., bytes]) -> None:
    """Ray would go on with the old ones, and say so in a line of its log: plain HTTP, say, where TLS was asked for."""
    with deployed(cluster):
        with cluster.deploy(2, runtime="dummy", host="127.0.0.9") as second:
            assert second.wait_end() == 2
            assert "with other host" in second.said
        assert post(cluster.nodes[0], squares((1, 1))).status_code == 200


def test_why_replicas_do_not_start_is_told(cluster: Cluster) -> None:
    with cluster.deploy(2, detector="nosuch") as deployment:
        assert deployment.wait_end() == 3
        assert "the replicas do not start: " in deployment.said
        assert "nosuch" in deployment.said


def test_a_serve_yaml_is_served(cluster: Cluster, tmp_path: Path, squares: Callable[..., bytes]) -> None:
    """The committed one, but for what needs more machine than this: through ``serve run``, as an operator would."""
    content = yaml.safe_load(SERVE.read_text())
    content["http_options"] |= {"host": "127.0.0.1", "port": httpx.URL(cluster.nodes[0].url).port}
    variables = content["applications"][0]["runtime_env"]["env_vars"]
    variables |= {"VULTUS_RUNTIME": "dummy", "VULTUS_RAY_CPUS": "1", "VULTUS_RAY_MAX_REPLICAS": "2"}
    file = tmp_path / "serve.yaml"
    file.write_text(yaml.safe_dump(content))
    command = [sys.executable, "-m", "ray.serve.scripts", "run", "--address", cluster.address, str(file)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=cluster.environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        for node in cluster.nodes:
            wait_until(lambda url=node.url: is_ready(url), tmp_path / "log", process)  # type: ignore[misc]
            assert post(node, squares((1, 1))).status_code == 200
            info = httpx.get(f"{node.url}/v1/info", timeout=TIMEOUT).json()
            assert (info["runtime"], info["streams"]) == ("dummy", 1)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(TIMEOUT)


def test_a_node_that_dies_under_load_takes_only_its_own_requests_along(
    cluster: Cluster, catalogue_of_second_node: Path, squares: Callable[..., bytes]
) -> None:
    other = cluster.nodes[1]
    with deployed(cluster) as deployment:
        death = kill(cluster, 20, VULTUS_MODELS=str(catalogue_of_second_node))
        assert (death.lost, death.not_good) == (0, 0)
        assert death.before >= 20
        assert death.after >= 20
        # What died is started on the node that came.
        assert other not in cluster.nodes
        assert death.newcomer == 1
        deployment.wait_answering(cluster.nodes[1])
        assert post(cluster.nodes[1], squares((1, 1))).status_code == 200
