"""A Ray cluster of two nodes on this machine, started once, and a website that keeps who asks waiting."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.ray_cluster import Cluster


@pytest.fixture(scope="session")
def catalogue_of_second_node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue that the second node alone adds to its own: whoever starts an engine there reads it."""
    path = tmp_path_factory.mktemp("second") / "models.toml"
    path.write_text("")
    return path


@pytest.fixture(scope="session")
def cluster(catalogue_of_second_node: Path) -> Iterator[Cluster]:
    """Two nodes of one core each, on paper, so that of two replicas each has one."""
    if sys.platform != "linux" or find_spec("ray") is None:
        pytest.skip("needs Linux, and Ray: pip install 'vultus[ray]'")
    with Cluster(1, {"VULTUS_MODELS": str(catalogue_of_second_node)}) as running:
        yield running


class Website:
    """Answers ``GET /`` with a picture once it is told to.

    Attributes:
        url: Of the picture.
        came: Released for each request that has come.
        go: Lets all answers go.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        self.came = threading.Semaphore(0)
        self.go = threading.Event()


@pytest.fixture
def website(squares: Callable[..., bytes]) -> Iterator[Website]:
    picture = squares((1, 1))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.came.release()
            site.go.wait()
            self.send_response(200)
            self.send_header("content-length", str(len(picture)))
            self.end_headers()
            self.wfile.write(picture)

        def log_message(self, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Website(server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield site
    site.go.set()
    server.shutdown()
    thread.join()
    server.server_close()
