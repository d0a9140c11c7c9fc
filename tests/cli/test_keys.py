"""``vultus keys``: what is made is let in by the server, and what is kept does not give the key away."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from vultus.settings import load_settings
from vultus.settings.keys import ApiKey, Rate, digest_of

pytestmark = pytest.mark.unit

Run = Callable[..., Result]
UUID = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"


def test_a_key_is_shown_once_beside_an_entry_that_the_settings_take(run: Run) -> None:
    result = run("keys", "new", "phone", "--scope", "v1,insightface-rest", "--scope", "metrics")
    assert result.exit_code == 0
    key, entry = (line.partition(": ")[2] for line in result.stdout.splitlines())
    [kept] = load_settings(keys=entry).keys
    assert ApiKey.parse(kept) == ApiKey("phone", frozenset({"v1", "insightface-rest", "metrics"}), digest_of(key))
    assert key not in entry
    assert "not kept anywhere" in result.stderr


def test_limits_come_with_the_entry(run: Run) -> None:
    result = run("keys", "new", "phone", "--scope", "*", "--requests", "5", "--pictures", "0.5/20", "--json")
    made = json.loads(result.stdout)
    assert ApiKey.parse(made["entry"]) == ApiKey(
        "phone", frozenset("*"), digest_of(made["key"]), Rate(5, 5), Rate(0.5, 20)
    )


def test_no_two_keys_are_the_same(run: Run) -> None:
    made = {json.loads(run("keys", "new", "a", "--scope", "v1", "--json").stdout)["key"] for _ in range(5)}
    assert len(made) == 5


def test_a_key_that_exists_is_read_and_not_shown(run: Run) -> None:
    result = run("keys", "hash", "java", "--scope", "compreface", stdin=f"{UUID}\n".encode())
    assert result.exit_code == 0
    assert result.stdout == f"entry: java:compreface:{digest_of(UUID)}\n"
    assert UUID not in result.output
    as_json = run("keys", "hash", "java", "--scope", "compreface", "--json", stdin=UUID.encode())
    assert json.loads(as_json.stdout) == {"entry": f"java:compreface:{digest_of(UUID)}"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("phone", "--scope", "v2"), "scopes are v1, "),
        (("phone", "--scope", ""), "scopes are v1, "),
        (("a phone", "--scope", "v1"), "NAME:SCOPES:SHA256"),
        (("phone", "--scope", "v1", "--requests", "0"), "RATE or RATE/BURST"),
    ],
)
def test_what_cannot_be_is_refused(run: Run, arguments: tuple[str, ...], complaint: str) -> None:
    result = run("keys", "new", *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert not result.stdout


def test_a_password_is_no_key(run: Run) -> None:
    result = run("keys", "hash", "me", "--scope", "v1", stdin=b"correct horse\n")
    assert result.exit_code == 2
    assert "at least 22 characters" in result.stderr
    assert "correct horse" not in result.output
