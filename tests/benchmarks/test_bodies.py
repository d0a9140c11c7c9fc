"""Requests and answers."""

from __future__ import annotations

import base64
import json

import httpx
import ormsgpack
import pytest

from benchmarks import bodies

pytestmark = pytest.mark.unit


def test_extract_is_asked_as_its_clients_do() -> None:
    body = bodies.extract_json([b"\xff\xd8picture"])
    assert json.loads(body.content) == {"images": {"data": [base64.b64encode(b"\xff\xd8picture").decode()]}}
    assert (body.content_type, body.accept) == ("application/json", "application/json")


def test_extract_in_messagepack_holds_raw_bytes_and_what_else_is_asked() -> None:
    body = bodies.extract_msgpack([b"\xff\xd8picture"], return_landmarks=True)
    assert ormsgpack.unpackb(body.content) == {"images": {"data": [b"\xff\xd8picture"]}, "return_landmarks": True}
    assert (body.content_type, body.accept) == ("application/x-msgpack", "application/x-msgpack")


def test_faces_in_messagepack_hold_raw_bytes() -> None:
    body = bodies.faces_msgpack([b"\xff\xd8picture"])
    assert ormsgpack.unpackb(body.content) == {"images": [b"\xff\xd8picture"]}


def test_ask_faces_reads_boxes_and_embeddings_of_each_picture() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert [base64.b64decode(image) for image in json.loads(request.content)["images"]] == [b"one", b"two"]
        face = {"box": [1, 2, 3, 4.5], "embedding": [0.6, 0.8]}
        return httpx.Response(200, json={"pictures": [{"faces": [face, face]}, {"faces": []}]})

    with httpx.Client(base_url="http://test", transport=httpx.MockTransport(answer)) as client:
        first, second = bodies.ask_faces(client, [b"one", b"two"])
    assert first.boxes.tolist() == [[1, 2, 3, 4.5]] * 2
    assert first.embeddings.shape == (2, 2)
    assert (second.boxes.shape, second.embeddings.shape) == ((0, 4), (0, 0))


def test_ask_faces_does_not_take_an_error_for_an_answer() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(503))
    with httpx.Client(base_url="http://test", transport=transport) as client, pytest.raises(httpx.HTTPStatusError):
        bodies.ask_faces(client, [b"one"])
