"""A line for each request, and nothing in any line that is nobody's business."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from typing import Any

import pytest

from vultus.errors import EngineError
from vultus.server.logs import FACTS

pytestmark = pytest.mark.unit


@pytest.fixture
def client(start_app: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> Any:
    client = start_app(streams=1, access_log=True, fetch_urls=True, fetch_private=True)
    caplog.set_level(logging.INFO, "vultus.access")
    return client


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [getattr(record, FACTS) for record in caplog.records if record.name == "vultus.access"]


def test_a_request_is_told_with_its_pictures_and_faces(
    client: Any, caplog: pytest.LogCaptureFixture, squares: Callable[..., bytes]
) -> None:
    pictures = [("file", squares((1, 1), (1, 2))), ("file", b"no picture")]
    assert client.post("/v1/faces?max_faces=0", files=pictures).status_code == 200
    [facts] = lines(caplog)
    assert facts.pop("milliseconds") > 0
    assert facts == {"method": "POST", "route": "/v1/faces", "status": 200, "pictures": 2, "faces": 2}
    assert "POST /v1/faces 200 in " in caplog.text
    assert "max_faces" not in caplog.text


def test_refusals_and_unknown_paths_are_told_too(client: Any, caplog: pytest.LogCaptureFixture) -> None:
    client.post("/v1/faces", content=b"x", headers={"content-type": "text/plain"})
    client.get("/secret-of-a-client")
    assert [(facts["route"], facts["status"]) for facts in lines(caplog)] == [("/v1/faces", 415), ("unmatched", 404)]
    assert "secret-of-a-client" not in caplog.text


@pytest.mark.parametrize(("error", "status"), [(ZeroDivisionError, 500), (MemoryError, 503)])
def test_what_escapes_is_told_as_it_is_answered(
    client: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
    status: int,
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(type(client.app.state.service.metrics), "exposition", broken)
    assert client.get("/metrics").status_code == status
    assert [(facts["route"], facts["status"]) for facts in lines(caplog)] == [("/metrics", status)]


def test_unless_asked_nothing_is_told(start_app: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vultus.access")
    start_app(streams=1).get("/live")
    assert not lines(caplog)


def test_no_line_tells_a_picture_an_embedding_a_key_or_an_address(
    client: Any, caplog: pytest.LogCaptureFixture, squares: Callable[..., bytes]
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "urllib3", "python_multipart", "PIL"):  # as a server has them
        logging.getLogger(name).setLevel(logging.WARNING)
    picture = squares((1, 1))
    text = base64.b64encode(picture).decode()
    headers = {"authorization": "Bearer token-of-a-client", "x-api-key": "key-of-a-client"}
    named = {"url": "http://127.0.0.1:1/signed.jpg?signature=of-a-client"}
    answers = [
        client.post("/v1/faces", json={"images": [text, named]}, headers=headers),
        client.post("/extract", json={"images": {"urls": [named["url"]]}}, headers=headers),
        client.post("/find_faces_base64", json={"file": text[:-9]}, headers=headers),
    ]
    assert answers[0].json()["pictures"][1]["error"]["code"] == "picture_unreachable"
    vector = answers[0].json()["pictures"][0]["faces"][0]["embedding"]
    told = caplog.text
    assert "/v1/faces" in told
    for secret in ("of-a-client", "signed.jpg", text[:40], str(vector[0])):
        assert secret not in told


def test_a_failure_is_logged_without_what_was_sent(
    client: Any, caplog: pytest.LogCaptureFixture, squares: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise EngineError("the device is gone")

    monkeypatch.setattr(client.app.state.service.lifecycle.engine._walk, "analyze", broken)
    answer = client.post("/v1/faces", content=squares(), headers={"content-type": "image/png"})
    assert (answer.status_code, answer.json()["code"]) == (500, "engine_failed")
    assert lines(caplog)[-1]["status"] == 500
    [failure] = [record for record in caplog.records if record.name == "vultus.server.app"]
    assert "the device is gone" in failure.getMessage()
    assert failure.exc_info
