"""The ArcFace API: requests as its clients send them, and errors; letters and D3 as in ``test_arcface_api.py``."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vultus.errors import EngineError
from vultus.server.app import create_app
from vultus.settings import Settings

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]

# What .NET's MultipartFormDataContent emits: the boundary quoted in the header, nothing quoted in the part.
NET_BOUNDARY = "b1f6b7c2-5d3e-4c8c-9c39-0d8a2a0a4b11"
NET_KIND = f'multipart/form-data; boundary="{NET_BOUNDARY}"'
PATHS = ("/detect", "/embed", "/attributes")
PREFIXES = {
    "/detect": "Failed to detect faces: ",
    "/embed": "Failed to extract embedding: ",
    "/attributes": "Failed to analyze face: ",
}


def net_part(data: bytes, name: str = "photo.jpg") -> bytes:
    head = f"Content-Disposition: form-data; name=file; filename={name}; filename*=utf-8''{name}"
    return f"--{NET_BOUNDARY}\r\nContent-Type: image/jpeg\r\n{head}\r\n\r\n".encode() + data + b"\r\n"


def net(client: Any, path: str, *pictures: bytes) -> Any:
    """Send pictures as the C# client does, which sends one."""
    body = b"".join(map(net_part, pictures)) + f"--{NET_BOUNDARY}--\r\n".encode()
    return client.post(path, content=body, headers={"content-type": NET_KIND})


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    with io.BytesIO() as file:
        image.save(file, kind, **options)
        return file.getvalue()


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8))


@pytest.fixture(scope="module")
def nested(start_app: Callable[..., Any]) -> Any:
    """A server as the C# client wants it."""
    return start_app(pack="antelopev2", arcface_api_form="nested")


# 2: requests


@pytest.mark.parametrize("path", PATHS)
def test_the_multipart_form_of_dotnet(client: Any, squares: Squares, path: str) -> None:
    """(a)."""
    assert net(client, path, squares((1, 2))).status_code == 200


@pytest.mark.parametrize("kind", ["image/jpeg", "application/octet-stream", "text/plain"])
def test_names_and_types_of_files_are_ignored_and_the_last_file_counts(
    client: Any, squares: Squares, kind: str
) -> None:
    one, none = net(client, "/detect", squares((1, 2))), net(client, "/detect", squares((1, 2)), squares())
    assert (len(one.json()["faces"]), none.json()) == (1, {"faces": []})
    boundary = "------------------------d74496d66958873e"  # as curl sends it
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x.exe"\r\nContent-Type: {kind}'
    body = f"{head}\r\n\r\n".encode() + squares((1, 2)) + f"\r\n--{boundary}--\r\n".encode()
    form = f"multipart/form-data; boundary={boundary}"
    assert client.post("/detect", content=body, headers={"content-type": form}).json() == one.json()


@pytest.mark.parametrize("value", ["true", "True", "TRUE", "1", "yes", "on", "t", "Y"])
def test_words_for_true(client: Any, squares: Squares, value: str) -> None:
    [face] = net(client, f"/detect?include_embeddings={value}", squares((1, 2))).json()["faces"]
    assert len(face["embedding"]) == face["embedding_dim"] == 512


@pytest.mark.parametrize("value", ["false", "False", "0", "no", "off", "f", "N"])
def test_words_for_false(client: Any, squares: Squares, value: str) -> None:
    [face] = net(client, f"/detect?include_embeddings={value}", squares((1, 2))).json()["faces"]
    assert not {"embedding", "embedding_dim"} & face.keys()


@pytest.mark.parametrize("value", ["", "maybe", "2"])
@pytest.mark.parametrize(("path", "option"), [("/detect", "include_embeddings"), ("/embed", "include_attributes")])
def test_any_other_word_is_refused(
    client: Any, nested: Any, squares: Squares, path: str, option: str, value: str
) -> None:
    """(i): as FastAPI tells it, in either form."""
    for server in (client, nested):
        answer = net(server, f"{path}?{option}={value}", squares())
        assert answer.status_code == 422
        [entry] = answer.json()["detail"]
        assert (entry["type"], entry["loc"], entry["input"]) == ("bool_parsing", ["query", option], value)


@pytest.mark.parametrize("path", PATHS)
def test_unknown_query_parameters_are_ignored(client: Any, squares: Squares, path: str) -> None:
    """(j)."""
    picture = squares((1, 2))
    assert net(client, f"{path}?include_emotion=maybe&x=", picture).json() == net(client, path, picture).json()


@pytest.mark.parametrize("path", PATHS)
def test_a_missing_file_is_told_as_fastapi_does(client: Any, nested: Any, path: str) -> None:
    """(i)."""
    missing = {"type": "missing", "loc": ["body", "file"], "msg": "Field required", "input": None}
    for server in (client, nested):
        for answer in (server.post(path), server.post(path, files={"image": b"x"}), server.post(path, json={})):
            assert (answer.status_code, answer.json()) == (422, {"detail": [missing]})


def test_a_file_sent_as_text_is_told_as_fastapi_does(client: Any) -> None:
    """(i)."""
    body = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nmy face\r\n--b--\r\n'
    answer = client.post("/detect", content=body, headers={"content-type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 422
    [entry] = answer.json()["detail"]
    assert (entry["type"], entry["loc"], entry["input"]) == ("value_error", ["body", "file"], "my face")


def test_a_damaged_form_is_a_bad_request(client: Any, nested: Any) -> None:
    """D3: 400."""
    for server in (client, nested):
        answer = server.post("/detect", content=net_part(b"x"), headers={"content-type": NET_KIND})
        assert answer.status_code == 400
        assert isinstance(answer.json()["detail"], str)


def test_another_method_and_a_retired_path(client: Any, squares: Squares) -> None:
    for path in PATHS:
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})
    for path in ("/register?person_id=1", "/recognize", "/batch_recognize"):
        assert net(client, path, squares()).status_code == 404
    assert client.get("/persons").status_code == 404


# 2: errors


@pytest.mark.parametrize(
    ("data", "status"), [(b"", 422), (b"not a picture", 415), (encoded(noise(90, 90), "JPEG")[:2000], 422)]
)
@pytest.mark.parametrize("path", PATHS)
def test_what_is_no_picture_is_an_error_with_the_same_words(
    client: Any, nested: Any, path: str, data: bytes, status: int
) -> None:
    """D3: a status that says so; in the nested form 200, as before."""
    for server, expected in ((client, status), (nested, 200)):
        answer = net(server, path, data)
        assert answer.status_code == expected
        assert answer.json()["error"] == "Invalid image format"
        assert answer.json()["detail"]


def test_limits_are_refusals_in_either_form(start_app: Callable[..., Any]) -> None:
    """D3: 413."""
    for form in ("flat", "nested"):
        server = start_app(max_request_bytes=1000, arcface_api_form=form)
        answer = net(server, "/detect", bytes(2000))
        assert answer.status_code == 413
        assert "max_request_bytes" in answer.json()["error"]


def test_a_picture_beyond_a_limit_names_it(start_app: Callable[..., Any]) -> None:
    for form, status in (("flat", 413), ("nested", 200)):
        answer = net(start_app(max_picture_pixels=100, arcface_api_form=form), "/embed", encoded(noise(20, 20)))
        assert answer.status_code == status
        assert answer.json()["error"].startswith("Failed to extract embedding: ")
        assert "max_picture_pixels" in answer.json()["error"]


def test_before_readiness_it_is_503_in_either_form(client: Any, squares: Squares) -> None:
    for form in ("flat", "nested"):
        settings = Settings(runtime="dummy", streams=1, pack="no-such-pack", arcface_api_form=form)
        with type(client)(create_app(settings, on_failure=lambda _: None)) as unready:
            answer = net(unready, "/detect", squares())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json().keys() == {"error"}


@pytest.mark.parametrize("path", PATHS)
def test_a_failing_engine_is_told_in_its_words(
    client: Any, nested: Any, squares: Squares, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """D3."""

    def fail(*_: object) -> None:
        raise EngineError("the device is gone")

    monkeypatch.setattr("vultus.detect.scrfd.Scrfd.detect", fail)
    monkeypatch.setattr("vultus.embed.embedder.Embedder.embed", fail)
    for server, status in ((client, 500), (nested, 200)):
        answer = net(server, path, squares((1, 1)))
        assert (answer.status_code, answer.json()) == (status, {"error": PREFIXES[path] + "the device is gone"})


def test_a_bug_is_500_in_either_form_and_tells_nothing(
    client: Any, nested: Any, squares: Squares, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("vultus.embed.embedder.Embedder.embed", fail)
    for server in (client, nested):
        answer = net(server, "/embed", squares())
        assert answer.status_code == 500
        assert answer.json()["error"].startswith("Failed to extract embedding: ")
        assert "secret" not in answer.text
