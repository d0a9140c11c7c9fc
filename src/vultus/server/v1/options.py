"""What a ``/v1`` request may ask for, beside its pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field, ValidationError, WithJsonSchema

from vultus.attributes import DEMOGRAPHIC
from vultus.errors import RequestError
from vultus.settings import Settings
from vultus.types import Plan, Profile

_MOST_TOLD = 10  # unknown names
_NAMES = {"anyOf": [{"type": "array", "items": {"type": "string"}, "maxItems": 64}, {"type": "string"}]}

O = TypeVar("O", bound="Options")  # noqa: E741


def _split(value: object) -> object:
    """Lists may also be given as text with commas, and fields of a form may be repeated."""
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return value
    return tuple(name.strip() for part in parts for name in part.split(",") if name.strip())


class Options(BaseModel):
    """Options every endpoint knows: none. Unknown names, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EmbeddingOptions(Options):
    """Options of ``/v1/embeddings``."""

    embeddings: Literal["float", "base64"] = Field(
        default="float", description="Numbers, or base64 of little-endian float32."
    )


class DetectionOptions(Options):
    """Which faces count."""

    threshold: float | None = Field(
        default=None, gt=0, lt=1, description="Detector score above which a face counts; default: the server's."
    )
    min_face_size: float = Field(
        default=0, ge=0, le=1_000_000, description="Leave out faces whose box is narrower than this many pixels."
    )

    def profile(self, default: Profile) -> Profile:
        """The profile to use."""
        return default if self.threshold is None else replace(default, threshold=self.threshold)


class CompareOptions(DetectionOptions):
    """Options of ``/v1/compare``."""

    def plan(self) -> Plan:
        """Only the largest face of a picture is compared."""
        return Plan(max_faces=1, min_face_size=self.min_face_size)


class FaceOptions(DetectionOptions):
    """Options of ``/v1/faces``."""

    embeddings: Literal["float", "base64", "none"] = Field(
        default="float", description="Numbers, base64 of little-endian float32, or no embedding."
    )
    landmarks: bool = Field(default=True, description="Answer the five landmarks.")
    attributes: Annotated[tuple[str, ...], FailFast(), BeforeValidator(_split), WithJsonSchema(_NAMES)] = Field(
        default=(),
        max_length=64,
        description="Further facts wanted, such as `landmarks106`; `/v1/info` lists which can be asked.",
    )
    max_faces: int = Field(
        default=0, ge=0, le=1_000_000, description="At most this many faces a picture, the largest; 0: all."
    )
    crops: bool = Field(default=False, description="Answer each face's aligned crop as JPEG.")

    def plan(self) -> Plan:
        """What to compute."""
        return Plan(
            embeddings=self.embeddings != "none",
            attributes=frozenset(self.attributes),
            crops=self.crops,
            max_faces=self.max_faces,
            min_face_size=self.min_face_size,
        )


def parse_options(kind: type[O], query: Mapping[str, Any], body: Mapping[str, Any], *, typed: bool = False) -> O:
    """Options from the query and the body; the body's word goes before the query's.

    Args:
        kind: Which there are.
        query: Text by name.
        body: Values by name.
        typed: Whether the body's format tells numbers from text; then they are not taken for one another.

    Raises:
        RequestError: A name is unknown, a value is of the wrong type or out of range; the message names each,
            of unknown names the first ten.
    """
    given = {**query, **body}
    strangers = [name for name in given if name not in kind.model_fields]
    for name in strangers[_MOST_TOLD:]:  # pydantic would make an error of a kilobyte of each
        del given[name]
    try:
        if typed:
            kind.model_validate({name: given[name] for name in body if name in given}, strict=True)
        if query.keys() & body.keys():  # what the body overrides has to be right all the same
            kind(**{name: value for name, value in query.items() if name in given})
        return kind(**given)
    except ValidationError as error:
        raise RequestError("; ".join(_sentences(kind, error))) from None


def allowed_facts(facts: Iterable[str], settings: Settings) -> frozenset[str]:
    """Those of the facts that this server may be asked: age and gender only where the setting allows them."""
    return frozenset(facts) if settings.age_gender else frozenset(facts) - DEMOGRAPHIC


def check_demographics(facts: Iterable[str], settings: Settings) -> None:
    """See to it that nothing is asked which this server was not set to tell.

    Raises:
        RequestError: Age or gender, and ``age_gender`` is off.
    """
    if refused := sorted(set(facts) - allowed_facts(facts, settings)):
        raise RequestError(
            f"attributes: {', '.join(refused)}: this server does not tell age and gender; its operator can allow it "
            "with the setting age_gender",
            limit="age_gender",
        )


def single_values(pairs: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Name-value pairs as a mapping; a name given more than once has the list of its values."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _sentences(kind: type[Options], error: ValidationError) -> Iterable[str]:
    known = ", ".join(sorted(kind.model_fields))
    for problem in error.errors(include_url=False):
        name = ".".join(str(part) for part in problem["loc"])[:100]
        if problem["type"] == "extra_forbidden":
            yield f"{name!r} is no option here; there are: {known}"
        else:
            yield f"{name}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"
