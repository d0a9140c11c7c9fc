from __future__ import annotations

import hashlib

import pytest

from vultus.server.dialects import DIALECTS
from vultus.settings.keys import (
    AREAS,
    ApiKey,
    Rate,
    check_areas,
    check_strength,
    digest_of,
    new_key,
    parse_keys,
)

pytestmark = pytest.mark.unit

A, B = hashlib.sha256(b"a").hexdigest(), hashlib.sha256(b"b").hexdigest()


def test_every_dialect_is_an_area() -> None:
    assert set(AREAS) == {"v1", "metrics", *DIALECTS}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", Rate(5, 5)),
        ("0.5", Rate(0.5, 1)),
        ("2.5", Rate(2.5, 3)),
        ("0.5/10", Rate(0.5, 10)),
        ("100/1", Rate(100, 1)),
    ],
)
def test_a_rate_and_what_may_happen_at_once(text: str, expected: Rate) -> None:
    assert Rate.parse(text) == expected
    assert Rate.parse(str(expected)) == expected


@pytest.mark.parametrize("text", ["", "0", "0/5", "5/0", "-1", "nan", "inf", "1e3", "5/", "/5", "5/1.5", "5 / 2", "٥"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="RATE or RATE/BURST"):
        Rate.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"phone:v1:{A}", ApiKey("phone", frozenset({"v1"}), A)),
        (f"ops-2.x:metrics+v1:{A.upper()}", ApiKey("ops-2.x", frozenset({"v1", "metrics"}), A)),
        (f"a:*:{A}:pictures=20/100", ApiKey("a", frozenset("*"), A, None, Rate(20, 100))),
        (f"a:*:{A}:pictures=1:requests=5", ApiKey("a", frozenset("*"), A, Rate(5, 5), Rate(1, 1))),
    ],
)
def test_an_entry_says_who_may_do_what_how_often(text: str, expected: ApiKey) -> None:
    assert ApiKey.parse(text) == expected
    assert ApiKey.parse(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("secret-of-mine", "NAME:SCOPES:SHA256"),
        ("secret-of-mine:v1", "NAME:SCOPES:SHA256"),
        (f":v1:{A}", "NAME:SCOPES:SHA256"),
        (f"a b:v1:{A}", "NAME:SCOPES:SHA256"),
        (f"{'a' * 65}:v1:{A}", "NAME:SCOPES:SHA256"),
        ("a:v1:secret-of-mine", "NAME:SCOPES:SHA256"),
        (f"a:v1:{A}0", "NAME:SCOPES:SHA256"),
        (f"a::{A}", "scopes are"),
        (f"a:v2:{A}", "scopes are"),
        (f"a:v1:{A}:secret-of-mine", "only requests=RATE and pictures=RATE"),
        (f"a:v1:{A}:requests=1:requests=2", "each once"),
        (f"a:v1:{A}:requests=fast", "RATE or RATE/BURST"),
    ],
)
def test_what_is_no_entry_is_refused_without_being_repeated(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        ApiKey.parse(text)
    assert "secret-of-mine" not in str(caught.value)


def test_entries_may_stand_among_remarks_and_blank_lines() -> None:
    lines = ["# the phones", "", f"  a:v1:{A} ", "  # others", f"b:*:{B}"]
    assert [key.name for key in parse_keys(lines)] == ["a", "b"]


@pytest.mark.parametrize("second", [f"a:v1:{B}", f"b:v1:{A}"])
def test_neither_a_name_nor_a_key_stands_twice(second: str) -> None:
    with pytest.raises(ValueError, match=r"line 3: .* twice"):
        parse_keys([f"a:*:{A}", "", second], "line")


def test_an_error_names_the_entry_by_its_number() -> None:
    with pytest.raises(ValueError, match="entry 2: not NAME"):
        parse_keys([f"a:*:{A}", "nonsense"])


def test_a_key_is_good_for_its_scopes_and_for_what_belongs_to_none() -> None:
    some, all_ = ApiKey("a", frozenset({"v1"}), A), ApiKey("b", frozenset("*"), B)
    assert [some.allows(area) for area in ("v1", "metrics", None)] == [True, False, True]
    assert [all_.allows(area) for area in ("v1", "metrics", None)] == [True, True, True]


def test_areas_are_those_that_there_are() -> None:
    assert check_areas(["v1", "v1", "compreface"]) == {"v1", "compreface"}
    for wrong in ([], ["*"], ["v1", ""]):
        with pytest.raises(ValueError, match="scopes are v1, "):
            check_areas(wrong)


def test_keys_are_long_and_never_the_same() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        assert len(key.removeprefix("vultus_")) == 43  # 256 bits in base64
        check_strength(key)


def test_what_is_kept_of_a_key_is_its_sha_256() -> None:
    """FIPS 180-4's example of one block."""
    assert digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("key", ["", "hunter2", "a" * 40, "passwordpassword"])
def test_what_somebody_made_up_is_no_key(key: str) -> None:
    with pytest.raises(ValueError, match="at least 22 characters"):
        check_strength(key)


def test_a_uuid_is_a_key() -> None:
    check_strength("f81d4fae-7dec-11d0-a765-00a0c91e6bf6")


def test_the_digest_is_not_shown() -> None:
    assert A not in repr(ApiKey.parse(f"a:v1:{A}"))
