"""A runtime that raises, runs out of memory, hangs, or answers nonsense: each is an error by the book, and passes."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from vultus.runtime.network import Outputs

pytestmark = pytest.mark.unit

TASKS = ("detection", "embedding", "attributes")


def raising(error: Exception) -> Callable[[Outputs], Outputs]:
    def fail(_: Outputs) -> Outputs:
        raise error

    return fail


def not_finite(outputs: Outputs) -> Outputs:
    return tuple(np.full_like(output, np.nan) for output in outputs)


def too_wide(outputs: Outputs) -> Outputs:
    return tuple(np.concatenate([output, output], axis=-1) for output in outputs)


def too_few(outputs: Outputs) -> Outputs:
    return tuple(output[:, : output.shape[1] // 2] for output in outputs)


FAULTS = {
    "raises": (raising(RuntimeError("device lost")), 500, {"internal_error"}),
    "raises an error of its own": (raising(type("DriverError", (Exception,), {})("gone")), 500, {"internal_error"}),
    "out of memory": (raising(MemoryError()), 503, {"out_of_memory"}),
    "out of memory, as OpenVINO says it": (raising(RuntimeError("std::bad_alloc")), 503, {"out_of_memory"}),
    "not a number": (not_finite, 500, {"engine_failed"}),
    "wrong shape": (too_wide, 500, {"model_graph_incompatible", "engine_failed"}),
    "another wrong shape": (too_few, 500, {"model_graph_incompatible", "engine_failed"}),
}


@pytest.fixture(autouse=True)
def _healed(faulty: Any) -> Iterator[None]:
    yield
    faulty.switch.heal()


def post_v1(faulty: Any, picture: bytes, timeout: str = "60") -> httpx.Response:
    headers = {"content-type": "image/png", "x-request-timeout": timeout}
    answer: httpx.Response = faulty.client.post("/v1/faces?attributes=landmarks106", content=picture, headers=headers)
    return answer


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", FAULTS)
def test_the_native_api_says_what_went_wrong_and_the_next_request_is_served(
    faulty: Any, name: str, task: str, squares: Callable[..., bytes]
) -> None:
    fault, status, codes = FAULTS[name]
    faulty.switch.faults[task] = fault
    answer = post_v1(faulty, squares((1, 1)))
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["code"] in codes
    assert "Traceback" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)
    faulty.switch.heal()
    healed = post_v1(faulty, squares((1, 1)))
    assert healed.status_code == 200
    [face] = healed.json()["pictures"][0]["faces"]
    assert len(face["attributes"]["landmarks106"]) == 106


ASKS: dict[str, Callable[[Any, bytes], httpx.Response]] = {
    "/extract": lambda client, text: client.post("/extract", json={"images": {"data": [text.decode()]}}),
    "/draw_detections": lambda client, text: client.post(
        "/draw_detections", json={"images": {"data": [text.decode()]}}
    ),
    "/embedding": lambda client, text: client.post("/embedding", files={"image": base64.b64decode(text)}),
    "/detect": lambda client, text: client.post("/detect", files={"file": base64.b64decode(text)}),
    "/embed": lambda client, text: client.post("/embed", files={"file": base64.b64decode(text)}),
    "/find_faces": lambda client, text: client.post(
        "/find_faces?face_plugins=calculator", files={"file": base64.b64decode(text)}
    ),
}


@pytest.mark.parametrize("path", ASKS)
@pytest.mark.parametrize("name", FAULTS)
def test_every_dialect_says_it_in_its_own_words(
    faulty: Any, name: str, path: str, squares: Callable[..., bytes]
) -> None:
    fault, status, _ = FAULTS[name]
    text = base64.b64encode(squares((1, 1)))
    faulty.switch.faults = dict.fromkeys(TASKS, fault)
    answer = ASKS[path](faulty.client, text)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert {"detail", "error", "message"} & answer.json().keys()
    assert "Traceback" not in answer.text
    documented = faulty.client.get("/openapi.json").json()["paths"][path]["post"]["responses"]
    assert str(status) in documented
    faulty.switch.heal()
    assert ASKS[path](faulty.client, text).status_code == 200


def test_one_request_of_many_fails_alone(faulty: Any, squares: Callable[..., bytes]) -> None:
    """Memory that is short for one does not take anything from those that are worked on beside it."""
    once = threading.Lock()

    def fail_once(outputs: Outputs) -> Outputs:
        if once.acquire(blocking=False):
            raise MemoryError
        return outputs

    faulty.switch.faults["detection"] = fail_once

    async def ask_all() -> list[int]:
        import asyncio

        headers = {"content-type": "image/png"}
        asks = [faulty.client.post_async("/v1/faces", content=squares((1, 1)), headers=headers) for _ in range(8)]
        return [answer.status_code for answer in await asyncio.gather(*asks)]

    assert sorted(faulty.client.run(ask_all())) == [200] * 7 + [503]


def test_a_network_that_hangs_costs_its_request_its_deadline_and_others_nothing(
    start_faulty: Callable[..., Any], squares: Callable[..., bytes]
) -> None:
    faulty = start_faulty()
    freed, once = threading.Event(), threading.Lock()

    def hang_once(outputs: Outputs) -> Outputs:
        if once.acquire(blocking=False):
            assert freed.wait(60)
        return outputs

    faulty.switch.faults["detection"] = hang_once
    try:
        late = post_v1(faulty, squares((1, 1)), timeout="0.3")
        assert (late.status_code, late.json()["code"]) == (503, "deadline_exceeded")
        assert post_v1(faulty, squares((1, 1))).status_code == 200
    finally:
        freed.set()


def test_when_every_worker_hangs_requests_end_at_their_deadline_and_the_rest_goes_on(
    start_faulty: Callable[..., Any], squares: Callable[..., bytes]
) -> None:
    faulty = start_faulty(streams=1)
    freed = threading.Event()

    def hang(outputs: Outputs) -> Outputs:
        assert freed.wait(60)
        return outputs

    faulty.switch.faults["detection"] = hang
    try:
        for _ in range(6):  # more than there are threads
            answer = post_v1(faulty, squares((1, 1)), timeout="0.3")
            assert (answer.status_code, answer.json()["code"]) in {(503, "deadline_exceeded"), (429, "overloaded")}
        assert faulty.client.get("/live").status_code == 200
        assert faulty.client.get("/metrics").status_code == 200
    finally:
        freed.set()
    faulty.switch.heal()
    while (answer := post_v1(faulty, squares((1, 1)))).status_code == 429:  # until those that hung are done
        assert answer.json()["code"] == "overloaded"
    assert answer.status_code == 200
