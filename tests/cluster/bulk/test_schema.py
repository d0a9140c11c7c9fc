"""Rows: what is written is what was found."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from vultus.cluster.bulk.schema import VERSION, VERSION_KEY, Rows, Vectors, schema
from vultus.errors import CorruptPicture
from vultus.types import Analysis, Face

pytestmark = pytest.mark.unit

COLUMNS = [
    "picture", "face", "width", "height", "box", "landmarks", "score", "embedding", "norm", "attributes", "error",
    "message",
]  # fmt: skip


def face(number: int, **more: Any) -> Face:
    box = np.arange(4, dtype=np.float32) + number
    return Face(box, score=0.5, embedding=np.full(8, number / 8, np.float32), norm=20.5, **more)


def test_the_columns_and_their_version_are_the_contract() -> None:
    made = schema("float32", 512)
    assert made.names == COLUMNS
    assert made.field("embedding").type == pa.list_(pa.float32(), 512)
    assert schema("float16", 128).field("embedding").type == pa.list_(pa.float16(), 128)
    assert made.metadata[VERSION_KEY.encode()] == VERSION.encode()
    assert not made.field("picture").nullable


def test_faces_a_picture_without_one_and_one_that_failed() -> None:
    rows = Rows(schema("float32", 8))
    points = np.arange(10, dtype=np.float32).reshape(5, 2)
    rows.add("a", Analysis(640, 480, (face(1, landmarks=points), face(2))))
    rows.add("b", Analysis(10, 20, ()))
    rows.fail("c", CorruptPicture("the PNG picture is damaged"))
    assert len(rows) == 4
    first, second, without, failed = rows.take().to_pylist()
    assert len(rows) == 0
    assert (first["picture"], first["face"], first["width"], first["height"]) == ("a", 0, 640, 480)
    assert first["box"] == [1, 2, 3, 4]
    assert first["landmarks"] == list(range(10))
    assert (first["score"], first["norm"]) == (0.5, 20.5)
    assert first["embedding"] == [0.125] * 8
    assert (second["face"], second["landmarks"], second["embedding"]) == (1, None, [0.25] * 8)
    assert {name for name, value in without.items() if value is not None} == {"picture", "width", "height"}
    assert failed == dict.fromkeys(COLUMNS) | {
        "picture": "c",
        "error": "picture_corrupt",
        "message": "the PNG picture is damaged",
    }


@pytest.mark.parametrize(("vectors", "within"), [("float32", 0.0), ("float16", 2.0**-11)])
def test_embeddings_keep_what_their_width_can(vectors: Vectors, within: float) -> None:
    vector = np.random.default_rng(1).standard_normal(8).astype(np.float32)
    vector /= np.linalg.norm(vector)
    rows = Rows(schema(vectors, 8))
    rows.add("a", Analysis(1, 1, (Face(np.zeros(4, np.float32), 1.0, embedding=vector),)))
    (row,) = rows.take().to_pylist()
    assert np.all(np.abs(np.array(row["embedding"], np.float32) - vector) <= within * np.abs(vector))


def test_attributes_are_one_json_object() -> None:
    rows = Rows(schema("float32", 8))
    attributes = {"age": 31.5, "gender": 1, "landmarks106": np.zeros((2, 2), np.float32), "mask": {"mask": 0.25}}
    rows.add("a", Analysis(1, 1, (face(0, attributes=attributes), face(1))))
    one, none = rows.take().to_pylist()
    assert json.loads(one["attributes"]) == attributes | {"landmarks106": [[0, 0], [0, 0]]}
    assert none["attributes"] is None


def test_a_message_that_quotes_an_odd_name_can_be_stored() -> None:
    rows = Rows(schema("float32", 8))
    rows.fail("a", CorruptPicture("\udcff.jpg is damaged"))
    assert rows.take().to_pylist()[0]["message"] == "?.jpg is damaged"
