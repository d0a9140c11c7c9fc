"""What many tests share: real weights and photographs, where this machine has them, and a server without weights."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from benchmarks.places import SHARED, VARIABLES
from vultus.server.canary import Canary
from vultus.settings import ENV_PREFIX

if TYPE_CHECKING:
    from benchmarks.triton_server import Triton

T = TypeVar("T")
MARKS = frozenset({"unit", "integration", "performance"})
NOT_HERE = "beside the repository, which is not here"


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Every test has exactly one of the marks: ``-m unit`` must mean what it says."""
    wrong = [item.nodeid for item in items if len(MARKS & {mark.name for mark in item.iter_markers()}) != 1]
    if wrong:
        raise pytest.UsageError(f"exactly one of the marks {', '.join(sorted(MARKS))} is needed: {', '.join(wrong)}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A suite that is green because half of it was left out must not look whole."""
    left_out = sum(NOT_HERE in str(report.longrepr) for report in terminalreporter.stats.get("skipped", ()))
    if left_out:
        terminalreporter.section("not the whole suite", sep="!", red=True, bold=True)
        terminalreporter.write_line(f"{left_out} tests were SKIPPED: weights or photographs are not in {SHARED}")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_user() -> Iterator[None]:
    """Tests see the defaults, whatever this user has set; only the variables of the benchmarks stay."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(ENV_PREFIX) and name not in VARIABLES]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Programs under test can be interrupted, also where a shell that started this in the background said otherwise."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _canaries_stay_on_the_ground() -> Iterator[None]:
    """No application in this process checks itself of its own accord: one that does so just while a test has broken
    the networks would call itself sick to the tests after it, which share it. Tests of that have canaries of their own.
    """

    async def wait(_: float) -> None:
        await asyncio.Event().wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vultus.server.app.Canary", partial(Canary, clock=lambda: 0.0, pause=wait))
        yield


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"needs the folder ../shared/{name} {NOT_HERE}")
    return folder


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """Folder of real network files."""
    return _shared("models")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of photographs with ground truth."""
    return _shared("data")


class AppClient:
    """Asks an application in this process; its event loop runs on a thread of its own, as a server's would."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        self._lifespan = self.app.router.lifespan_context(self.app)
        self.run(self._lifespan.__aenter__())
        transport = httpx.ASGITransport(app=self.app)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60)
        return self

    def __exit__(self, *exc: object) -> None:
        self.run(self._client.aclose())
        self.run(self._lifespan.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the application's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.run(self._client.get(path, **options))

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.run(self._client.post(path, **options))

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.run(self._client.request(method, path, **options))

    async def get_async(self, path: str, **options: Any) -> httpx.Response:
        return await self._client.get(path, **options)

    async def post_async(self, path: str, **options: Any) -> httpx.Response:
        return await self._client.post(path, **options)


@pytest.fixture(scope="session")
def start_app() -> Iterator[Callable[..., AppClient]]:
    """Starts an application without weights and waits until it is ready; all are closed at the end.

    Keyword arguments are settings; ``engine_factory`` goes to ``create_app``.
    """
    from vultus.server.app import create_app  # here, as most tests need no server
    from vultus.settings import Settings

    with ExitStack() as open_apps:

        def start(**given: Any) -> AppClient:
            ready = threading.Event()
            parts = {name: given.pop(name) for name in ("engine_factory",) if name in given}
            settings = Settings(**{"runtime": "dummy", "streams": 2, **given})
            failures: list[BaseException] = []

            def fail(error: BaseException) -> None:
                failures.append(error)
                ready.set()

            app = create_app(settings, on_ready=lambda _: ready.set(), on_failure=fail, **parts)
            client = open_apps.enter_context(AppClient(app))
            assert ready.wait(60)
            if failures:
                raise failures[0]
            return client

        yield start


@pytest.fixture(scope="session")
def client(start_app: Callable[..., AppClient]) -> AppClient:
    """A ready application with the default settings."""
    return start_app()


@pytest.fixture(scope="session")
def squares() -> Callable[..., bytes]:
    """Makes a PNG in which the dummy detector finds a face for each given cell of a 640 x 640 canvas.

    A cell is ``(row, column)`` or ``(row, column, (red, green, blue))``; the face's box is the 32 x 32 cell, scaled as
    the picture is, and its score is the cell's brightness.
    """

    def draw(*cells: tuple[Any, ...], side: int = 640) -> bytes:
        pixels = np.zeros((side, side, 3), np.uint8)
        cell = 32 * side // 640
        for row, column, *color in cells:
            pixels[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell] = color[0] if color else 255
        with io.BytesIO() as file:
            Image.fromarray(pixels).save(file, "PNG")
            return file.getvalue()

    return draw


@pytest.fixture(scope="session")
def crop_png() -> Callable[..., bytes]:
    """Makes a PNG of one colour; 112 x 112 unless told otherwise."""

    def draw(color: tuple[int, int, int] = (250, 240, 230), width: int = 112, height: int = 112) -> bytes:
        with io.BytesIO() as file:
            Image.new("RGB", (width, height), color).save(file, "PNG")
            return file.getvalue()

    return draw


@pytest.fixture(scope="session")
def triton_repository(shared_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default pack as models in Python for a Triton server, with one canvas of 640 x 640."""
    from tests.triton_server import settings_of

    from benchmarks.triton_server import export  # here, as few tests need a server

    return export(settings_of(shared_models), tmp_path_factory.mktemp("triton") / "repository")


@pytest.fixture(scope="session")
def triton(triton_repository: Path) -> Iterator[Triton]:
    """A real Triton server with the default pack, for the whole session; tests that kill one start their own."""
    from tests.triton_server import running

    with running(triton_repository) as server:
        yield server
