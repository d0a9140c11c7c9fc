"""The rows of the output: one for each face, and one for each picture that shows none or cannot be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from vultus.errors import VultusError
from vultus.types import Analysis

VERSION = "1"
VERSION_KEY = "vultus.schema"

Vectors: TypeAlias = Literal["float32", "float16"]
"""How embeddings are kept. Half as wide they are half as large; a cosine similarity changes by some 0.0001."""

ROWS = 512
"""That are kept in Python before they go into a batch."""

_BOX = pa.list_(pa.float32(), 4)
_LANDMARKS = pa.list_(pa.float32(), 10)


def schema(vectors: Vectors, size: int) -> Any:  # noqa: ANN401 - pyarrow has no types
    """The columns of every part.

    ``picture``: its id. ``face``: its number among the picture's, from 0; null where there is none. ``width``,
    ``height``: of the upright picture, in pixels. ``box``: x1, y1, x2, y2 in pixels. ``landmarks``: five points x, y in
    pixels, eye left in the picture first. ``score``: 0 to 1. ``embedding``: of unit length. ``norm``: its length
    before. ``attributes``: what was asked for, as a JSON object. ``error``, ``message``: why the picture could not be
    used.

    Args:
        vectors: How embeddings are kept.
        size: Of an embedding.
    """
    number = pa.float32() if vectors == "float32" else pa.float16()
    return pa.schema(
        [
            pa.field("picture", pa.string(), nullable=False),
            pa.field("face", pa.int32()),
            pa.field("width", pa.int32()),
            pa.field("height", pa.int32()),
            pa.field("box", _BOX),
            pa.field("landmarks", _LANDMARKS),
            pa.field("score", pa.float32()),
            pa.field("embedding", pa.list_(number, size)),
            pa.field("norm", pa.float32()),
            pa.field("attributes", pa.string()),
            pa.field("error", pa.string()),
            pa.field("message", pa.string()),
        ],
        metadata={VERSION_KEY: VERSION},
    )


class Rows:
    """Gathers rows for a batch.

    Args:
        schema: The columns.
    """

    def __init__(self, schema: Any) -> None:  # noqa: ANN401
        self._schema = schema
        self._columns: dict[str, list[Any]] = {name: [] for name in schema.names}

    def __len__(self) -> int:
        return len(self._columns["picture"])

    def add(self, picture: str, analysis: Analysis) -> None:
        """The rows of a picture that could be used."""
        shown: dict[str, object] = {"picture": picture, "width": analysis.width, "height": analysis.height}
        for number, face in enumerate(analysis.faces):
            self._append(
                shown
                | {
                    "face": number,
                    "box": face.box,
                    "landmarks": None if face.landmarks is None else face.landmarks.ravel(),
                    "score": face.score,
                    "embedding": face.embedding,
                    "norm": face.norm,
                    "attributes": _json(face.attributes) if face.attributes else None,
                }
            )
        if not analysis.faces:
            self._append(shown)

    def fail(self, picture: str, error: VultusError) -> None:
        """The row of a picture that could not."""
        message = error.message.encode("utf-8", "replace").decode("utf-8")  # it may quote a file's name
        self._append({"picture": picture, "error": error.code, "message": message})

    def take(self) -> Any:  # noqa: ANN401
        """A record batch of what has been gathered, which is then forgotten."""
        arrays = [_array(self._columns[field.name], field.type) for field in self._schema]
        for column in self._columns.values():
            column.clear()
        return pa.record_batch(arrays, schema=self._schema)

    def _append(self, row: Mapping[str, object]) -> None:
        for name, column in self._columns.items():
            column.append(row.get(name))


def _json(attributes: Mapping[str, object]) -> str:
    return orjson.dumps(dict(attributes), option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _array(values: Sequence[Any], kind: Any) -> Any:  # noqa: ANN401
    if not pa.types.is_fixed_size_list(kind):
        return pa.array(values, kind)
    size, number = kind.list_size, kind.value_type
    table: NDArray[Any] = np.zeros((len(values), size), number.to_pandas_dtype())
    empty = np.array([value is None for value in values], np.bool_)
    for row, value in zip(table, values, strict=True):
        if value is not None:
            row[:] = value
    return pa.FixedSizeListArray.from_arrays(pa.array(table.ravel(), number), type=kind, mask=pa.array(empty))
