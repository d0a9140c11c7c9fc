"""CompreFace's core service: requests and answers as the contract has them.

Numbers name items of the contract's acceptance checklist, "1.4" and the like its sections. Items 1, 2, 4, 15 and the
table of errors are in ``test_compreface_http.py``, 13 in ``test_compreface_health.py``, 11 in
``test_compreface_crops.py``, version strings in ``test_compreface_plugins.py``, the sample photographs in
``test_compreface_weights.py``.
"""

from __future__ import annotations

import asyncio
import io
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vultus.detect.scrfd import Scrfd
from vultus.embed import Embedder
from vultus.imaging.align import ARCFACE_TEMPLATE
from vultus.types import Detection

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]

EXTRAS = "landmarks,landmarks2d106,age,gender,mask,pose"
NO_FACE = "400 Bad Request: No face is found in the given image"


def find(client: Any, picture: bytes, query: str = "", **fields: str) -> Any:
    return client.post(f"/find_faces?{query}", files={"file": ("photo.jpg", picture, "image/jpeg")}, data=fields)


def faces(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


def corners(face: Any) -> list[int]:
    return [face["box"][name] for name in ("x_min", "y_min", "x_max", "y_max")]


def untimed(answer: Any) -> Any:
    """An answer without its times, which no two have alike."""
    content = answer.json()
    for face in content.get("result", ()):
        face["execution_time"] = sorted(face["execution_time"])
    return answer.status_code, content


def show(monkeypatch: pytest.MonkeyPatch, *found: tuple[list[float], float]) -> None:
    """Let the detector find these faces, each a box and a score, wherever it looks."""
    boxes, scores = (np.array(column, np.float32) for column in zip(*found, strict=True))
    landmarks = np.stack([ARCFACE_TEMPLATE] * len(found)).astype(np.float32)
    monkeypatch.setattr(Scrfd, "detect", lambda *_: Detection(boxes, scores, landmarks))


def encoded(image: Image.Image) -> bytes:
    with io.BytesIO() as file:
        image.save(file, "PNG")
        return file.getvalue()


@pytest.fixture(scope="module")
def full(start_app: Callable[..., Any]) -> Any:
    """A server with networks for every plugin."""
    return start_app(attributes="genderage,mask_detector,2d106det")


# 1.4: what is answered


def test_boxes_alone(full: Any, squares: Squares) -> None:
    """6, 12: ``face_plugins`` absent or empty."""
    for answer in (find(full, squares((1, 2))), find(full, squares((1, 2)), face_plugins="")):
        content = answer.json()
        assert content.keys() == {"plugins_versions", "result"}
        assert content["plugins_versions"].keys() == {"detector"}
        [face] = content["result"]
        assert face.keys() == {"box", "execution_time"}
        assert face["execution_time"].keys() == {"detector"}
        assert face["box"] == {"x_min": 64, "y_min": 32, "x_max": 96, "y_max": 64, "probability": 1.0}


def test_the_calculator(full: Any, squares: Squares) -> None:
    """5; 1.4: the raw output of the network, which /v1 has as a vector of length 1 and its length."""
    picture = squares((1, 2))
    content = find(full, picture, face_plugins="calculator").json()
    [face], versions = content["result"], content["plugins_versions"]
    [native] = full.post("/v1/faces", files={"file": picture}).json()["pictures"][0]["faces"]
    assert face.keys() == {"box", "execution_time", "embedding"}
    assert len(face["embedding"]) == 512
    assert np.linalg.norm(face["embedding"]) > 2
    np.testing.assert_allclose(face["embedding"], np.array(native["embedding"]) * native["norm"], rtol=1e-4, atol=1e-4)
    assert versions.keys() == face["execution_time"].keys() == {"detector", "calculator"}
    assert versions["calculator"] == full.get("/status").json()["calculator_version"]


def test_every_plugin_that_ran_has_its_fields_its_version_and_its_time(full: Any, squares: Squares) -> None:
    """12: all numbers are finite; boxes, ages, points and times are integers. 1.4: ``landmarks2d106`` is no field."""
    answer = find(full, squares((1, 2)), face_plugins=f"calculator,{EXTRAS}")
    content = json.loads(answer.text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    slugs = {"detector", "calculator", *EXTRAS.split(",")}
    [face] = content["result"]
    assert face.keys() == {"box", "execution_time", "embedding", "landmarks", "age", "gender", "mask", "pose"}
    assert face["execution_time"].keys() == content["plugins_versions"].keys() == slugs
    assert face["age"].keys() == {"low", "high", "probability"}
    assert face["gender"].keys() == face["mask"].keys() == {"value", "probability"}
    assert face["pose"].keys() == {"pitch", "yaw", "roll"}
    whole = [*corners(face), *face["execution_time"].values(), face["age"]["low"], face["age"]["high"]]
    assert {type(number) for number in (*whole, *np.ravel(face["landmarks"]).tolist())} == {int}
    assert all(0 <= face[fact]["probability"] <= 1 for fact in ("age", "gender", "mask", "box"))


def test_age_gender_and_mask(full: Any, squares: Squares) -> None:
    """3.7 to 3.9: ``low`` = ``high`` and probability 1 from a network of one age; the words of the mask."""
    alone = squares((2, 2))
    around = squares(
        *[(row, column, (255 if row == column == 2 else 230,) * 3) for row in (1, 2, 3) for column in (1, 2, 3)]
    )
    [dark], [light, *_] = (
        sorted(faces(find(full, picture, face_plugins="age,gender,mask")), key=lambda face: -face["box"]["probability"])
        for picture in (alone, around)
    )
    # The stand-in's age is the percentage of light in the square of 1.5 x the box: (1 / 1.5)^2 of it is the face.
    assert dark["age"]["low"] == dark["age"]["high"] == pytest.approx(100 / 1.5**2, abs=2)
    assert dark["age"]["probability"] == dark["gender"]["probability"] == 1
    assert (dark["gender"]["value"], light["gender"]["value"]) == ("female", "male")  # it calls light crops so
    # And the probability of a mask is the light in that of 1.25 x the box: (1 / 1.25)^2.
    assert (dark["mask"]["value"], light["mask"]["value"]) == ("with_mask", "with_mask")
    assert dark["mask"]["probability"] == pytest.approx(1 / 1.25**2, abs=0.02)


def test_a_face_without_a_mask(full: Any, squares: Squares, monkeypatch: pytest.MonkeyPatch) -> None:
    """3.9."""
    show(monkeypatch, ([0, 0, 320, 320], 0.9))
    [face] = faces(find(full, squares((1, 2)), face_plugins="mask"))
    assert face["mask"]["value"] == "without_mask"
    assert face["mask"]["probability"] > 0.9


def test_landmarks_are_whole_and_of_two_kinds_under_one_key_the_later_counts(full: Any, squares: Squares) -> None:
    """1.4, 3.11: eye left in the picture, eye right, nose, mouth left, mouth right; truncated."""
    picture = squares((1, 2))
    [five], [many], [both] = (
        faces(find(full, picture, face_plugins=slugs))
        for slugs in ("landmarks", "landmarks2d106", "landmarks2d106,landmarks")
    )
    expected = ARCFACE_TEMPLATE / 112 * 32 + [64, 32]
    assert five["landmarks"] == expected.astype(int).tolist()
    assert np.shape(many["landmarks"]) == (106, 2)
    assert both["landmarks"] == many["landmarks"]  # by the order of the configuration, not of the request


# 1.4: parameters


@pytest.mark.parametrize("slugs", ["age, gender nonsense", "nonsense,gender,age", "age\tgender\n", " ,age,,gender, "])
def test_plugins_that_do_not_exist_are_passed_over(full: Any, squares: Squares, slugs: str) -> None:
    """7; 1.4: slugs separated by commas, whitespace or both."""
    content = find(full, squares((1, 2)), face_plugins=slugs).json()
    assert content["plugins_versions"].keys() == {"detector", "age", "gender"}
    assert content["result"][0].keys() == {"box", "execution_time", "age", "gender"}


@pytest.mark.parametrize("slugs", ["Age", "GENDER", "detector", "embedding"])
def test_slugs_are_case_sensitive_and_the_detector_is_no_extra(full: Any, squares: Squares, slugs: str) -> None:
    """1.4."""
    assert find(full, squares((1, 2)), face_plugins=slugs).json()["plugins_versions"].keys() == {"detector"}


def test_plugins_that_are_not_loaded_are_passed_over(client: Any, squares: Squares) -> None:
    """1.4: the web interface asks for what it knows of."""
    answer = find(client, squares((1, 2)), face_plugins="landmarks,gender,age,pose")
    assert answer.json()["plugins_versions"].keys() == {"detector", "landmarks", "pose"}


def test_the_query_wins_over_the_form(client: Any, squares: Squares) -> None:
    """3."""
    picture = squares((1, 1), (2, 2), (3, 3))
    assert len(faces(find(client, picture, limit="2"))) == 2
    assert len(faces(find(client, picture, "limit=1", limit="2"))) == 1
    assert "embedding" in faces(find(client, picture, "face_plugins=calculator", face_plugins="landmarks"))[0]
    assert find(client, picture, "det_prob_threshold=1", det_prob_threshold="0").json()["message"] == NO_FACE
    assert len(faces(find(client, picture, "detect_faces=true", detect_faces="false"))) == 3


def test_of_a_repeated_name_the_first_counts(client: Any, squares: Squares) -> None:
    """1.1."""
    picture = squares((1, 1), (2, 2), (3, 3))
    assert len(faces(find(client, picture, "limit=1&limit=2"))) == 1
    repeated = [("file", ("a.png", picture)), ("file", ("b.png", b"")), ("limit", (None, "2")), ("limit", (None, "1"))]
    assert len(faces(client.post("/find_faces", files=repeated))) == 2


@pytest.mark.parametrize("limit", ["0", "", "4", "1000000"])
def test_no_limit(client: Any, squares: Squares, limit: str) -> None:
    """1.4: 0 and empty."""
    assert len(faces(find(client, squares((1, 1), (2, 2), (3, 3)), limit=limit))) == 3


def test_a_face_counts_only_above_the_threshold(client: Any, squares: Squares) -> None:
    """8; 1.4: strictly greater, so that 1 finds nothing; small numbers come as Java prints them."""
    picture = squares((1, 1), (2, 2, (230,) * 3))
    assert len(faces(find(client, picture, det_prob_threshold="0.9"))) == 2
    assert len(faces(find(client, picture, det_prob_threshold="0.95"))) == 1
    assert len(faces(find(client, picture, det_prob_threshold="1.0E-4"))) == 2
    for value in ("1", "1.0"):
        answer = find(client, picture, det_prob_threshold=value)
        assert (answer.status_code, answer.json()["message"]) == (400, NO_FACE)


def test_the_default_threshold_is_a_setting(start_app: Callable[..., Any], squares: Squares) -> None:
    server = start_app(compreface_threshold=0.95)
    assert len(faces(find(server, squares((1, 1), (2, 2, (230,) * 3))))) == 1


def test_a_key_is_nobodys_business_here(client: Any, squares: Squares) -> None:
    """1.1: ``X-Api-Key`` may be anything."""
    sent = {"files": {"file": ("a.png", squares((1, 2)))}}
    for key in ("00000000-0000-0000-0000-000000000002", "x" * 4000, ""):
        answer = client.post("/find_faces", headers={"X-Api-Key": key}, **sent)
        assert corners(faces(answer)[0]) == [64, 32, 96, 64]


# 1.4, 1.11: order and limit


def test_the_larger_of_two_faces(client: Any, squares: Squares, monkeypatch: pytest.MonkeyPatch) -> None:
    """9, though the smaller is the surer one."""
    show(monkeypatch, ([0, 0, 50, 50], 0.9), ([100, 100, 200, 200], 0.6))
    assert [corners(face) for face in faces(find(client, squares()))] == [[100, 100, 200, 200], [0, 0, 50, 50]]
    [face] = faces(find(client, squares(), limit="1"))
    assert corners(face) == [100, 100, 200, 200]


def test_faces_of_one_size_stay_in_order(client: Any, squares: Squares) -> None:
    """1.11: sorted stably; here the surest came first."""
    shades = (210, 250, 230)
    picture = squares(*((row, 1, (shade,) * 3) for row, shade in enumerate(shades)))
    for limit in ("0", "2"):
        found = [face["box"]["probability"] for face in faces(find(client, picture, limit=limit))]
        assert found == pytest.approx([250 / 255, 230 / 255, 210 / 255][: len(found)])


def test_a_box_that_leaves_the_picture_is_clipped_and_ranked_by_what_is_seen(
    client: Any, squares: Squares, monkeypatch: pytest.MonkeyPatch
) -> None:
    """9."""
    show(monkeypatch, ([-300, -300, 100, 100], 0.9), ([200, 200, 320, 320], 0.6), ([600, 600, 900, 700], 0.7))
    expected = [[200, 200, 320, 320], [0, 0, 100, 100], [600, 600, 640, 640]]
    assert [corners(face) for face in faces(find(client, squares()))] == expected
    assert [corners(face) for face in faces(find(client, squares(), limit="2"))] == expected[:2]


def test_what_the_limit_leaves_out_costs_no_plugin(
    client: Any, squares: Squares, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A difference: there the plugins run on all faces."""
    counts: list[int] = []
    embed = Embedder.embed

    def count(self: Embedder, crops: Any, ticket: Any) -> Any:
        counts.append(len(crops))
        return embed(self, crops, ticket)

    monkeypatch.setattr(Embedder, "embed", count)
    assert len(faces(find(client, squares((1, 1), (2, 2), (3, 3)), limit="2", face_plugins="calculator"))) == 2
    assert counts == [2]


# 1.11: scaling


def test_a_picture_of_7000_pixels(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """10: the detector sees a longer side of 640, boxes are the picture's own."""
    picture = Image.new("RGB", (7000, 3500), (90, 90, 90))
    scale = 7000 / 640
    cell = round(64 * scale), round(96 * scale), round(96 * scale), round(128 * scale)
    picture.paste("white", cell)
    seen: list[Any] = []
    detect = Scrfd.detect

    def watch(self: Scrfd, pixels: Any, *given: Any) -> Detection:
        seen.append(pixels)
        return detect(self, pixels, *given)

    monkeypatch.setattr(Scrfd, "detect", watch)
    [face] = faces(find(client, encoded(picture)))
    np.testing.assert_allclose(corners(face), cell, atol=1)
    [pixels] = [pixels for pixels in seen if pixels.any()]  # a self check's picture is black
    assert np.argwhere(pixels.any(axis=2)).max(axis=0).tolist() == [319, 639]


def test_the_longest_side_is_a_setting(start_app: Callable[..., Any]) -> None:
    """10: ``IMG_LENGTH_LIMIT``."""
    picture = Image.new("RGB", (1280, 640))
    picture.paste("white", (128, 256, 256, 384))  # a cell of 32 where the picture is 320 wide
    [face] = faces(find(start_app(compreface_length=320), encoded(picture)))
    assert corners(face) == [128, 256, 256, 384]


def test_a_small_picture_is_never_enlarged(client: Any) -> None:
    """1.11: enlarged to 640, this would be four faces."""
    picture = Image.new("RGB", (320, 160))
    picture.paste("white", (64, 32, 96, 64))
    [face] = faces(find(client, encoded(picture)))
    assert corners(face) == [64, 32, 96, 64]


# The other endpoints


def test_scan_faces(full: Any, squares: Squares) -> None:
    """1.6: detector and calculator whatever is asked; ``calculator_version`` is the scanner's name."""
    sent = {"files": {"file": ("a.png", squares((1, 1), (2, 2)))}}
    content = full.post(f"/scan_faces?face_plugins={EXTRAS}&detect_faces=false&limit=1", **sent).json()
    assert content.keys() == {"calculator_version", "result"}
    assert content["calculator_version"] == "ScannerWithPlugins"
    [face] = content["result"]
    assert face.keys() == {"box", "embedding", "execution_time"}
    assert face["execution_time"].keys() == {"calculator", "detector"}
    assert face["box"]["x_max"] - face["box"]["x_min"] == 32
    assert full.post("/scan_faces?det_prob_threshold=1", **sent).json()["message"] == NO_FACE


def test_pose_in_degrees(full: Any, squares: Squares, monkeypatch: pytest.MonkeyPatch) -> None:
    """3.10: nose to the picture's right: yaw negative; raised: pitch positive; clockwise: roll negative."""

    def pose(points: Any) -> Any:
        found = Detection(np.array([[9, 9, 99, 99]], np.float32), np.ones(1, np.float32), points[np.newaxis])
        monkeypatch.setattr(Scrfd, "detect", lambda *_: found)
        [face] = faces(find(full, squares(), face_plugins="pose"))
        assert all(math.isfinite(angle) for angle in face["pose"].values())
        return face["pose"]

    frontal = np.array([[-8, -9], [8, -9], [0, -1], [-5, 4], [5, 4]], np.float32) * 3 + 50
    assert list(pose(frontal).values()) == pytest.approx([0, 0, 0], abs=1e-3)
    turned, raised = frontal.copy(), frontal.copy()
    turned[2, 0] += 9
    raised[2, 1] -= 6
    angle = math.radians(20)
    tilt = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    assert pose(turned)["yaw"] < -5
    assert pose(raised)["pitch"] > 5
    assert pose((frontal @ tilt).astype(np.float32)) == pytest.approx({"pitch": 0, "yaw": 0, "roll": -20}, abs=1e-3)


def test_mixed_requests_side_by_side_answer_as_one_after_the_other(full: Any, squares: Squares) -> None:
    """14: ten, with and without detection, good and bad."""
    pictures = squares((1, 1), (2, 2, (230,) * 3)), squares((4, 4)), squares(), b"no picture"
    queries = (
        "",
        "face_plugins=calculator",
        "limit=1&face_plugins=age,gender",
        "detect_faces=false&face_plugins=calculator,age",
        "detect_faces=false&limit=-1",
        "det_prob_threshold=0.95",
        f"face_plugins={EXTRAS}",
    )
    asked = [(queries[i % len(queries)], pictures[i % len(pictures)]) for i in range(10)]

    async def together() -> list[Any]:
        return await asyncio.gather(
            *(full.post_async(f"/find_faces?{query}", files={"file": ("a.png", data)}) for query, data in asked)
        )

    alone = [untimed(find(full, data, query)) for query, data in asked]
    assert [untimed(answer) for answer in full.run(together())] == alone
    assert {status for status, _ in alone} == {200, 400}
