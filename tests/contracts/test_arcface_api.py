"""The ArcFace API: requests and answers as its clients know them.

Letters name the contract's conformance checklist, D1 to D6 its decisions. (d), emotion is optional: no network here
tells it, so that its keys are absent, as they were whenever the original's failed. (a), (i), (j) and D3's statuses are
in ``test_arcface_api_http.py``.
"""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vultus.attributes.pose5 import HEAD
from vultus.embed import Embedder
from vultus.engine import WORKERS_PER_STREAM
from vultus.imaging.align import ARCFACE_TEMPLATE
from vultus.types import Detection

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]


def send(client: Any, path: str, picture: bytes) -> Any:
    return client.post(path, files={"file": ("photo.jpg", picture, "image/jpeg")})


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    with io.BytesIO() as file:
        image.save(file, kind, **options)
        return file.getvalue()


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8))


def strict(text: str) -> Any:
    """JSON as System.Text.Json reads it: without NaN and Infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def show(monkeypatch: pytest.MonkeyPatch, *faces: tuple[list[float], float, Any]) -> None:
    """Let the detector find these faces, each a box, a score and landmarks, wherever it looks."""
    boxes, scores, landmarks = (np.array(column, np.float32) for column in zip(*faces, strict=True))
    found = Detection(boxes, scores, landmarks)
    monkeypatch.setattr("vultus.detect.scrfd.Scrfd.detect", lambda *_: found)


@pytest.fixture(scope="module")
def whole(start_app: Callable[..., Any]) -> Any:
    """A server of the pack that the original's texts name: gender and age are told."""
    return start_app(pack="antelopev2")


@pytest.fixture(scope="module")
def nested(start_app: Callable[..., Any]) -> Any:
    """A server as the C# client wants it."""
    return start_app(pack="antelopev2", arcface_api_form="nested")


# 3.2: /detect


def test_a_picture_without_a_face_is_an_empty_list(client: Any, nested: Any, squares: Squares) -> None:
    """(b)."""
    for server in (client, nested):
        answer = send(server, "/detect?include_embeddings=true", squares())
        assert (answer.status_code, answer.json()) == (200, {"faces": []})


def test_fields_of_a_face(whole: Any, squares: Squares) -> None:
    """D2, D6, (d): pixels; ``id`` is text, ``age`` an integer literal; no key of emotion."""
    answer = send(whole, "/detect", squares((1, 2), side=1280))
    [face] = strict(answer.text)["faces"]
    assert face.keys() == {"id", "score", "bbox", "landmark", "age", "gender"}
    assert (face["id"], face["score"]) == ("0", 1)
    np.testing.assert_allclose(face["bbox"], [128, 64, 192, 128])
    # The template's own order: eye on the picture's left, eye on its right, nose, corners of the mouth.
    np.testing.assert_allclose(face["landmark"], ARCFACE_TEMPLATE / 112 * 64 + [128, 64], rtol=1e-5)
    # The stand-in's age is the percentage of light in the square of 1.5 x the box: (1 / 1.5)^2 of it.
    assert (type(face["age"]), face["age"]) == (int, pytest.approx(100 / 1.5**2, abs=2))
    assert face["gender"] == "female"


def test_the_other_gender(whole: Any, squares: Squares) -> None:
    cells = [
        (row, column, (255,) * 3 if row == column == 2 else (230,) * 3) for row in (1, 2, 3) for column in (1, 2, 3)
    ]
    surest = send(whole, "/detect", squares(*cells)).json()["faces"][0]
    assert surest["gender"] == "male"  # the stand-in calls light crops so
    assert 90 <= surest["age"] <= 100


def test_where_no_network_tells_them_age_and_gender_are_null(client: Any, squares: Squares) -> None:
    [face] = send(client, "/detect", squares((1, 2))).json()["faces"]
    assert (face["age"], face["gender"]) == (None, None)


def test_faces_are_sorted_by_score_and_numbered(client: Any, squares: Squares) -> None:
    """(e)."""
    shades = (210, 250, 230)
    faces = send(client, "/detect", squares(*((row, 1, (shade,) * 3) for row, shade in enumerate(shades)))).json()[
        "faces"
    ]
    assert [face["id"] for face in faces] == ["0", "1", "2"]
    assert [face["score"] for face in faces] == pytest.approx([250 / 255, 230 / 255, 210 / 255])


def test_boxes_are_not_clipped(client: Any, squares: Squares, monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch, ([-5.5, -3, 700, 650], 0.9, ARCFACE_TEMPLATE))
    [face] = send(client, "/detect", squares()).json()["faces"]
    assert face["bbox"] == [-5.5, -3, 700, 650]


def test_boxes_in_fractions_by_setting(start_app: Callable[..., Any]) -> None:
    """D2: what the C# backend multiplies by the picture's size; landmarks stay pixels."""
    picture = Image.new("RGB", (640, 320))
    picture.paste("white", (64, 32, 96, 64))
    [face] = send(start_app(arcface_api_boxes="fractions"), "/detect", encoded(picture)).json()["faces"]
    np.testing.assert_allclose(face["bbox"], [64 / 640, 32 / 320, 96 / 640, 64 / 320], rtol=1e-6)
    np.testing.assert_allclose(face["landmark"], ARCFACE_TEMPLATE / 112 * 32 + [64, 32], rtol=1e-5)


def test_embeddings_of_faces_are_flat_and_raw_in_either_form(client: Any, nested: Any, squares: Squares) -> None:
    """(c): /v1 has the same vector with its length beside it."""
    picture = squares((1, 2))
    [native] = client.post("/v1/faces", files={"file": picture}).json()["pictures"][0]["faces"]
    for server in (client, nested):
        [face] = send(server, "/detect?include_embeddings=true", picture).json()["faces"]
        assert face["embedding_dim"] == 512
        assert np.shape(face["embedding"]) == (512,)
        np.testing.assert_allclose(
            face["embedding"], np.array(native["embedding"]) * native["norm"], rtol=1e-4, atol=1e-4
        )
        assert np.linalg.norm(face["embedding"]) > 2


def test_pictures_are_turned_upright(client: Any, squares: Squares) -> None:
    """(f)."""
    with Image.open(io.BytesIO(squares((1, 2), (4, 7)))) as upright:
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned clockwise
        sideways = upright.transpose(Image.Transpose.ROTATE_90)
    straight = send(client, "/detect", encoded(upright)).json()
    assert send(client, "/detect", encoded(sideways, exif=exif)).json() == straight
    assert send(client, "/detect", encoded(sideways)).json() != straight


def test_threshold_and_canvas_are_its_own(start_app: Callable[..., Any], squares: Squares) -> None:
    faint = squares((1, 1, (215, 215, 215)))  # score 0.843
    assert len(send(start_app(threshold=0.9, canvas=320), "/detect", faint).json()["faces"]) == 1


# 3.3: /embed


@pytest.mark.parametrize("path", ["/embed", "/embed?include_attributes=false"])
def test_the_embedding_is_flat_as_documented(client: Any, crop_png: Callable[..., bytes], path: str) -> None:
    """D1, D5, (c)."""
    answer = strict(send(client, path, crop_png()).text)
    assert answer.keys() == {"embedding", "embedding_shape", "embedding_dim", "model", "input_size"}
    assert np.shape(answer["embedding"]) == (512,)
    assert (answer["embedding_shape"], answer["embedding_dim"]) == ([512], 512)
    assert (answer["model"], answer["input_size"]) == ("w600k_mbf", "112x112")
    native = client.post("/v1/embeddings", files={"file": crop_png()}).json()["embeddings"][0]
    np.testing.assert_allclose(
        answer["embedding"], np.array(native["embedding"]) * native["norm"], rtol=1e-4, atol=1e-4
    )


def test_the_embedding_is_nested_by_setting(whole: Any, nested: Any, crop_png: Callable[..., bytes]) -> None:
    """D1, (c): ``float[][]``, and the shape and length the original told with it."""
    answer = send(nested, "/embed", crop_png()).json()
    assert (answer["embedding_shape"], answer["embedding_dim"]) == ([1, 512], 1)
    assert answer["embedding"] == [send(whole, "/embed", crop_png()).json()["embedding"]]


def test_the_label_of_old_is_told_of_that_network_alone(whole: Any, crop_png: Callable[..., bytes]) -> None:
    """D5."""
    assert send(whole, "/embed", crop_png()).json()["model"] == "antelopev2_glint360k"


@pytest.mark.parametrize(("width", "height"), [(300, 200), (60, 90), (1, 1)])
def test_the_whole_picture_is_stretched(client: Any, width: int, height: int) -> None:
    picture = noise(width, height)
    crop = encoded(picture.resize((112, 112), Image.Resampling.BICUBIC))  # a difference: the original's is bilinear
    assert send(client, "/embed", encoded(picture)).json() == send(client, "/embed", crop).json()


def test_attributes_are_those_of_the_surest_face(whole: Any, nested: Any, squares: Squares) -> None:
    picture = squares((1, 2), (5, 5, (210, 210, 210)))
    first = send(whole, "/detect", picture).json()["faces"][0]
    for server in (whole, nested):
        answer = send(server, "/embed?include_attributes=true", picture).json()
        assert answer["embedding"] == send(server, "/embed", picture).json()["embedding"]
        attributes = answer["attributes"]
        assert (attributes["age"], attributes["gender"]) == (first["age"], first["gender"])
        assert (attributes["embedding_available"], attributes["embedding_dim"]) == (True, 512)
        assert not {"emotion", "emotion_scores"} & answer.keys()


@pytest.mark.parametrize("cells", [(), ((1, 2), (3, 3))])
def test_a_picture_that_is_embedded_and_described_is_one_picture(
    start_app: Callable[..., Any], squares: Squares, cells: tuple[tuple[int, int], ...]
) -> None:
    server = start_app(dialects=("arcface-api",))
    assert send(server, "/embed?include_attributes=true", squares(*cells)).status_code == 200
    figures = server.get("/metrics").text.splitlines()
    assert 'vultus_pictures_total{outcome="ok"} 1.0' in figures
    assert any(line.startswith('vultus_stage_seconds_count{stage="embed"}') for line in figures)


def test_without_a_face_there_are_no_attributes_but_an_embedding(whole: Any, squares: Squares) -> None:
    answer = send(whole, "/embed?include_attributes=true", squares())
    assert answer.status_code == 200
    assert "attributes" not in answer.json()
    assert answer.json()["embedding"] == send(whole, "/embed", squares()).json()["embedding"]


# 5 and 6.5: /attributes, and the pose


def turned(axis: str, degrees: float) -> Any:
    """Landmarks of the model head, seen after a turn: up by pitch, to the picture's right by yaw, clockwise by roll."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = {
        "pitch": [[1, 0, 0], [0, cos, -sin], [0, sin, cos]],
        "yaw": [[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]],
        "roll": [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]],
    }[axis]
    return (HEAD @ np.array(turn).T)[:, :2] * 10 + 300


@pytest.mark.parametrize("axis", ["pitch", "yaw", "roll"])
@pytest.mark.parametrize("degrees", [-25, 15])
def test_the_pose_is_in_degrees_about_the_right_axis(
    client: Any, squares: Squares, monkeypatch: pytest.MonkeyPatch, axis: str, degrees: float
) -> None:
    """D4: the original answered null; before that, pitch and yaw were swapped."""
    show(monkeypatch, ([200, 200, 400, 400], 0.9, turned(axis, degrees)))
    expected = {"pitch": 0, "yaw": 0, "roll": 0, axis: degrees}
    for path in ("/attributes", "/embed?include_attributes=true"):
        pose = send(client, path, squares()).json()["attributes"]["pose"]
        assert pose == pytest.approx(expected, abs=1e-3)


def test_a_pose_that_cannot_be_told_is_null(client: Any, squares: Squares, monkeypatch: pytest.MonkeyPatch) -> None:
    """D6: neither NaN nor an error."""
    for landmarks in (np.full((5, 2), np.nan), np.arange(10).reshape(5, 2)):
        show(monkeypatch, ([200, 200, 400, 400], 0.9, landmarks))
        attributes = strict(send(client, "/attributes", squares()).text)["attributes"]
        assert attributes["pose"] == {"yaw": None, "pitch": None, "roll": None}


def test_attributes_alone(whole: Any, squares: Squares) -> None:
    picture = squares((1, 2))
    answer = send(whole, "/attributes", picture)
    assert answer.json().keys() == {"status", "attributes"}
    assert answer.json()["status"] == "success"
    assert answer.json()["attributes"] == send(whole, "/embed?include_attributes=true", picture).json()["attributes"]


def test_attributes_without_a_face_are_an_error(whole: Any, nested: Any, squares: Squares) -> None:
    """D3."""
    for server, status in ((whole, 422), (nested, 200)):
        answer = send(server, "/attributes", squares())
        assert (answer.status_code, answer.json()) == (status, {"error": "No face detected in the image"})


# 3.1 and 4: /health, and six requests at once


def test_health_and_six_requests_at_once(
    start_app: Callable[..., Any], squares: Squares, monkeypatch: pytest.MonkeyPatch
) -> None:
    """(g), (h): health is told while every worker is held; all requests are answered once they are let go."""
    server = start_app(streams=1, dialects=("arcface-api",))
    gate, original = threading.Event(), Embedder.embed
    held_workers = threading.Semaphore(0)

    def held(*arguments: Any) -> Any:
        held_workers.release()
        assert gate.wait(60)
        return original(*arguments)

    monkeypatch.setattr(Embedder, "embed", held)

    async def ask() -> Any:
        picture = squares((1, 2))
        requests = [
            asyncio.create_task(server.post_async("/embed", files={"file": ("face.jpg", picture, "image/jpeg")}))
            for _ in range(6)
        ]
        try:
            for _ in range(WORKERS_PER_STREAM):
                assert await asyncio.to_thread(held_workers.acquire, timeout=30)
            health = await server.get_async("/health")
            done = [request.done() for request in requests]
        finally:
            gate.set()
        return health, done, await asyncio.gather(*requests)

    health, done, answers = server.run(ask())
    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert not any(done)
    assert [answer.status_code for answer in answers] == [200] * 6
