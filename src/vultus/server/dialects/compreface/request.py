"""What a request asks for."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vultus.errors import RequestError
from vultus.server.dialects.compreface.plugins import Setup
from vultus.server.multipart import Part, parse_form
from vultus.server.pictures import picture_bytes
from vultus.server.wire import is_json, load_json, media_type
from vultus.types import Plan

FILE = "file"
PARAMETERS = ("limit", "det_prob_threshold", "face_plugins", "detect_faces")

_NOT_ALONE = frozenset({"landmarks", "mask", "pose"})
"""Slugs of plugins that say nothing of a picture in which no face was looked for: what they go by is not known."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a request.

    Attributes:
        limit: Most faces that are answered, the largest; 0: all.
        threshold: Score above which a face counts; ``None``: the default.
        slugs: Plugins that are wanted; those that do not exist are passed over.
        detects: ``False``: the picture is one face.
    """

    limit: int
    threshold: float | None
    slugs: frozenset[str]
    detects: bool

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Asked:
        """Read the parameters.

        Raises:
            RequestError: A number is none, or out of range.
        """
        return cls(
            _limit(given.get("limit", "")),
            _threshold(given["det_prob_threshold"]) if "det_prob_threshold" in given else None,
            frozenset(re.split(r"[,\s]+", given.get("face_plugins", ""))),
            given.get("detect_faces") != "false",
        )

    def running(self, setup: Setup) -> list[str]:
        """Slugs of the plugins that run, in the order of the configuration; the detector always does."""
        wanted = self.slugs - {"detector"} if self.detects else self.slugs - _NOT_ALONE - {"detector"}
        return [slug for slug in setup.plugins if slug == "detector" or slug in wanted]

    def plan(self, setup: Setup, running: Sequence[str]) -> Plan:
        """What to compute for the plugins of these slugs."""
        return Plan(
            detect=self.detects,
            embeddings="calculator" in running,
            attributes=frozenset(fact for slug in running for fact in setup.plugins[slug].facts),
            max_faces=self.limit,
            rank="visible",
            stretch=True,
        )


def read_form(content_type: str | None, body: bytes) -> tuple[bytes, dict[str, str]]:
    """The picture of a form, and its other fields; of several of one name the first counts.

    Raises:
        RequestError: There is no file, or the form is damaged.
    """
    parts = parse_form(content_type or "", body) if media_type(content_type) == "multipart/form-data" else []
    files = [part for part in parts if part.name == FILE and part.filename is not None]
    if not files:
        raise RequestError("No file is attached")
    if not files[0].filename:
        raise RequestError("No file is selected")
    return files[0].data, {part.name: _text(part) for part in reversed(parts) if part.filename is None}


def read_json(content_type: str | None, body: bytes) -> bytes:
    """The picture of ``{"file": base64}``.

    Raises:
        RequestError: The body is something else.
        NotBase64: The text is not base64.
    """
    if not is_json(media_type(content_type)):
        raise RequestError('the Content-Type must be application/json, and the body {"file": "<base64>"}')
    try:
        content = load_json(body)
    except ValueError:
        raise RequestError("The browser (or proxy) sent a request that this server could not understand.") from None
    text = content.get(FILE) if isinstance(content, dict) else None
    if not isinstance(text, str):
        raise RequestError('the body must be {"file": "<base64>"}')
    return picture_bytes(text)


def _text(part: Part) -> str:
    return part.data.decode("utf-8", "replace")


def _limit(text: str) -> int:
    try:
        limit = int(text) if text else 0
    except ValueError:
        raise RequestError("Limit format is invalid (limit >= 0)") from None
    if limit < 0:
        raise RequestError("Limit value is invalid (limit >= 0)")
    return limit


def _threshold(text: str) -> float:
    try:
        threshold = float(text)
    except ValueError:
        threshold = math.nan
    if not 0 <= threshold <= 1:
        raise RequestError("Detection threshold incorrect (0 <= det_prob_threshold <= 1)")
    return threshold
