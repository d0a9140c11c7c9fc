"""The body of a ``/v1`` request: pictures and options, in any of the media types that carry them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vultus.errors import NotBase64, PictureError, RequestError, UnsupportedMediaType
from vultus.server.gathering import Address
from vultus.server.multipart import parse_form
from vultus.server.pictures import check_count, picture_bytes
from vultus.server.v1.options import single_values
from vultus.server.wire import is_json, is_packed, load_json, load_packed, media_type

FILE_FIELD = "file"
IMAGES = "images"


class Contents(NamedTuple):
    """What a body holds.

    Attributes:
        pictures: Encoded bytes, an address, or the error that stands in a picture's place.
        options: Name -> value, unchecked.
        typed: Whether the values are of the body's own types, rather than text.
    """

    pictures: list[bytes | Address | PictureError]
    options: Mapping[str, Any]
    typed: bool = False


def parse_contents(content_type: str | None, body: bytes, limit: int) -> Contents:
    """Pictures and options of a body.

    Args:
        content_type: Its ``Content-Type``.
        body: The body.
        limit: Most pictures taken.

    Raises:
        TooManyPictures: It holds more than ``limit``.
        UnsupportedMediaType: It is of none of the media types that are read here.
        RequestError: It is damaged, or holds no picture.
    """
    kind = media_type(content_type)
    if kind == "multipart/form-data":
        contents = _form(content_type or "", body, limit)
    elif is_json(kind):
        contents = _document(_load(load_json, body, "JSON"), limit)
    elif is_packed(kind):
        contents = _document(_load(load_packed, body, "MessagePack"), limit)
    elif kind.startswith("image/") or kind == "application/octet-stream":
        contents = Contents([body], {})
    else:
        raise UnsupportedMediaType(
            f"Content-Type {kind[:100]!r} is not read here; send multipart/form-data, application/json, "
            "application/msgpack, image/* or application/octet-stream"
        )
    if not contents.pictures:
        raise RequestError(f"there is no picture; send one as the form's {FILE_FIELD!r} or in the list {IMAGES!r}")
    return contents


def _load(load: Any, body: bytes, name: str) -> Any:  # noqa: ANN401 - whatever the client sent
    try:
        return load(body)
    except ValueError as error:
        raise RequestError(f"the body is not {name}: {error}") from None


def _form(content_type: str, body: bytes, limit: int) -> Contents:
    parts = parse_form(content_type, body)
    check_count(sum(part.name == FILE_FIELD for part in parts), limit)
    fields = [(part.name, part.data.decode("utf-8", "replace")) for part in parts if part.name != FILE_FIELD]
    return Contents([part.data for part in parts if part.name == FILE_FIELD], single_values(fields))


def _document(document: object, limit: int) -> Contents:
    if not isinstance(document, dict) or not all(isinstance(name, str) for name in document):
        raise RequestError("the body must be an object with text keys")
    images = document.pop(IMAGES, [])
    if not isinstance(images, list):
        raise RequestError(f"{IMAGES}: must be a list of pictures")
    check_count(len(images), limit)
    return Contents([_picture(place, image) for place, image in enumerate(images)], document, typed=True)


def _picture(place: int, image: object) -> bytes | Address | PictureError:
    if isinstance(image, dict) and image.keys() == {"url"} and isinstance(image["url"], str):
        return Address(image["url"])
    if isinstance(image, dict) and image.keys() == {"data"}:
        image = image["data"]
    if not isinstance(image, str | bytes):
        raise RequestError(
            f"{IMAGES}[{place}]: must be base64 text, a data URL or, in MessagePack, bytes, alone or as 'data'; "
            "or a name as 'url'"
        )
    try:
        return picture_bytes(image)
    except NotBase64 as error:
        return error
