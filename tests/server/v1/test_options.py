from __future__ import annotations

from typing import Any

import pytest

from vultus.errors import RequestError
from vultus.server.v1.options import CompareOptions, EmbeddingOptions, FaceOptions, parse_options, single_values
from vultus.types import Plan, Profile

pytestmark = pytest.mark.unit


def test_without_options_all_faces_are_embedded_and_nothing_else_is_computed() -> None:
    options = parse_options(FaceOptions, {}, {})
    assert options.plan() == Plan()
    assert options.landmarks


def test_options_become_a_plan() -> None:
    given = {
        "embeddings": "none",
        "attributes": "landmarks106",
        "max_faces": "3",
        "min_face_size": "20.5",
        "crops": "1",
    }
    expected = Plan(
        embeddings=False, attributes=frozenset(("landmarks106",)), crops=True, max_faces=3, min_face_size=20.5
    )
    assert parse_options(FaceOptions, given, {}).plan() == expected


def test_a_comparison_looks_at_the_largest_face_only() -> None:
    assert parse_options(CompareOptions, {"min_face_size": "9"}, {}).plan() == Plan(max_faces=1, min_face_size=9)


def test_a_threshold_replaces_the_profiles() -> None:
    profile = Profile("default", "detector", "embedder", threshold=0.5)
    assert parse_options(FaceOptions, {}, {}).profile(profile) is profile
    assert parse_options(FaceOptions, {"threshold": "0.7"}, {}).profile(profile).threshold == 0.7


@pytest.mark.parametrize(
    "given", ["landmarks106,pose", " landmarks106 , pose ,", ["landmarks106", "pose"], ["landmarks106,pose"]]
)
def test_attributes_are_a_list_or_text_with_commas(given: object) -> None:
    assert parse_options(FaceOptions, {"attributes": given}, {}).attributes == ("landmarks106", "pose")


def test_the_body_goes_before_the_query() -> None:
    assert parse_options(FaceOptions, {"max_faces": "1", "crops": "true"}, {"max_faces": 2}).max_faces == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threshold", "nan"),
        ("threshold", float("inf")),
        ("threshold", 0),
        ("threshold", 1),
        ("threshold", -0.5),
        ("threshold", "high"),
        ("threshold", ["0.5", "0.6"]),
        ("max_faces", -1),
        ("max_faces", 1.5),
        ("max_faces", 10**30),
        ("min_face_size", "nan"),
        ("min_face_size", -1),
        ("min_face_size", 1e300),
        ("embeddings", "doubles"),
        ("landmarks", "maybe"),
        ("crops", None),
        ("attributes", 5),
        ("attributes", [1]),
        ("attributes", ["x"] * 65),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(RequestError, match=f"^{name}"):
        parse_options(FaceOptions, {}, {name: value})


def test_an_unknown_name_is_refused_and_the_known_are_listed() -> None:
    with pytest.raises(RequestError, match=r"'treshold' is no option here; there are: .*threshold"):
        parse_options(FaceOptions, {"treshold": "0.5"}, {})
    with pytest.raises(RequestError, match="'threshold'"):
        parse_options(EmbeddingOptions, {"threshold": "0.5"}, {})


def test_many_problems_are_not_all_named() -> None:
    for given in ({f"option {number}": 1 for number in range(200_000)}, {"attributes": [1] * 200_000}):
        with pytest.raises(RequestError) as raised:
            parse_options(FaceOptions, {}, given)
        assert len(raised.value.message) < 5000


def test_every_problem_is_named() -> None:
    with pytest.raises(RequestError, match=r"threshold.*; max_faces"):
        parse_options(FaceOptions, {"threshold": "x", "max_faces": "y"}, {})
    with pytest.raises(RequestError, match=r"max_faces: .*; 'treshold' is no option"):
        parse_options(FaceOptions, {"treshold": "x", "max_faces": "y"}, {})


def test_repeated_names_become_lists() -> None:
    assert single_values([("a", "1"), ("b", "2"), ("a", "3")]) == {"a": ["1", "3"], "b": "2"}


@pytest.mark.parametrize("given", [{"crops": 0}, {"max_faces": "1"}, {"max_faces": True}, {"threshold": "0.5"}])
def test_where_the_body_has_types_they_are_not_taken_for_one_another(given: dict[str, Any]) -> None:
    assert isinstance(parse_options(FaceOptions, {}, given), FaceOptions)
    with pytest.raises(RequestError, match=next(iter(given))):
        parse_options(FaceOptions, {}, given, typed=True)


def test_lists_may_be_text_also_where_the_body_has_types() -> None:
    for given in ("pose,quality", ["pose", "quality"], ["pose,quality"]):
        assert parse_options(FaceOptions, {}, {"attributes": given}, typed=True).attributes == ("pose", "quality")


def test_what_the_body_overrides_has_to_be_right_all_the_same() -> None:
    assert parse_options(FaceOptions, {"max_faces": "3"}, {"max_faces": 1}, typed=True).max_faces == 1
    with pytest.raises(RequestError, match="max_faces"):
        parse_options(FaceOptions, {"max_faces": "many"}, {"max_faces": 1}, typed=True)
