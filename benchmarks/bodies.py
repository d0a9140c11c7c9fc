"""What is posted to a server, and how its answers are read."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import numpy as np
import orjson
import ormsgpack

from benchmarks.load import Body
from vultus.types import FloatArray

JSON = "application/json"
MSGPACK = "application/msgpack"
X_MSGPACK = "application/x-msgpack"


@dataclass(frozen=True, slots=True)
class PictureFaces:
    """Faces of one picture in an answer of ``/v1/faces``.

    Attributes:
        boxes: float32 ``(n, 4)``.
        embeddings: float32 ``(n, d)``.
    """

    boxes: FloatArray
    embeddings: FloatArray


def extract_json(pictures: Sequence[bytes], **fields: object) -> Body:
    """A request of InsightFace-REST's clients, with its defaults but for the fields given: JSON in, JSON out."""
    document = {"images": {"data": [base64.b64encode(picture).decode() for picture in pictures]}, **fields}
    return Body(orjson.dumps(document), JSON, JSON, '"vec":[')


def extract_msgpack(pictures: Sequence[bytes], **fields: object) -> Body:
    """The same in MessagePack, in and out."""
    return Body(ormsgpack.packb({"images": {"data": list(pictures)}, **fields}), X_MSGPACK, X_MSGPACK, "vec")


def faces_msgpack(pictures: Sequence[bytes]) -> Body:
    """A native request, MessagePack in, MessagePack out."""
    return Body(ormsgpack.packb({"images": list(pictures)}), MSGPACK, MSGPACK, "embedding")


def ask_faces(client: httpx.Client, pictures: Sequence[bytes]) -> list[PictureFaces]:
    """Ask ``/v1/faces`` in JSON; one entry per picture.

    Raises:
        httpx.HTTPStatusError: The server refused the request.
    """
    document = {"images": [base64.b64encode(picture).decode() for picture in pictures]}
    answer = client.post("/v1/faces", content=orjson.dumps(document), headers={"Content-Type": JSON, "Accept": JSON})
    answer.raise_for_status()
    return [_faces(picture["faces"]) for picture in orjson.loads(answer.content)["pictures"]]


def _faces(faces: Sequence[dict[str, list[float]]]) -> PictureFaces:
    return PictureFaces(
        np.array([face["box"] for face in faces], np.float32).reshape(-1, 4),
        np.array([face["embedding"] for face in faces], np.float32).reshape(len(faces), -1 if faces else 0),
    )
