"""Pictures as they stand in a request's body."""

from __future__ import annotations

import binascii

import pybase64

from vultus.errors import NotBase64, TooManyPictures


def check_count(count: int, limit: int) -> None:
    """Refuse a request for its many pictures, before any of them costs something.

    Raises:
        TooManyPictures: There are more than ``limit``.
    """
    if count > limit:
        raise TooManyPictures(
            f"the request holds {count} pictures, and {limit} are allowed; "
            "send fewer at once or raise max_request_pictures",
            limit="max_request_pictures",
        )


def picture_bytes(item: str | bytes) -> bytes:
    """Encoded bytes of a picture given as bytes, base64 text or data URL.

    Whatever stands before the last comma is left out; both alphabets are read, and characters that are of neither
    (line breaks, say) are skipped.

    Raises:
        NotBase64: The text is not base64.
    """
    if isinstance(item, bytes):
        return item
    text = item.rpartition(",")[2]
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:  # not as it should be, if it is base64 at all
        pass
    try:
        return binascii.a2b_base64(text.replace("-", "+").replace("_", "/"))
    except ValueError as error:
        raise NotBase64(f"the picture's text is not base64: {error}") from None
