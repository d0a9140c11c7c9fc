"""Counting."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from vultus.cluster.bulk.tally import Tally

pytestmark = pytest.mark.unit


def test_tallies_add_up() -> None:
    tally = Tally(pictures=2, faces=3, errors=Counter(a=1))
    tally += Tally(pictures=1, empty=1, errors=Counter(a=1, b=2), archived=5, archive_bytes=100)
    assert tally == Tally(3, 3, 1, Counter(a=2, b=2), 5, 100)
    assert tally.failed == 4


def test_a_tally_survives_as_json() -> None:
    tally = Tally(3, 3, 1, Counter(a=2, b=2), 5, 100)
    assert Tally.of(json.loads(json.dumps(tally.record()))) == tally


def test_what_is_added_to_is_not_what_was_added() -> None:
    one, two = Tally(), Tally(errors=Counter(a=1))
    one += two
    one += two
    assert two.errors == {"a": 1}
