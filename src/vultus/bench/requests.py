"""What is posted to a server, byte for byte, and how its answers are read."""

from __future__ import annotations

import base64
import itertools
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import SplitResult, urlsplit

import orjson
import ormsgpack

from vultus.errors import RequestError, SettingsError

Api: TypeAlias = Literal["v1", "extract"]
Form: TypeAlias = Literal["json", "msgpack", "multipart"]

APIS: tuple[Api, ...] = get_args(Api)
FORMS: tuple[Form, ...] = get_args(Form)

_JSON = "application/json"
_PATHS = {"v1": "/v1/faces", "extract": "/extract"}
_PACKED = {"v1": "application/msgpack", "extract": "application/x-msgpack"}
_MARKERS = {"v1": b"embedding", "extract": b"vec"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens.

    Attributes:
        host, port: As a socket takes them.
        secure: Whether it speaks TLS.
        authority: For the ``Host`` header.
        prefix: Path below which its endpoints are, without a slash at the end.
        key: API key that it is asked with; empty: none.
    """

    host: str
    port: int
    secure: bool
    authority: str
    prefix: str
    key: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str, key: str = "") -> Address:
        """The address in a URL.

        Raises:
            SettingsError: It is no http(s) address.
        """
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = _port(parts)
        if parts.scheme not in ("http", "https") or not parts.hostname or port is None:
            raise SettingsError(f"url: {url!r} is no address of a server; write it like http://127.0.0.1:18081.")
        if not (key.isascii() and key.isprintable()):
            raise SettingsError("key: it holds characters that no header can hold")
        return cls(parts.hostname, port, parts.scheme == "https", parts.netloc, parts.path.rstrip("/"), key)

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http{'s' if self.secure else ''}://{self.authority}{self.prefix}"

    @property
    def headers(self) -> dict[str, str]:
        """What each request carries besides."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that is ready to be sent.

    Attributes:
        content: All its bytes.
        marker: What an answer with a face contains and one without does not.
    """

    content: bytes
    marker: bytes


def prepare(address: Address, api: Api, form: Form, pictures: Sequence[bytes]) -> Prepared:
    """A request for the faces and embeddings of some encoded pictures.

    Raises:
        SettingsError: The API takes no such form.
    """
    return Prepared(request(address, _PATHS[api], *_body(api, form, pictures)), _MARKERS[api])


def request(address: Address, path: str, body: bytes, content_type: str, accept: str) -> bytes:
    """All bytes of a request that posts a body of a type to a path below the address's, with its key."""
    head = (
        f"POST {address.prefix}{path} HTTP/1.1\r\nHost: {address.authority}\r\nContent-Type: {content_type}\r\n"
        f"Accept: {accept}\r\nContent-Length: {len(body)}\r\n"
    )
    head += "".join(f"{name}: {value}\r\n" for name, value in address.headers.items()) + "\r\n"
    return head.encode() + body


def series(
    address: Address, api: Api, form: Form, pictures: Sequence[bytes], pictures_each: int
) -> tuple[Prepared, ...]:
    """Requests that hold so many pictures each and, sent round and round, all pictures equally often."""
    endless = itertools.cycle(pictures)
    return tuple(
        prepare(address, api, form, list(itertools.islice(endless, pictures_each))) for _ in range(len(pictures))
    )


def faces_in(api: Api, form: Form, content: bytes) -> int:
    """How many faces an answer holds.

    Raises:
        RequestError: The answer is of another form, or one of its pictures could not be used.
    """
    try:
        answer = ormsgpack.unpackb(content) if form == "msgpack" else orjson.loads(content)
        pictures = answer["pictures" if api == "v1" else "data"]
        return sum(_faces(picture) for picture in pictures)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RequestError(f"the server's answer is not one of /{api}: {error!r}") from error


def _faces(picture: dict[str, Any]) -> int:
    if picture.get("error") or picture.get("status") == "failed":
        raise RequestError(f"the server cannot use a picture: {picture.get('error') or picture.get('traceback')}")
    return len(picture["faces"])


def _body(api: Api, form: Form, pictures: Sequence[bytes]) -> tuple[bytes, str, str]:
    """Body, its type, and the type of the answer."""
    if form == "multipart":
        if api != "v1":
            raise SettingsError(f"form: /{api} takes no multipart forms; choose json or msgpack.")
        boundary = secrets.token_hex(16)
        head = 'Content-Disposition: form-data; name="file"; filename="picture.jpg"\r\n\r\n'
        parts = b"".join(f"--{boundary}\r\n{head}".encode() + picture + b"\r\n" for picture in pictures)
        return parts + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}", _JSON
    packed = form == "msgpack"
    images: list[Any] = list(pictures) if packed else [base64.b64encode(picture).decode() for picture in pictures]
    document = {"images": images if api == "v1" else {"data": images}}
    if packed:
        return ormsgpack.packb(document), _PACKED[api], _PACKED[api]
    return orjson.dumps(document), _JSON, _JSON


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
