"""The Similarity API: requests and answers as its clients know them; letters name the contract's conformance checklist.

Not testable here: (g), works after a restart, was a fault of two Triton processes sharing one repository; there is
neither now.
"""

from __future__ import annotations

import asyncio
import io
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ByteSize

from vultus.engine import FaceEngine
from vultus.imaging.align import ARCFACE_TEMPLATE
from vultus.server.app import create_app
from vultus.settings import Settings
from vultus.types import Detection

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]

FORM = "multipart/form-data; boundary=frontier"
END = b"--frontier--\r\n"
MISSING = {"type": "missing", "msg": "Field required", "input": None}


def part(name: str, data: bytes, more: str = '; filename="a.jpg"') -> bytes:
    head = f'--frontier\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + data + b"\r\n"


def post(client: Any, path: str, body: bytes, kind: str | None = FORM) -> Any:
    return client.post(path, content=body, headers={} if kind is None else {"content-type": kind})


def embed(client: Any, picture: bytes) -> Any:
    return post(client, "/embedding", part("image", picture) + END)


def compare(client: Any, first: bytes, second: bytes) -> Any:
    return post(client, "/face-similarity", part("image_a", first) + part("image_b", second) + END)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    with io.BytesIO() as file:
        image.save(file, kind, **options)
        return file.getvalue()


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8))


@pytest.fixture(scope="module")
def starting(client: Any) -> Iterator[Any]:
    """A server that never becomes ready."""
    settings = Settings(runtime="dummy", streams=1, pack="no-such-pack")
    with type(client)(create_app(settings, on_failure=lambda _: None)) as unready:
        yield unready


# 2 and 2.4: requests that are wrong


@pytest.mark.parametrize(
    ("path", "body", "absent"),
    [
        ("/embedding", END, ["image"]),
        ("/embedding", part("file", b"x") + END, ["image"]),
        ("/embedding", part("image", b"", more="") + END, ["image"]),
        ("/face-similarity", END, ["image_a", "image_b"]),
        ("/face-similarity", part("image_a", b"x") + END, ["image_b"]),
        ("/face-similarity", part("image_b", b"x") + END, ["image_a"]),
    ],
)
def test_a_missing_part_is_told_as_fastapi_does_also_before_readiness(
    client: Any, starting: Any, path: str, body: bytes, absent: list[str]
) -> None:
    """(a): 422 goes before 503."""
    for server in (client, starting):
        answer = post(server, path, body)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == {"detail": [{**MISSING, "loc": ["body", name]} for name in absent]}


@pytest.mark.parametrize("kind", [None, "application/json", "image/jpeg", "application/x-www-form-urlencoded"])
def test_what_is_no_form_has_no_parts(client: Any, kind: str | None) -> None:
    answer = post(client, "/embedding", b"{}", kind)
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "missing")


def test_a_part_without_a_file_name_is_no_file(client: Any) -> None:
    answer = post(client, "/embedding", part("image", b"y" * 1000, more="") + END)
    assert answer.status_code == 422
    [entry] = answer.json()["detail"]
    assert entry["loc"] == ["body", "image"]
    assert entry["msg"] == "Value error, Expected UploadFile, received: <class 'str'>"
    assert len(entry["input"]) == 200


@pytest.mark.parametrize(("kind", "body"), [("multipart/form-data", b"x"), (FORM, b"x"), (FORM, part("image", b"x"))])
def test_a_damaged_form_is_a_bad_request(client: Any, kind: str, body: bytes) -> None:
    answer = post(client, "/embedding", body, kind)
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize(
    ("path", "allowed"), [("/embedding", "POST"), ("/face-similarity", "POST"), ("/health", "GET")]
)
def test_another_method(client: Any, path: str, allowed: str) -> None:
    answer = client.request("PUT", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json() == {"detail": "Method Not Allowed"}


def test_before_readiness_a_good_request_is_503(starting: Any, squares: Squares) -> None:
    for answer in (embed(starting, squares()), compare(starting, squares(), squares())):
        assert answer.status_code == 503
        assert answer.json() == {"detail": "Triton client is not initialized."}
        assert answer.headers["retry-after"] == "1"


def test_a_refusal_is_counted(client: Any, squares: Squares) -> None:
    settings = Settings(runtime="dummy", streams=1, pack="no-such-pack")
    with type(client)(create_app(settings, on_failure=lambda _: None)) as unready:
        assert compare(unready, squares(), squares()).status_code == 503
        told = unready.get("/metrics").text
    counts = dict(re.findall(r'vultus_refusals_total\{reason="(starting|failed)"\} (\S+)', told))
    assert sum(map(float, counts.values())) == 1


def test_limits_hold_before_readiness_and_after(client: Any, start_app: Callable[..., Any], squares: Squares) -> None:
    small = Settings(runtime="dummy", streams=1, pack="no-such-pack", max_request_bytes=ByteSize(100))
    with type(client)(create_app(small, on_failure=lambda _: None)) as unready:
        assert embed(unready, bytes(200)).status_code == 413
    answer = embed(start_app(max_request_bytes=100), bytes(200))
    assert answer.status_code == 413
    assert "max_request_bytes" in answer.json()["detail"]
    answer = compare(start_app(max_request_pictures=1), squares(), squares())
    assert answer.status_code == 413
    assert answer.json()["detail"].startswith("the request holds 2 pictures")


def test_a_body_that_never_comes_is_not_waited_for(client: Any) -> None:
    settings = Settings(runtime="dummy", streams=1, pack="no-such-pack", request_timeout=0.05)
    with type(client)(create_app(settings, on_failure=lambda _: None)) as unready:
        sent: list[Any] = []

        async def ask() -> None:
            async def receive() -> Any:
                await asyncio.Event().wait()

            async def keep(message: Any) -> None:
                sent.append(message)

            scope = {
                "type": "http", "method": "POST", "path": "/embedding", "raw_path": b"/embedding", "query_string": b"",
                "headers": [(b"content-type", FORM.encode())], "http_version": "1.1", "scheme": "http",
                "root_path": "", "server": ("test", 80), "client": ("test", 1),
            }  # fmt: skip
            await unready.app(scope, receive, keep)

        unready.run(ask())
    assert sent[0]["status"] == 503


# 2.2: /embedding


def test_the_embedding_is_a_list_of_one_raw_vector(client: Any, crop_png: Callable[..., bytes]) -> None:
    """(b): outer length 1, inner 512; not normalised: its length is what /v1 calls the norm."""
    answer = embed(client, crop_png())
    assert answer.status_code == 200
    assert answer.json().keys() == {"embedding"}
    [vector] = answer.json()["embedding"]
    assert len(vector) == 512
    native = client.post("/v1/embeddings", files=[("file", crop_png())]).json()["embeddings"][0]
    np.testing.assert_allclose(vector, np.array(native["embedding"]) * native["norm"], rtol=1e-5, atol=1e-5)
    assert np.linalg.norm(vector) == pytest.approx(native["norm"], rel=1e-5)
    assert native["norm"] > 2


@pytest.mark.parametrize(("width", "height"), [(300, 200), (60, 90), (1, 1), (112, 112)])
def test_the_whole_picture_is_stretched_bicubically(client: Any, width: int, height: int) -> None:
    picture = noise(width, height)
    [vector] = embed(client, encoded(picture)).json()["embedding"]
    crop = encoded(picture.resize((112, 112)))  # 3.1: Pillow's default filter
    np.testing.assert_array_equal(vector, embed(client, crop).json()["embedding"][0])


def test_no_face_is_needed_for_an_embedding(client: Any, squares: Squares) -> None:
    assert embed(client, squares()).status_code == 200


# 2.3 and 3: /face-similarity


def test_identical_pictures_are_alike(client: Any, squares: Squares) -> None:
    """(c): at least 0.999999, and, better than the original, never above 1."""
    answer = compare(client, squares((3, 4)), squares((3, 4)))
    assert answer.status_code == 200
    assert answer.json().keys() == {"similarity"}
    assert 0.999999 <= answer.json()["similarity"] <= 1


def test_the_similarity_is_the_cosine_brought_to_0_to_1(client: Any, squares: Squares) -> None:
    pair = squares((3, 4, (255, 220, 210))), squares((3, 4, (210, 230, 255)))
    native = client.post("/v1/compare", files=[("file", picture) for picture in pair]).json()["similarity"]
    assert native < 0.9999
    assert compare(client, *pair).json()["similarity"] == pytest.approx((native + 1) / 2, abs=1e-6)


def test_no_face_names_the_picture_the_first_before_the_second(client: Any, squares: Squares) -> None:
    """(d)."""
    face, empty = squares((1, 1)), squares()
    for pair, letter in (((empty, face), "A"), ((face, empty), "B"), ((empty, empty), "A")):
        answer = compare(client, *pair)
        assert answer.status_code == 400
        assert answer.json() == {"detail": f"Similarity failed: No face detected in image {letter}"}


def test_the_face_with_the_highest_score_wins(
    client: Any, crop_png: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """(f): not the largest."""
    boxes = np.array([[0, 0, 100, 100], [200, 200, 600, 600]], np.float32)
    sides = (boxes[:, 2] - boxes[:, 0])[:, np.newaxis, np.newaxis]
    landmarks = (ARCFACE_TEMPLATE / 112 * sides + boxes[:, np.newaxis, :2]).astype(np.float32)
    found = Detection(boxes, np.array([0.9, 0.8], np.float32), landmarks)
    monkeypatch.setattr("vultus.detect.scrfd.Scrfd.detect", lambda *_: found)

    def picture(sure: str, large: str) -> bytes:
        image = Image.new("RGB", (640, 640), sure)
        image.paste(large, (200, 200, 600, 600))
        return encoded(image)

    assert compare(client, picture("red", "blue"), picture("red", "lime")).json()["similarity"] > 0.999999
    assert compare(client, picture("red", "blue"), picture("lime", "blue")).json()["similarity"] < 0.99


def test_the_threshold_is_its_own(start_app: Callable[..., Any], squares: Squares) -> None:
    faint = squares((1, 1, (215, 215, 215)))  # score 0.843
    strict = start_app(threshold=0.9, canvas=320)
    assert compare(strict, faint, faint).status_code == 200


# 2.5: pictures


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "CMYK", "RGB"])
def test_colour_modes(client: Any, mode: str) -> None:
    """(e): RGBA, grey and palette, and what else Pillow writes."""
    picture = encoded(noise(50, 40).convert("L").convert(mode), "TIFF")
    assert len(embed(client, picture).json()["embedding"][0]) == 512


def test_transparent_pixels_are_white(client: Any) -> None:
    """A difference: the original shows the colour beneath."""
    clear = encoded(Image.new("RGBA", (112, 112), (255, 0, 0, 0)))
    white = encoded(Image.new("RGB", (112, 112), "white"))
    assert embed(client, clear).json() == embed(client, white).json()


def test_pictures_are_turned_upright(client: Any) -> None:
    """A difference: the original ignores EXIF orientation."""
    upright = noise(60, 40)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    sideways = upright.transpose(Image.Transpose.ROTATE_90)
    assert embed(client, encoded(sideways, exif=exif)).json() == embed(client, encoded(upright)).json()
    assert embed(client, encoded(sideways)).json() != embed(client, encoded(upright)).json()


@pytest.mark.parametrize("data", [b"", b"not a picture", encoded(noise(90, 90))[:500]])
def test_what_is_no_picture_is_told_in_its_words(client: Any, squares: Squares, data: bytes) -> None:
    answer = embed(client, data)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("Inference failed: cannot identify image file")
    assert "0x" not in answer.json()["detail"]
    for pair, name in (((data, squares((1, 1))), "image A"), ((squares((1, 1)), data), "image B")):
        detail = compare(client, *pair).json()["detail"]
        assert detail.startswith("Similarity failed: cannot identify image file")
        assert name in detail


def test_a_picture_beyond_a_limit_names_it(start_app: Callable[..., Any]) -> None:
    answer = embed(start_app(max_picture_pixels=100), encoded(noise(20, 20)))
    assert answer.status_code == 413
    assert answer.json()["detail"].startswith("Inference failed: ")
    assert "max_picture_pixels" in answer.json()["detail"]


def test_a_failing_engine_is_500(client: Any, squares: Squares, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("vultus.embed.embedder.Embedder.embed", fail)
    for answer, prefix in (
        (embed(client, squares()), "Inference failed: "),
        (compare(client, squares((1, 1)), squares((1, 1))), "Similarity failed: "),
    ):
        assert answer.status_code == 500
        assert answer.json()["detail"].startswith(prefix)
        assert "secret" not in answer.text


# 2: what clients send


def test_file_names_and_types_are_ignored_and_the_last_of_a_name_counts(client: Any, squares: Squares) -> None:
    plain = embed(client, squares()).json()
    for more in ('; filename=""', '; filename="x.exe"', '; filename="a.jpg"\r\nContent-Type: text/plain'):
        assert post(client, "/embedding", part("image", squares(), more) + END).json() == plain
    twice = part("image", b"not a picture") + part("note", b"1", more="") + part("image", squares()) + END
    assert post(client, "/embedding", twice).json() == plain


def test_the_form_of_the_documentation_page(client: Any, squares: Squares) -> None:
    """As a browser sends it from Swagger UI, the only client there was."""
    boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name} é.png"\r\n'
        "Content-Type: image/png\r\n\r\n".encode()
        + squares((2, 2))
        + b"\r\n"
        for name in ("image_a", "image_b")
    )
    kind = f"multipart/form-data; boundary={boundary}"
    answer = post(client, "/face-similarity", body + f"--{boundary}--\r\n".encode(), kind)
    assert answer.json()["similarity"] > 0.999999


def test_answers_are_json_whatever_is_accepted(client: Any, squares: Squares) -> None:
    answer = client.post("/embedding", files={"image": squares()}, headers={"accept": "application/msgpack"})
    assert answer.headers["content-type"] == "application/json"


# 2.1: /health


def test_health(client: Any) -> None:
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_health_alone_is_the_same_as_among_other_dialects(start_app: Callable[..., Any], starting: Any) -> None:
    assert start_app(dialects=("face-triton",)).get("/health").json() == {"status": "ok"}
    answer = starting.get("/health")
    assert (answer.status_code, answer.json()) == (500, {"detail": "self check failed"})


class Held(FaceEngine):
    """An engine whose workers can be held."""

    def hold(self, gate: threading.Event) -> None:
        there = threading.Barrier(self.workers.count + 1)

        def wait() -> None:
            there.wait(30)
            gate.wait(30)

        for _ in range(self.workers.count):
            self.workers.submit(wait)
        there.wait(30)


def test_health_answers_while_all_workers_are_busy(start_app: Callable[..., Any]) -> None:
    """(h)."""
    engines: list[Held] = []

    def build(settings: Settings) -> Held:
        engines.append(Held(settings))
        return engines[-1]

    client = start_app(engine_factory=build, streams=1, dialects=("face-triton",))
    gate = threading.Event()
    engines[0].hold(gate)
    try:
        assert client.get("/health").json() == {"status": "ok"}
    finally:
        gate.set()
