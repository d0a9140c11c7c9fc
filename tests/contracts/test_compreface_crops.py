"""CompreFace's core service without detection: ``detect_faces=false``, 1.8; numbers as in ``test_compreface.py``."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vultus.detect.scrfd import Scrfd

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]

SLUGS = "calculator,landmarks,landmarks2d106,age,gender,mask,pose"


def find(client: Any, picture: bytes, query: str = "", **fields: str) -> Any:
    return client.post(f"/find_faces?{query}", files={"file": ("crop.jpg", picture, "image/jpeg")}, data=fields)


def encoded(image: Image.Image) -> bytes:
    with io.BytesIO() as file:
        image.save(file, "PNG")
        return file.getvalue()


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8))


@pytest.fixture(scope="module")
def full(start_app: Callable[..., Any]) -> Any:
    """A server with networks for every plugin."""
    return start_app(attributes="genderage,mask_detector,2d106det")


@pytest.mark.parametrize(("width", "height"), [(112, 112), (800, 600), (600, 800), (40, 300)])
def test_the_whole_picture_is_one_face(full: Any, monkeypatch: pytest.MonkeyPatch, width: int, height: int) -> None:
    """Of any size and aspect, whole; nothing is looked for. The vector is that of the picture brought to 112 x 112."""

    def fail(*_: object) -> None:
        raise AssertionError("nobody asked")

    monkeypatch.setattr(Scrfd, "detect", fail)
    picture = noise(width, height)
    content = find(full, encoded(picture), detect_faces="false", face_plugins="calculator").json()
    [face] = content["result"]
    assert face["box"] == {"x_min": 0, "y_min": 0, "x_max": width, "y_max": height, "probability": 1.0}
    crop = encoded(picture.resize((112, 112), Image.Resampling.BICUBIC))
    [expected] = find(full, crop, detect_faces="false", face_plugins="calculator").json()["result"]
    np.testing.assert_allclose(face["embedding"], expected["embedding"], rtol=1e-4, atol=1e-4)


def test_what_goes_by_landmarks_or_surroundings_is_dropped(full: Any) -> None:
    """Pose and mask, also from the versions; here the landmarks too, which nobody has found."""
    content = find(full, encoded(noise(200, 200)), detect_faces="false", face_plugins=SLUGS).json()
    told = {"calculator", "landmarks2d106", "age", "gender"}
    assert content["plugins_versions"].keys() == told | {"detector"}
    [face] = content["result"]
    assert face["execution_time"].keys() == told | {"detector"}
    assert face.keys() == {"box", "execution_time", "embedding", "landmarks", "age", "gender"}
    assert len(face["landmarks"]) == 106


def test_age_and_gender_see_the_picture(full: Any) -> None:
    """The stand-in's age is the percentage of light in what it is shown."""
    light = encoded(Image.new("RGB", (300, 200), (250, 250, 250)))
    dark = encoded(Image.new("RGB", (300, 200), (10, 10, 10)))
    ages = [
        find(full, picture, detect_faces="false", face_plugins="age").json()["result"][0]["age"]["low"]
        for picture in (light, dark)
    ]
    assert ages[0] > ages[1] + 20


@pytest.mark.parametrize("value", ["False", "FALSE", "0", "no", "", "true", "false ", "nonsense"])
def test_only_the_very_word_switches_detection_off(full: Any, squares: Squares, value: str) -> None:
    """1.4."""
    picture = squares((1, 1), (2, 2))
    assert len(find(full, picture, detect_faces=value).json()["result"]) == 2
    assert len(find(full, picture, detect_faces="false").json()["result"]) == 1


def test_the_threshold_is_checked_and_does_nothing(full: Any) -> None:
    crop = encoded(noise(112, 112))
    assert find(full, crop, detect_faces="false", det_prob_threshold="1").status_code == 200
    answer = find(full, crop, detect_faces="false", det_prob_threshold="2")
    assert (answer.status_code, answer.json()["message"][:39]) == (400, "400 Bad Request: Detection threshold in")


@pytest.mark.parametrize(
    ("picture", "fields"),
    [("good", {"limit": "-1"}), ("good", {"det_prob_threshold": "7"}), ("bad", {}), ("empty", {})],
)
def test_a_call_that_fails_leaves_nothing_behind(
    full: Any, squares: Squares, picture: str, fields: dict[str, str]
) -> None:
    """11."""
    data = {"good": squares((1, 1)), "bad": b"no picture", "empty": b""}[picture]
    for path in ("/find_faces", "/find_faces?x"):
        sent = {"files": {"file": ("crop.jpg", data)}, "data": {"detect_faces": "false", **fields}}
        assert full.post(path, **sent).status_code == 400
    two = squares((1, 1), (2, 2))
    content = find(full, two, face_plugins="pose,mask").json()
    assert len(content["result"]) == 2
    assert content["plugins_versions"].keys() == {"detector", "pose", "mask"}
    assert find(full, squares()).status_code == 400  # no face


def test_calls_with_and_without_detection_do_not_disturb_each_other(full: Any, squares: Squares) -> None:
    """11, 14."""
    picture = squares((1, 1), (2, 2), (3, 3))
    queries = ["detect_faces=false", "detect_faces=true", "detect_faces=false&limit=-1", ""] * 3

    async def together() -> list[Any]:
        return await asyncio.gather(
            *(full.post_async(f"/find_faces?{query}", files={"file": ("a.png", picture)}) for query in queries)
        )

    counts = [len(answer.json().get("result", ())) for answer in full.run(together())]
    assert counts == [1, 3, 0, 3] * 3
