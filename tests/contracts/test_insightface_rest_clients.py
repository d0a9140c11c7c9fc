"""InsightFace-REST's own clients, byte for byte as section 6 of the contract describes them, over a real connection.

Of the contract's checklist (section 9): items 1 to 6 as a client meets them together.
"""

from __future__ import annotations

import base64
import json
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import ormsgpack
import pytest
import uvicorn

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def decoded(self) -> Any:
        """As the clients do: by the exact type, without a look at the status."""
        packed = self.headers["content-type"] == "application/x-msgpack"
        return ormsgpack.unpackb(self.body) if packed else json.loads(self.body)


class Server(NamedTuple):
    port: int

    def send(self, request: bytes) -> Answer:
        """Send the bytes, read until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request)
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = received.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return Answer(int(status.split()[1]), headers, body)


@pytest.fixture(scope="module")
def server(client: Any) -> Iterator[Server]:
    """The ready application behind a socket of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(client.app, lifespan="off", log_config=None, ws="none", server_header=False)
        running = uvicorn.Server(config)

        async def start() -> None:
            config.load()
            running.lifespan = config.lifespan_class(config)
            await running.startup(sockets=[listener])

        client.run(start())
        yield Server(listener.getsockname()[1])
        client.run(running.shutdown(sockets=[listener]))


def post(path: bytes, body: bytes, *headers: bytes) -> bytes:
    lines = [
        b"POST " + path + b" HTTP/1.1",
        b"Host: localhost:18081",
        *headers,
        b"Content-Length: %d" % len(body),
        b"Connection: close",
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def get(path: bytes) -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\nHost: localhost:18081\r\nAccept: */*\r\nConnection: close\r\n\r\n"


def packed_text(text: bytes) -> bytes:
    """A string of at most 31 bytes, as the MessagePack specification has it (fixstr)."""
    return bytes([0xA0 | len(text)]) + text


def packed_bytes(data: bytes) -> bytes:
    """A binary of the largest kind (bin 32)."""
    return b"\xc6" + struct.pack(">I", len(data)) + data


def official_body(*pictures: bytes, null_headers: bool = False, embed_only: bool = False, faces: bool = False) -> bytes:
    """The MessagePack body of ``IFRClient.extract``: a map of eleven entries, in the client's order."""
    no, yes = b"\xc2", b"\xc3"
    data = bytes([0x90 | len(pictures)]) + b"".join(map(packed_bytes, pictures))
    entries = [
        (b"images", b"\x81" + packed_text(b"data") + data),
        (b"threshold", b"\xcb" + struct.pack(">d", 0.6)),
        (b"extract_ga", no),
        (b"extract_embedding", yes),
        (b"return_face_data", yes if faces else no),
        (b"return_landmarks", yes if faces else no),
        (b"embed_only", yes if embed_only else no),
        (b"limit_faces", b"\x00"),
        (b"min_face_size", b"\x00"),
        (b"msgpack", yes),
        (b"img_req_headers", b"\xc0" if null_headers else b"\x80"),
    ]
    return bytes([0x80 | len(entries)]) + b"".join(packed_text(name) + value for name, value in entries)


PACKED = (b"Content-Type: application/msgpack", b"Accept: application/x-msgpack")


@pytest.mark.parametrize("null_headers", [False, True])
def test_ifr_client_with_messagepack(server: Server, squares: Squares, null_headers: bool) -> None:
    """Its default, synchronous and asynchronous (which sends null for headers)."""
    body = official_body(squares((1, 2)), b"no picture", squares(), null_headers=null_headers)
    answer = server.send(post(b"/extract", body, b"User-Agent: python-requests/2.31.0", *PACKED))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-msgpack"
    assert int(answer.headers["content-length"]) == len(answer.body)
    content = answer.decoded()
    assert isinstance(content["took"]["total_ms"], float)
    assert [entry["status"] for entry in content["data"]] == ["ok", "failed", "ok"]
    assert [len(entry["faces"]) for entry in content["data"]] == [1, 0, 0]
    face = content["data"][0]["faces"][0]
    assert face["bbox"] == [64, 32, 96, 64]
    assert len(face["vec"]) == 512


def test_ifr_client_decodes_the_face_data(server: Server, squares: Squares) -> None:
    body = official_body(squares((1, 2)), faces=True)
    face = server.send(post(b"/extract", body, *PACKED)).decoded()["data"][0]["faces"][0]
    assert base64.b64decode(face["facedata"])[:3] == b"\xff\xd8\xff"
    assert len(face["landmarks"]) == 5


def test_ifr_client_with_crops(server: Server, crop_png: Callable[..., bytes]) -> None:
    body = official_body(crop_png(), crop_png((9, 9, 9)), embed_only=True)
    content = server.send(post(b"/extract", body, *PACKED)).decoded()
    assert content.keys() == {"took_ms", "data", "status"}
    assert [entry["faces"][0]["size"] for entry in content["data"]] == [112, 112]


@pytest.mark.parametrize("escape", [False, True])
def test_ifr_client_with_json(server: Server, squares: Squares, escape: bool) -> None:
    """``use_msgpack=False``; some JSON writers escape the slashes of base64."""
    picture = base64.b64encode(squares((1, 2))).replace(b"/", rb"\/" if escape else b"/")
    body = (
        b'{"images": {"data": ["' + picture + b'"]}, "threshold": 0.6, "extract_ga": false, '
        b'"extract_embedding": true, "return_face_data": false, "return_landmarks": false, "embed_only": false, '
        b'"limit_faces": 0, "min_face_size": 0, "msgpack": false, "img_req_headers": {}}'
    )
    headers = (b"Accept-Encoding: gzip, deflate", b"Accept: */*", b"Content-Type: application/json")
    answer = server.send(post(b"/extract", body, *headers))
    assert answer.headers["content-type"] == "application/json"
    [entry] = answer.decoded()["data"]
    assert entry["faces"][0]["bbox"] == [64, 32, 96, 64]


def test_ifr_client_hands_errors_to_its_caller(server: Server) -> None:
    answer = server.send(post(b"/extract", b"\x81\xa6images\xc0", *PACKED))
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/json"
    assert answer.decoded().keys() == {"detail"}


def test_ifr_client_prints_the_servers_summary(server: Server) -> None:
    models = server.send(get(b"/info")).decoded()["models"]
    for name in ("inference_backend", "det_name", "rec_name", "rec_batch_size", "det_batch_size", "max_size"):
        assert models[name] is not None


def test_a_client_without_accept_is_answered_in_json(server: Server, squares: Squares) -> None:
    """Java's and Go's HTTP clients send none; the original answers 500."""
    body = b'{"images":{"data":["' + base64.b64encode(squares((1, 2))) + b'"]}}'
    answer = server.send(post(b"/extract", body, b"Content-Type: application/json"))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")


def test_the_sample_of_2020_walks_lists(server: Server, squares: Squares) -> None:
    """Section 6.2: ``for image in content: for face in image``."""
    body = b'{"images": {"data": ["' + base64.b64encode(squares((1, 2), (4, 4))) + b'"]}, "max_size": [640, 480]}'
    content = server.send(post(b"/extract", body, b"Accept: */*", b"Content-Type: application/json")).decoded()
    found = [(face["det"], face["bbox"], len(face["vec"])) for image in content for face in image]
    assert found == [(0, [64, 32, 96, 64], 512), (1, [128, 128, 160, 160], 512)]


def test_the_sample_of_2021_asks_for_api_ver_2(server: Server, squares: Squares) -> None:
    body = b'{"images": {"data": ["' + base64.b64encode(squares((1, 2))) + b'"]}, "max_size": [640, 640], '
    body += b'"api_ver": "2", "extract_ga": true, "return_landmarks": true}'
    content = server.send(post(b"/extract", body, b"Accept: */*", b"Content-Type: application/json")).decoded()
    assert content["data"][0]["faces"][0]["gender"] is None


def test_curl_uploads_a_picture_to_be_drawn_into(server: Server, squares: Squares) -> None:
    boundary = b"------------------------d74496d66958873e"
    body = (
        b"--" + boundary + b'\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + squares((1, 2)) + b"\r\n--" + boundary + b"--\r\n"
    )
    kind = b"Content-Type: multipart/form-data; boundary=" + boundary
    answer = server.send(post(b"/multipart/draw_detections", body, b"Accept: */*", kind))
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.body[:3] == b"\xff\xd8\xff"


def test_the_containers_health_check_passes(server: Server) -> None:
    answer = server.send(get(b"/health"))
    assert (answer.status, answer.decoded()) == (200, {"status": "ok"})


def test_browsers_are_led_to_the_documentation(server: Server) -> None:
    answer = server.send(get(b"/"))
    assert (answer.status, answer.headers["location"]) == (307, "/docs")
