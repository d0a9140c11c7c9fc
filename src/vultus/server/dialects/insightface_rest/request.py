"""The body of ``/extract``: JSON or MessagePack, coerced as laxly as the original does."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

from pydantic import BaseModel, FailFast, Field, ValidationError
from starlette.exceptions import HTTPException

from vultus.errors import PictureError, VultusError
from vultus.server.dialects.insightface_rest.errors import Unprocessable
from vultus.server.gathering import Address
from vultus.server.pictures import check_count, picture_bytes
from vultus.server.wire import is_json, is_packed, load_json, load_packed, media_type
from vultus.types import Plan

THRESHOLD = 0.6

_MOST = 2**31 - 1  # stands for any larger number


class Images(BaseModel):
    """Pictures of a request."""

    data: Annotated[list[str | bytes] | None, FailFast()] = Field(
        default=None, description="Base64 text or data URLs; in MessagePack the pictures' bytes."
    )
    urls: Annotated[list[str] | None, FailFast()] = Field(
        default=None, description="Addresses or names of files on the server; if given, `data` is not looked at."
    )


class Extract(BaseModel):
    """Fields of a request; those not known are ignored, and null stands for the default (of a flag: false)."""

    images: Images
    threshold: float | None = Field(default=THRESHOLD, description="Detector score above which a face counts.")
    embed_only: bool | None = Field(
        default=False, description="Every picture is an aligned crop of the embedder's input size."
    )
    return_face_data: bool | None = Field(default=False, description="Add the aligned crop as base64 JPEG.")
    return_landmarks: bool | None = Field(default=False, description="Add five landmarks.")
    extract_embedding: bool | None = Field(default=True, description="Compute `vec` and `norm`.")
    extract_ga: bool | None = Field(default=False, description="Gender and age; null without such a network.")
    detect_masks: bool | None = Field(default=False, description="Medical mask; null without such a network.")
    limit_faces: int | None = Field(default=0, description="At most this many faces a picture, the largest; 0: all.")
    min_face_size: int | None = Field(default=0, description="Leave out faces with a narrower box; 0: none.")
    verbose_timings: bool | None = Field(default=False, description="Two more entries in `took`.")
    msgpack: bool | None = Field(default=False, description="Answer in MessagePack whatever `Accept` says.")
    img_req_headers: dict[Any, Any] | None = Field(default=None, description="Headers to fetch `urls` with.")

    @property
    def face_threshold(self) -> float:
        """The threshold within 0 to 1; what is not a number finds nothing, as in the original."""
        threshold = THRESHOLD if self.threshold is None else self.threshold
        return 1.0 if math.isnan(threshold) else min(max(threshold, 0.0), 1.0)

    @property
    def describes(self) -> bool:
        """Whether faces are described at all, not only found: it decides which keys they have."""
        return bool(self.extract_embedding or self.extract_ga or self.detect_masks)

    def plan(self) -> Plan:
        """What to compute."""
        embeddings = bool(self.extract_embedding)
        if self.embed_only:
            return Plan(detect=False, embeddings=embeddings)
        return Plan(
            embeddings=embeddings,
            crops=bool(self.return_face_data),
            max_faces=_within(self.limit_faces),
            min_face_size=float(_within(self.min_face_size)),
        )

    def pictures(self, packed: bool, limit: int) -> list[bytes | Address | VultusError]:
        """The pictures in order; one that is no picture's text has its error instead.

        Args:
            packed: Whether the body was MessagePack, where pictures are bytes and text is refused.
            limit: Most pictures taken.

        Raises:
            TooManyPictures: There are more than ``limit``.
        """
        if self.images.urls is not None:
            check_count(len(self.images.urls), limit)
            headers = {_header_text(name): _header_text(value) for name, value in (self.img_req_headers or {}).items()}
            return [Address(name, headers) for name in self.images.urls]
        data = self.images.data or ()
        check_count(len(data), limit)
        return [_picture(item, packed) for item in data]


def parse_extract(content_type: str | None, body: bytes) -> tuple[Extract, bool]:
    """A request, and whether it was MessagePack.

    Raises:
        Unprocessable: A field is missing or of the wrong type, or the body is no JSON.
        HTTPException: 400, the body is no MessagePack.
    """
    kind = media_type(content_type)
    packed = is_packed(kind)
    if packed and body:
        document = _load_packed(body)
    elif body and (not kind or is_json(kind)):
        document = _load_json(body)
    else:
        document = body.decode("utf-8", "replace") or None
    if document is None:
        raise Unprocessable([{"type": "missing", "loc": (), "msg": "Field required", "input": None}])
    try:
        return Extract.model_validate(document, from_attributes=True), packed
    except ValidationError as error:
        raise Unprocessable(error.errors(include_url=False, include_context=False)) from None


def _load_json(body: bytes) -> Any:  # noqa: ANN401 - whatever the client sent
    try:
        return load_json(body)
    except ValueError:
        pass
    # The original reads with the standard library, which knows NaN, and whose words its clients get to see.
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        place, text = error.pos, error.msg
    except (ValueError, RecursionError) as error:
        place, text = 0, str(error)
    raise Unprocessable(
        [{"type": "json_invalid", "loc": (place,), "msg": "JSON decode error", "input": {}, "ctx": {"error": text}}]
    )


def _load_packed(body: bytes) -> Any:  # noqa: ANN401
    try:
        return load_packed(body)
    except ValueError:
        raise HTTPException(400, "There was an error parsing the body") from None


def _picture(item: str | bytes, packed: bool) -> bytes | VultusError:
    if packed and isinstance(item, str):
        return PictureError("a bytes-like object is required, not 'str'")
    try:
        return picture_bytes(item)
    except VultusError as error:
        return error


def _header_text(value: object) -> str:
    return str(value) if isinstance(value, str | int | float) else f"({type(value).__name__})"


def _within(number: int | None) -> int:
    return min(max(number or 0, 0), _MOST)
