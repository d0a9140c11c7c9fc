"""What requests hold, coerced as laxly as the original does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Set
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, FailFast, Field

from vultus.errors import PictureError, RequestError, VultusError
from vultus.server.gathering import Address
from vultus.server.pictures import check_count, picture_bytes
from vultus.types import Plan

THRESHOLD = 0.6

GENDER_AGE = frozenset({"gender", "age"})
MASK = frozenset({"mask"})

_MOST = 2**31 - 1  # stands for any larger number

Picture: TypeAlias = bytes | Address | VultusError

Form: TypeAlias = Literal["2", "1", "2020"]
"""Forms of answers: today's, which is that of ``api_ver`` 2; that of ``api_ver`` 1; that of before there was one."""


class Images(BaseModel):
    """Pictures of a request."""

    data: Annotated[list[str | bytes] | None, FailFast()] = Field(
        default=None, description="Base64 text or data URLs; in MessagePack the pictures' bytes."
    )
    urls: Annotated[list[str] | None, FailFast()] = Field(
        default=None, description="Addresses or names of files on the server; if given, `data` is not looked at."
    )

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.data or ()) if self.urls is None else len(self.urls)

    def pictures(self, packed: bool, headers: Mapping[str, str]) -> Iterator[Picture]:
        """The pictures in order; one that is no picture's text has its error instead.

        Args:
            packed: Whether the body was MessagePack, where pictures are bytes and text is refused.
            headers: To fetch addresses with.
        """
        if self.urls is not None:
            return (Address(name, headers) for name in self.urls)
        return (_picture(item, packed) for item in self.data or ())


class Asked(BaseModel):
    """What all requests may hold; fields not known are ignored, and null stands for the default (of a flag: false).

    The defaults here are the original's; those of the settings are put in where a request is read.
    """

    images: Images
    threshold: float | None = Field(default=THRESHOLD, description="Detector score above which a face counts.")
    limit_faces: int | None = Field(default=0, description="At most this many faces a picture, the largest; 0: all.")
    min_face_size: int | None = Field(default=0, description="Leave out faces with a narrower box; 0: none.")
    detect_masks: bool | None = Field(default=False, description="Medical mask; null without such a network.")

    @property
    def face_threshold(self) -> float:
        """The threshold within 0 to 1; what is not a number finds nothing, as in the original."""
        threshold = THRESHOLD if self.threshold is None else self.threshold
        return 1.0 if math.isnan(threshold) else min(max(threshold, 0.0), 1.0)

    @property
    def most_faces(self) -> int:
        """Most faces of a picture that are kept; 0: all."""
        return _within(self.limit_faces)

    @property
    def least_width(self) -> float:
        """Faces with narrower boxes are left out."""
        return float(_within(self.min_face_size))


class Extract(Asked):
    """A request to find, align and embed."""

    embed_only: bool | None = Field(
        default=False, description="Every picture is an aligned crop of the embedder's input size."
    )
    return_face_data: bool | None = Field(default=False, description="Add the aligned crop as base64 JPEG.")
    return_landmarks: bool | None = Field(default=False, description="Add five landmarks.")
    extract_embedding: bool | None = Field(default=True, description="Compute `vec` and `norm`.")
    extract_ga: bool | None = Field(default=False, description="Gender and age; null without such a network.")
    verbose_timings: bool | None = Field(default=False, description="Two more entries in `took`.")
    msgpack: bool | None = Field(default=False, description="Answer in MessagePack whatever `Accept` says.")
    img_req_headers: dict[Any, Any] | None = Field(default=None, description="Headers to fetch `urls` with.")
    api_ver: Any = Field(default=None, description="Of older clients: `1` is answered in lists, any other as today.")
    max_size: Any = Field(
        default=None,
        description="Of older clients, which are answered in the lists of 2020; 0: pictures are not enlarged.",
    )

    @property
    def describes(self) -> bool:
        """Whether faces are described at all, not only found: it decides which keys they have."""
        return bool(self.extract_embedding or self.extract_ga or self.detect_masks)

    def form(self, default: Literal["1", "2"] | None) -> Form:
        """The form of the answer: what the request says, else ``default``, else what ``max_size`` tells of its age."""
        if self.api_ver is not None:
            return "1" if self.api_ver in ("1", 1) else "2"
        return default or ("2" if self.max_size is None else "2020")

    def enlarges(self, form: Form) -> bool:
        """Whether small pictures are enlarged; once, a ``max_size`` of 0 forbade it. Later the field had no effect."""
        sides = self.max_size if isinstance(self.max_size, list) else [self.max_size]
        return form != "2020" or not sides or any(side not in ("0", 0) for side in sides)

    def plan(self, known: Set[str]) -> Plan:
        """What to compute.

        Args:
            known: Facts that networks here tell; others are left out, and answered with null.
        """
        embeddings, attributes = bool(self.extract_embedding), self._wanted() & known
        if self.embed_only:
            return Plan(detect=False, embeddings=embeddings, attributes=attributes)
        return Plan(
            embeddings=embeddings,
            attributes=attributes,
            crops=bool(self.return_face_data),
            max_faces=self.most_faces,
            min_face_size=self.least_width,
        )

    def _wanted(self) -> frozenset[str]:
        return (GENDER_AGE if self.extract_ga else frozenset()) | (MASK if self.detect_masks else frozenset())

    def pictures(self, packed: bool, limit: int) -> list[Picture]:
        """The pictures in order; one that is no picture's text has its error instead.

        Args:
            packed: Whether the body was MessagePack, where pictures are bytes and text is refused.
            limit: Most pictures taken.

        Raises:
            TooManyPictures: There are more than ``limit``.
        """
        check_count(self.images.count, limit)
        headers = {_header_text(name): _header_text(value) for name, value in (self.img_req_headers or {}).items()}
        return list(self.images.pictures(packed, headers))


class Draw(Asked):
    """A request to draw what is found into the first picture."""

    draw_landmarks: bool | None = Field(default=True, description="Draw the five landmarks.")
    draw_scores: bool | None = Field(default=True, description="Write each face's score.")
    draw_sizes: bool | None = Field(default=True, description="Write each box's size.")

    def plan(self, known: Set[str]) -> Plan:
        """What to compute.

        Args:
            known: Facts that networks here tell.
        """
        return Plan(
            embeddings=False,
            attributes=MASK & known if self.detect_masks else frozenset(),
            pixels=True,
            max_faces=self.most_faces,
            min_face_size=self.least_width,
        )

    def pictures(self, packed: bool) -> list[Picture]:
        """The first picture, or its error; others are not looked at.

        Raises:
            RequestError: There is none.
        """
        first = next(self.images.pictures(packed, {}), None)
        if first is None:
            raise RequestError("there is no picture to draw into; send one in images.data")
        return [first]


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
