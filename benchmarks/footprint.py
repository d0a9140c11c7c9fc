"""How soon a server answers, and how much memory it takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from benchmarks.load import Body
from benchmarks.server import Server

POLL_SECONDS = 0.01
PATIENCE_SECONDS = 60


def seconds_to_first_answer(models: Sequence[Path], path: str, body: Body, **settings: str) -> float:
    """Seconds from spawning a server to its first good answer. No cache of compiled graphs exists."""
    start = time.perf_counter()
    with Server(models, **settings) as server, httpx.Client(base_url=server.url, timeout=PATIENCE_SECONDS) as client:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not answers(client, path, body):
            server.check_alive(deadline)
            time.sleep(POLL_SECONDS)
        return time.perf_counter() - start


def answers(client: httpx.Client, path: str, body: Body) -> bool:
    """Whether a server has a good answer to this request by now."""
    try:
        answer = client.post(
            path, content=body.content, headers={"Content-Type": body.content_type, "Accept": body.accept}
        )
    except httpx.TransportError:
        return False
    return answer.status_code == 200 and body.marker.encode() in answer.content
