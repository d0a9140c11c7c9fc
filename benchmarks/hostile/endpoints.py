"""The endpoints that take pictures, in each form a picture may come, and what their answers mean."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
import ormsgpack

from benchmarks.hostile import samples

JSON, PACKED = "application/json", "application/msgpack"
REFUSED = "refused"
"""What an endpoint says of a picture without telling why."""

_BOUNDARY = "frontier-4d7c2a9e51"
FORM = f"multipart/form-data; boundary={_BOUNDARY}"
_NATIVE, _CORE = frozenset({413, 415, 422}), frozenset({400})
_ARC, _TRITON, _REST = frozenset({413, 415, 422}), frozenset({400, 413}), frozenset({413, 415, 422})

Wrap = Callable[[bytes], bytes]
Say = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path and one form.

    Attributes:
        path: With its query.
        form: Short name of the form.
        content_type: Of the body.
        wrap: Makes a body of a picture.
        say: What an answer of 200 says of the picture: ``fine``, or why not.
        refusals: Statuses that the documentation names for what is wrong with a request or a picture.
        is_picky: Whether a good picture may be refused, as it has no face, is no crop, or is too long for a JPEG.
        template: Other fields of a body in JSON, by name: a good value.
    """

    path: str
    form: str
    content_type: str
    wrap: Wrap
    say: Say
    refusals: frozenset[int]
    is_picky: bool = False
    template: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Path and form."""
        return f"{self.path} ({self.form})"

    def outcome(self, status: int, content: bytes) -> str:
        """``fine``, the code of what is wrong, or ``refused``.

        Raises:
            ValueError: The answer is none that the documentation knows.
        """
        if status == 200:
            return self.say(content)
        if status not in self.refusals:
            raise ValueError(f"status {status}: {content[:200]!r}")
        return str(orjson.loads(content).get("code") or REFUSED)


def form(*parts: tuple[str, bytes], filename: bool = True) -> bytes:
    """A form of files."""
    name_of = '; filename="a.jpg"' if filename else ""
    pieces = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{name_of}\r\n\r\n'.encode() + data + b"\r\n"
        for name, data in parts
    ]
    return b"".join([*pieces, f"--{_BOUNDARY}--\r\n".encode()])


@cache
def good() -> bytes:
    """A picture that nothing is wrong with."""
    return samples.saved("JPEG")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _listed(key: str) -> Say:
    def say(content: bytes) -> str:
        first = orjson.loads(content)[key][0]
        return str(first["error"]["code"]) if "error" in first else "fine"

    return say


def _extracted(content: bytes) -> str:
    answer = orjson.loads(content) if content[:1] == b"{" else ormsgpack.unpackb(content)
    return "fine" if answer["data"][0]["status"] == "ok" else REFUSED


def _crop(content: bytes) -> str:
    return "fine" if orjson.loads(content)["data"][0]["faces"][0]["status"] != "failed" else REFUSED


def _fine(content: bytes) -> str:  # noqa: ARG001 - 200 says it
    return "fine"


_FACES: Mapping[str, Any] = {
    "threshold": 0.5, "max_faces": 1, "min_face_size": 1.0, "embeddings": "float", "landmarks": True,
    "attributes": ["pose"], "crops": False,
}  # fmt: skip
_EXTRACT: Mapping[str, Any] = {
    "threshold": 0.6, "limit_faces": 1, "min_face_size": 1, "detect_masks": False, "embed_only": False,
    "return_face_data": False, "return_landmarks": False, "extract_embedding": True, "extract_ga": False,
    "verbose_timings": False, "msgpack": False, "img_req_headers": {}, "api_ver": "2", "max_size": [640, 640],
}  # fmt: skip
_DRAW: Mapping[str, Any] = {
    "threshold": 0.6, "limit_faces": 1, "min_face_size": 1, "draw_landmarks": True, "draw_scores": True,
    "draw_sizes": True, "detect_masks": False,
}  # fmt: skip


def endpoints() -> list[Endpoint]:
    """All of them."""
    return [*_native(), *_rest(), *_products()]


def _native() -> list[Endpoint]:
    found = []
    for path, key, template in (
        ("/v1/faces", "pictures", _FACES),
        ("/v1/embeddings", "embeddings", {"embeddings": "float"}),
    ):
        say, is_picky = _listed(key), path == "/v1/embeddings"
        for name, content_type, wrap in (
            ("raw", "image/jpeg", bytes),
            ("octets", "application/octet-stream", bytes),
            ("form", FORM, lambda data: form(("file", data))),
            ("JSON", JSON, lambda data: orjson.dumps({"images": [_text(data)]})),
            (
                "data URL",
                JSON,
                lambda data: orjson.dumps({"images": [{"data": f"data:image/jpeg;base64,{_text(data)}"}]}),
            ),
            ("MessagePack", PACKED, lambda data: ormsgpack.packb({"images": [data]})),
        ):
            of_json = template if name in ("JSON", "MessagePack") else {}
            found.append(Endpoint(path, name, content_type, wrap, say, _NATIVE, is_picky, of_json))
    pair: Sequence[tuple[str, str, Wrap]] = (
        ("form", FORM, lambda data: form(("file", good()), ("file", data))),
        ("JSON", JSON, lambda data: orjson.dumps({"images": [_text(data), _text(good())]})),
        ("MessagePack", PACKED, lambda data: ormsgpack.packb({"images": [data, good()]})),
    )
    compared = {"threshold": 0.5, "min_face_size": 1.0}
    for name, content_type, wrap in pair:
        found.append(Endpoint("/v1/compare", name, content_type, wrap, _fine, _NATIVE, True, compared))
    return found


def _rest() -> list[Endpoint]:
    def listed(data: bytes) -> bytes:
        return orjson.dumps({"images": {"data": [_text(data)]}})

    def packed(data: bytes) -> bytes:
        return ormsgpack.packb({"images": {"data": [data]}})

    def crop(data: bytes) -> bytes:
        return orjson.dumps({"images": {"data": [_text(data)]}, "embed_only": True})

    refusals = _REST | {400}
    return [
        Endpoint("/extract", "JSON", JSON, listed, _extracted, refusals, False, _EXTRACT),
        Endpoint("/extract", "MessagePack", PACKED, packed, _extracted, refusals, False, _EXTRACT),
        Endpoint("/extract", "crop in JSON", JSON, crop, _crop, refusals, True),
        Endpoint("/v2/extract", "JSON", JSON, listed, _extracted, refusals, False, _EXTRACT),
        Endpoint("/draw_detections", "JSON", JSON, listed, _fine, refusals, True, _DRAW),
        Endpoint("/draw_detections", "MessagePack", PACKED, packed, _fine, refusals, True, _DRAW),
        Endpoint("/multipart/draw_detections", "form", FORM, lambda data: form(("file", data)), _fine, refusals, True),
    ]


def _products() -> list[Endpoint]:
    def file(data: bytes) -> bytes:
        return form(("file", data))

    def image(data: bytes) -> bytes:
        return form(("image", data))

    def pair(data: bytes) -> bytes:
        return form(("image_a", data), ("image_b", good()))

    def text(data: bytes) -> bytes:
        return orjson.dumps({"file": _text(data)})

    every = "?face_plugins=calculator,landmarks"
    return [
        Endpoint("/detect", "form", FORM, file, _fine, _ARC | {400}),
        Endpoint("/embed", "form", FORM, file, _fine, _ARC | {400}),
        Endpoint("/attributes", "form", FORM, file, _fine, _ARC | {400}, True),
        Endpoint("/embedding", "form", FORM, image, _fine, _TRITON | {422}),
        Endpoint("/face-similarity", "form", FORM, pair, _fine, _TRITON | {422}, True),
        Endpoint(f"/find_faces{every}", "form", FORM, file, _fine, _CORE, True),
        Endpoint(f"/find_faces_base64{every}", "JSON", JSON, text, _fine, _CORE, True, {"file": "/9j/"}),
        Endpoint("/scan_faces", "form", FORM, file, _fine, _CORE, True),
    ]
