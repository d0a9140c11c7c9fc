"""Against a real Triton server: the same answers as in this process, over every way there is, also after a kill."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as client
from tests.conftest import AppClient
from tests.triton_server import running, settings_of

from benchmarks.triton_server import Triton, export
from vultus import FaceEngine
from vultus.errors import HashMismatch, ModelUnavailable, NotReady
from vultus.runtime.ticket import Ticket
from vultus.runtime.triton.runtime import TritonRuntime
from vultus.server.app import create_app
from vultus.settings import Settings
from vultus.types import Analysis

pytestmark = pytest.mark.integration

WAYS = [("grpc", "off"), ("http", "off"), ("grpc", "system"), ("http", "system")]
COSINE = 0.99999
PIXELS = 0.01  # boxes and landmarks of both may differ by so much: the last bits of float32
DIALECTS = ("face-triton",)
CLIENTS = 4


@pytest.fixture(scope="module")
def triton(shared_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
    """A server with the networks of the small pack."""
    folder = tmp_path_factory.mktemp("triton") / "models"
    with running(export(settings_of(shared_models, dialects=DIALECTS), folder)) as server:
        yield server


@pytest.fixture(scope="module")
def pictures(shared_data: Path) -> list[Path]:
    """Photographs of none to eight faces."""
    return sorted((shared_data / "compreface_samples").glob("*.jpg"))


@pytest.fixture(scope="module")
def local(shared_models: Path) -> Iterator[FaceEngine]:
    """The same networks in this process."""
    with FaceEngine(settings_of(shared_models, dialects=DIALECTS)) as engine:
        yield engine


@pytest.fixture(scope="module")
def expected(local: FaceEngine, pictures: list[Path]) -> list[Analysis]:
    """What the photographs show, by the networks in this process."""
    return [analysis for analysis in local.analyze_many(pictures) if isinstance(analysis, Analysis)]


@pytest.fixture
def remote(triton: Triton, shared_models: Path) -> Iterator[Callable[..., FaceEngine]]:
    """Makes engines that compute on the server; arguments are a protocol, and whether memory is shared."""
    engines = []

    def make(scheme: str = "grpc", sharing: str = "off") -> FaceEngine:
        engine = FaceEngine(settings_of(shared_models, dialects=DIALECTS, **given(triton, scheme, sharing)))
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.close()


def given(triton: Triton, scheme: str, sharing: str) -> dict[str, Any]:
    """Settings to compute on the server."""
    url = f"{scheme}://{triton.grpc if scheme == 'grpc' else triton.http}"
    return {
        "runtime": "triton",
        "triton_url": url,
        "triton_mem": sharing,
        "triton_wait": 0,
    }


def assert_same(found: Analysis, expected: Analysis) -> None:
    assert len(found.faces) == len(expected.faces)
    for face, other in zip(found.faces, expected.faces, strict=True):
        np.testing.assert_allclose(face.box, other.box, atol=PIXELS)
        assert face.landmarks is not None
        assert other.landmarks is not None
        np.testing.assert_allclose(face.landmarks, other.landmarks, atol=PIXELS)
        assert face.score == pytest.approx(other.score, abs=1e-4)
        assert face.embedding is not None
        assert other.embedding is not None
        assert float(face.embedding @ other.embedding) >= COSINE
        assert face.embedding.flags.writeable


@pytest.mark.parametrize(("scheme", "sharing"), WAYS)
def test_every_way_comes_to_what_the_networks_come_to_in_this_process(
    scheme: str,
    sharing: str,
    remote: Callable[..., FaceEngine],
    triton: Triton,
    pictures: list[Path],
    expected: list[Analysis],
) -> None:
    engine = remote(scheme, sharing)
    assert sum(len(analysis.faces) for analysis in expected) > 20
    for found, other in zip(engine.analyze_many(pictures), expected, strict=True):
        assert isinstance(found, Analysis)
        assert_same(found, other)
    with client.InferenceServerClient(triton.http) as asked:
        assert bool(asked.get_system_shared_memory_status()) == (sharing == "system")
        engine.close()
        assert asked.get_system_shared_memory_status() == []


@pytest.mark.parametrize("sharing", ["off", "system"])
def test_rows_of_many_callers_share_the_servers_batches_and_come_back_to_whom_they_belong(
    sharing: str, remote: Callable[..., FaceEngine], triton: Triton, local: FaceEngine
) -> None:
    model = local.model("w600k_mbf")
    network = remote("grpc", sharing).runtime.load(model, Path(model.file), model.input)
    crops = np.random.default_rng(1).integers(0, 256, (96, 112, 112, 3), np.uint8)
    alone = local.runtime.load(model, local.path(model), model.input).run(crops, Ticket())[0]
    before = counts(triton, model.name)
    with ThreadPoolExecutor(32) as threads:
        parts = list(threads.map(lambda crop: network.run(crop[np.newaxis], Ticket())[0][0], crops))
    after = counts(triton, model.name)
    norms = np.linalg.norm(alone, axis=1) * np.linalg.norm(parts, axis=1)
    assert ((alone * np.array(parts)).sum(axis=1) / norms).min() >= COSINE
    rows, batches = after[0] - before[0], after[1] - before[1]
    assert rows == len(crops)
    assert batches < rows  # while one is computed others come, and wait together


def counts(triton: Triton, name: str) -> tuple[int, int]:
    """Rows and batches that the server has computed of a network."""
    with client.InferenceServerClient(triton.http) as asked:
        (told,) = asked.get_inference_statistics(name)["model_stats"]
    return told["inference_count"], told["execution_count"]


def test_networks_that_are_not_there_or_others_are_refused_when_loaded(
    remote: Callable[..., FaceEngine], local: FaceEngine
) -> None:
    runtime = remote().runtime
    model = local.model("w600k_mbf")
    with pytest.raises(HashMismatch, match="another file"):
        runtime.load(replace(model, sha256="b" * 64), Path(model.file), model.input)
    other = local.model("scrfd_2.5g_bnkps")
    with pytest.raises(ModelUnavailable, match=r"scrfd_2\.5g_bnkps_640x640; add it.*`vultus triton export`"):
        runtime.load(other, Path(other.file), other.input)


def test_a_start_without_the_networks_is_an_error_that_says_what_to_do(triton: Triton, shared_models: Path) -> None:
    settings = settings_of(shared_models, detector="scrfd_2.5g_bnkps", **given(triton, "grpc", "off"))
    with FaceEngine(settings) as engine, pytest.raises(ModelUnavailable, match="vultus triton export"):
        engine.prepare()


@contextmanager
def serving(**settings: Any) -> Iterator[AppClient]:
    """A ready application, closed before the server that it asks: that waits for questions to end."""
    settled = threading.Event()
    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        failures.append(error)
        settled.set()

    with AppClient(create_app(Settings(**settings), on_ready=lambda _: settled.set(), on_failure=fail)) as client:
        assert settled.wait(60)
        assert not failures
        yield client


def form(**pictures: Path) -> dict[str, tuple[str, bytes]]:
    return {name: (picture.name, picture.read_bytes()) for name, picture in pictures.items()}


def test_the_similarity_api_answers_as_it_does_with_the_networks_in_this_process(
    triton: Triton, shared_models: Path, pictures: list[Path]
) -> None:
    common = {"model_path": (shared_models,), "offline": True, "aspect": "square", "dialects": DIALECTS}
    one, other = pictures[1], pictures[4]
    with serving(**common, runtime="openvino") as app, serving(**common, **given(triton, "http", "auto")) as remote:
        here, there = (each.post("/embedding", files=form(image=one)).json()["embedding"] for each in (app, remote))
        assert np.array(there).shape == (1, 512)
        assert cosine(here[0], there[0]) >= COSINE
        for files in (form(image_a=one, image_b=other), form(image_a=one, image_b=one)):
            here, there = (each.post("/face-similarity", files=files).json()["similarity"] for each in (app, remote))
            assert there == pytest.approx(here, abs=1e-5)
    assert there == pytest.approx(1, abs=1e-6)


def cosine(one: list[float], other: list[float]) -> float:
    return float(np.dot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other)))


class Load:
    """Clients that ask one thing after the other.

    Attributes:
        phase: What is going on.
        seen: Answers, by the phase in which they were asked for, status and code.
    """

    def __init__(self) -> None:
        self.phase = "before"
        self.seen: Counter[tuple[str, int, str]] = Counter()
        self._news = threading.Condition()

    @contextmanager
    def on(self, app: AppClient, picture: bytes) -> Iterator[None]:
        """Ask within a ``with`` block."""
        threads = [threading.Thread(target=self._ask, args=(app, picture)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.phase = "over"
            for thread in threads:
                thread.join()

    def wait_for(self, *entry: Any) -> None:
        """Until there are ten answers of a kind."""
        with self._news:
            assert self._news.wait_for(lambda: self.seen[entry] >= 10, 120), self.seen

    def _ask(self, app: AppClient, picture: bytes) -> None:
        while (phase := self.phase) != "over":
            answer = app.post("/v1/faces", files={"file": picture})
            with self._news:
                self.seen[phase, answer.status_code, answer.json().get("code", "")] += 1
                self._news.notify_all()


@pytest.mark.parametrize(("scheme", "sharing"), [("grpc", "system"), ("http", "off")])
def test_a_server_that_is_killed_under_load_is_told_and_comes_back_without_a_restart_of_this_one(
    scheme: str,
    sharing: str,
    triton: Triton,
    shared_models: Path,
    pictures: list[Path],
) -> None:
    picture = pictures[1].read_bytes()
    load = Load()
    settings = settings_of(shared_models, **given(triton, scheme, sharing))
    try:
        with serving(**settings.model_dump(exclude_unset=True)) as app, load.on(app, picture):
            load.wait_for("before", 200, "")
            load.phase = "killed"
            triton.kill()
            load.wait_for("killed", 503, "not_ready")
            assert app.get("/ready").status_code == 503
            assert app.get("/ready").json()["code"] == "not_ready"
            assert app.get("/live").status_code == 200
            load.phase = "restarting"
            triton.restart()
            load.wait_for("restarting", 200, "")
            assert app.get("/ready").status_code == 200
    finally:
        if not triton.server.is_ready():
            triton.restart()
    assert {(status, code) for _, status, code in load.seen} == {(200, ""), (503, "not_ready")}
    assert load.seen["before", 503, "not_ready"] <= CLIENTS  # those under way when it was killed


def test_without_a_server_calls_of_the_library_fail_at_once(
    triton: Triton, remote: Callable[..., FaceEngine], pictures: list[Path], expected: list[Analysis]
) -> None:
    engine = remote("grpc", "auto")
    assert isinstance(engine.runtime, TritonRuntime)
    assert engine.runtime.shares_memory
    assert_same(engine.analyze(pictures[1]), expected[1])
    triton.kill()
    try:
        with pytest.raises(NotReady):
            engine.analyze(pictures[1])
    finally:
        triton.restart()
    ticket = Ticket.within(60)
    while True:
        try:
            assert_same(engine.analyze(pictures[1]), expected[1])
        except NotReady:
            ticket.check()
        else:
            break
