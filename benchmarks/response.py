"""What of a request the response takes: ``/extract`` of the mosaic, one at a time, through the application itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any, ParamSpec, TypeVar
from unittest import mock

import httpx
import orjson
import ormsgpack
from fastapi import FastAPI

from benchmarks import bodies, pictures, places
from benchmarks.load import Body
from benchmarks.report import Bar, Report, Row
from benchmarks.subject import Options
from benchmarks.timing import in_turn, paired_ratio, spread
from vultus.server.app import create_app
from vultus.server.gathering import Gathering, Order
from vultus.settings import load_settings

P = ParamSpec("P")
T = TypeVar("T")

PATH = "/extract"
PATIENCE_SECONDS = 60
MOST = 0.1
"""Of a request in MessagePack, what its response path may take."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Where the seconds of one request went.

    Attributes:
        read: Taking the body apart.
        analyze: From then until the last face is known: the walk, and waiting for workers.
        respond: The response path: from faces to the answer's bytes.
        whole: From the request's entering the application to the end of its answer.
        size: Bytes of the answer.
        faces: Faces in it.
    """

    read: float
    analyze: float
    respond: float
    whole: float
    size: int
    faces: int


def marked(job: Callable[P, T], marks: list[float]) -> Callable[P, T]:
    """``job``, which notes when it begins and when it has ended."""

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        marks.append(perf_counter())
        done = job(*args, **kwargs)
        marks.append(perf_counter())
        return done

    return run


@contextmanager
def watched() -> Iterator[list[float]]:
    """Whenever a request is served: when reading it begins and ends, then when finishing its answer does."""
    marks: list[float] = []
    begin = Gathering.begin

    def begin_marked(gathering: Gathering, read: Callable[[], Order]) -> None:
        def read_marked() -> Order:
            order = marked(read, marks)()
            return replace(order, finish=marked(order.finish, marks))

        begin(gathering, read_marked)

    with mock.patch.object(Gathering, "begin", begin_marked):
        yield marks


@contextmanager
def open_application(**settings: Any) -> Iterator[tuple[FastAPI, asyncio.Runner]]:  # noqa: ANN401 - checked by the settings
    """An application that is ready, and the event loop it lives on.

    Raises:
        RuntimeError: It could not start.
    """
    ready = threading.Event()
    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        failures.append(error)
        ready.set()

    app = create_app(load_settings(**settings), on_ready=lambda _: ready.set(), on_failure=fail)
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        try:
            if not ready.wait(PATIENCE_SECONDS) or failures:
                raise RuntimeError("the application does not start") from (failures[0] if failures else None)
            yield app, runner
        finally:
            runner.run(lifespan.__aexit__(None, None, None))


async def ask(app: FastAPI, body: Body, marks: list[float]) -> Stages:
    """Post one body to the application, of which ``marks`` are those of ``watched``.

    Raises:
        RuntimeError: The answer is not good.
    """
    headers = {"Content-Type": body.content_type, "Accept": body.accept}
    marks.clear()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=PATIENCE_SECONDS) as client:
        begun = perf_counter()
        answer = await client.post(PATH, content=body.content, headers=headers)
        whole = perf_counter() - begun
    if answer.status_code != 200 or body.marker.encode() not in answer.content:
        raise RuntimeError(f"the answer is not good: {answer.status_code}, {answer.content[:200]!r}")
    read_begun, read_done, finish_begun, finish_done = marks
    document = ormsgpack.unpackb(answer.content) if body.accept == bodies.X_MSGPACK else orjson.loads(answer.content)
    return Stages(
        read=read_done - read_begun,
        analyze=finish_begun - read_done,
        respond=finish_done - finish_begun,
        whole=whole,
        size=len(answer.content),
        faces=sum(len(picture["faces"]) for picture in document["data"]),
    )


def measure(requests: Mapping[str, Body], rounds: int, **settings: Any) -> dict[str, list[Stages]]:  # noqa: ANN401
    """Post the bodies in turn, after one each that does not count; by their names."""
    with ExitStack() as stack:
        marks = stack.enter_context(watched())
        app, runner = stack.enter_context(open_application(**settings))
        jobs = {name: partial(_ask, runner, app, body, marks) for name, body in requests.items()}
        in_turn(jobs, 1)  # warm-up
        return in_turn(jobs, rounds, alternate=True)


def _ask(runner: asyncio.Runner, app: FastAPI, body: Body, marks: list[float]) -> Stages:
    return runner.run(ask(app, body, marks))


def requests(picture: bytes) -> dict[str, Body]:
    """Both serialisations, without and with the faces' crops."""
    made = {}
    for name, make in (("MessagePack", bodies.extract_msgpack), ("JSON", bodies.extract_json)):
        for crops in (False, True):
            made[f"{name}{', with crops' if crops else ''}"] = make(
                [picture], return_landmarks=True, return_face_data=crops
            )
    return made


def run(options: Options) -> Report:
    """The mosaic in MessagePack and JSON, without and with the faces' crops."""
    mosaic = pictures.make().mosaic
    rounds = options.pick(25, 3)
    found = measure(requests(mosaic.read_bytes()), rounds, model_path=places.models(), offline=True)
    return Report(
        "response",
        f"POST {PATH}, the mosaic, embeddings and five landmarks: what of a request the response path takes, f32",
        [row for name, stages in found.items() for row in report_rows(name, stages)],
        notes=[
            f"One request at a time through the application in one process, no sockets; {rounds} rounds in turn, "
            "medians; a share is the median of the requests' own shares.",
            "Response path: from the faces of the engine to the bytes of the answer. With crops it has to write each "
            "face's crop as a JPEG.",
        ],
        models=["scrfd_500m_bnkps", "w600k_mbf"],
        detail={name: list(map(asdict, stages)) for name, stages in found.items()},
    )


def report_rows(name: str, stages: Sequence[Stages]) -> list[Row]:
    """The figures of one kind of request; only plain MessagePack has a bar."""
    parts = {
        "request parsing": [each.read for each in stages],
        "analysis": [each.analyze for each in stages],
        "response path": [each.respond for each in stages],
        "whole request": [each.whole for each in stages],
    }
    share = paired_ratio(parts["response path"], parts["whole request"])
    return [
        Row(f"{name}: faces", min(each.faces for each in stages)),
        Row(f"{name}: answer", spread([each.size / 1e3 for each in stages]).median, "kB"),
        *(Row(f"{name}: {what}", spread(values).median * 1e3, "ms") for what, values in parts.items()),
        Row(f"{name}: response path's share", share, "", Bar("<=", MOST) if name == "MessagePack" else None),
    ]
