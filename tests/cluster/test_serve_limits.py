"""What is too much is refused by the replica that has too much, and what was given up makes room."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import httpx
import pytest
from tests.cluster.conftest import Website
from tests.cluster.service import TIMEOUT, background, deployed

from benchmarks.ray_cluster import Cluster, post, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def service(cluster: Cluster) -> Iterator[Cluster]:
    """Replicas that take on one picture each, and fetch pictures."""
    with deployed(cluster, max_queued_pictures="1", fetch_urls="true", fetch_private="true"):
        yield cluster


def test_a_refusal_has_the_form_of_the_api_that_was_asked(
    service: Cluster, website: Website, squares: Callable[..., bytes]
) -> None:
    url = service.nodes[0].url
    named = {"images": [{"url": website.url}]}
    with background(lambda: httpx.post(f"{url}/v1/faces", json=named, timeout=TIMEOUT)) as waiting:
        assert website.came.acquire(timeout=TIMEOUT)
        refused = post(service.nodes[0], squares((1, 1)))
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "overloaded"
        other = httpx.post(f"{url}/extract", json={"images": {"data": ["x"]}}, timeout=TIMEOUT)
        assert other.status_code == 429
        assert int(other.headers["retry-after"]) >= 1
        assert list(other.json()) == ["detail"]  # as InsightFace-REST tells errors
        assert httpx.get(f"{url}/ready", timeout=TIMEOUT).status_code == 200
        website.go.set()
        assert waiting().status_code == 200


def test_the_other_nodes_replica_is_not_bothered(
    service: Cluster, website: Website, squares: Callable[..., bytes]
) -> None:
    head, other = service.nodes
    named = {"images": [{"url": website.url}]}
    with background(lambda: httpx.post(f"{head.url}/v1/faces", json=named, timeout=TIMEOUT)) as waiting:
        assert website.came.acquire(timeout=TIMEOUT)
        assert post(other, squares((1, 1))).status_code == 200
        website.go.set()
        assert waiting().status_code == 200


def test_a_client_that_leaves_makes_room(service: Cluster, website: Website, squares: Callable[..., bytes]) -> None:
    head = service.nodes[0]
    body = b'{"images": [{"url": "%s"}]}' % website.url.encode()
    request = b"POST /v1/faces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
    with socket.create_connection(("127.0.0.1", httpx.URL(head.url).port or 0)) as connection:
        connection.sendall(request % (len(body), body))
        assert website.came.acquire(timeout=TIMEOUT)
        assert post(head, squares((1, 1))).status_code == 429
    wait_until(lambda: post(head, squares((1, 1))).status_code == 200)
