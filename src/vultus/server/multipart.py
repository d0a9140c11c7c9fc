"""Forms with files, taken apart in memory."""

from __future__ import annotations

import binascii
import quopri
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from vultus.errors import RequestError

_DECODERS: Mapping[bytes, Callable[[bytes], bytes]] = MappingProxyType(
    {
        b"": bytes,
        b"7bit": bytes,
        b"8bit": bytes,
        b"binary": bytes,
        b"base64": binascii.a2b_base64,
        b"quoted-printable": quopri.decodestring,
    }
)
"""What ``Content-Transfer-Encoding`` may say (RFC 2045, 6): no longer used in forms (RFC 7578, 4.7), yet still sent."""


@dataclass(slots=True)
class Part:
    """One part of a form.

    Attributes:
        name: The field's name.
        data: Its contents.
        filename: What its file is called; ``None`` for a field without a file.
    """

    name: str
    data: bytes
    filename: str | None = None


def parse_form(content_type: str, body: bytes) -> list[Part]:
    """The parts of a ``multipart/form-data`` body, in order.

    Raises:
        RequestError: The boundary is missing, the body is no form or ends early, or a part has no name or is not in
            the transfer encoding it claims.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise RequestError("multipart/form-data needs a boundary parameter in Content-Type")
    form = _Form()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": form.begin,
                "on_header_field": form.header_name,
                "on_header_value": form.header_value,
                "on_header_end": form.header_end,
                "on_part_data": form.data,
                "on_part_end": form.end,
                "on_end": form.complete,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise RequestError(f"the body is not multipart/form-data: {error}") from None
    if not form.is_complete:
        raise RequestError("the body is not multipart/form-data: it ends before its last boundary")
    return form.parts


class _Form:
    """Collects what the parser reports."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.is_complete = False
        self._field = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []

    def begin(self) -> None:
        self._headers = {}
        self._chunks = []

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def data(self, data: bytes, start: int, end: int) -> None:
        self._chunks.append(data[start:end])

    def end(self) -> None:
        parameters = parse_options_header(self._headers.get(b"content-disposition"))[1]
        name, filename = parameters.get(b"name"), parameters.get(b"filename")
        if name is None:
            raise RequestError("a part of the form has no name in its Content-Disposition")
        chunks = self._chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        data = _decoded(data, self._headers.get(b"content-transfer-encoding", b""))
        self.parts.append(Part(_text(name), data, None if filename is None else _text(filename)))

    def complete(self) -> None:
        self.is_complete = True


def _decoded(data: bytes, encoding: bytes) -> bytes:
    decode = _DECODERS.get(encoding.strip().lower())
    if decode is None:
        raise RequestError(f"a part of the form has the unknown Content-Transfer-Encoding {_text(encoding)!r}")
    try:
        return decode(data)
    except ValueError as error:
        raise RequestError(f"a part of the form is not {_text(encoding)}: {error}") from None


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
