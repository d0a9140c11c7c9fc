"""Sharing out: every picture once, always alike, whoever shares."""

from __future__ import annotations

import hashlib
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.cluster.bulk.sources import Archive, Found, Picture
from vultus.cluster.bulk.stores import Place
from vultus.cluster.bulk.units import Shard, Unit, units
from vultus.errors import SettingsError

pytestmark = pytest.mark.unit

IDS = st.lists(st.text(max_size=12), unique=True, max_size=60)


def picture(name: str) -> Picture:
    return Picture(name, Place("", name))


def archive(name: str) -> Archive:
    return Archive(name, Place("", name))


@given(st.text(), st.integers(1, 40))
def test_a_picture_is_in_exactly_one_shard(name: str, count: int) -> None:
    assert sum(Shard(index, count).has(name) for index in range(1, count + 1)) == 1


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.integers(1, 1000))
def test_the_shard_is_the_rest_of_the_first_eight_bytes_of_the_hash(name: str, count: int) -> None:
    # What docs/bulk.md promises, in other words: hexadecimal digits instead of bytes.
    expected = int(hashlib.sha256(name.encode()).hexdigest()[:16], 16) % count + 1
    assert Shard(expected, count).has(name)


def test_shards_are_of_about_the_same_size() -> None:
    sizes = [sum(Shard(index, 4).has(f"{number}.jpg") for number in range(4000)) for index in (1, 2, 3, 4)]
    assert all(abs(size - 1000) < 5 * 27.4 for size in sizes)  # five standard deviations of a binomial


@given(IDS, st.integers(1, 7), st.integers(1, 9))
def test_units_of_all_shards_hold_every_picture_once_and_in_order(names: list[str], count: int, size: int) -> None:
    listing = list(map(picture, names))
    shared = [list(units(listing, Shard(index, count), size)) for index in range(1, count + 1)]
    held = [[found.id for unit in share for found in unit.content] for share in shared]  # type: ignore[union-attr]
    assert sorted(chain(*held)) == sorted(names)
    for share in held:
        assert share == [name for name in names if name in set(share)]


@given(IDS, st.integers(1, 9))
def test_blocks_are_full_but_the_last_and_numbered(names: list[str], size: int) -> None:
    made = list(units(map(picture, names), Shard(), size))
    assert [unit.number for unit in made] == list(range(len(made)))
    sizes = [len(unit.content) for unit in made]  # type: ignore[arg-type]
    assert all(length == size for length in sizes[:-1])
    assert sum(sizes) == len(names)
    assert all(sizes)


def test_an_archive_is_a_unit_of_every_shard_and_breaks_no_block() -> None:
    listing: list[Found] = [picture("a"), archive("t.tar"), picture("b"), picture("c")]
    assert list(units(listing, Shard(), 2)) == [
        Unit(0, archive("t.tar")),
        Unit(1, (picture("a"), picture("b"))),
        Unit(2, (picture("c"),)),
    ]
    for index in (1, 2, 3):
        assert archive("t.tar") in [unit.content for unit in units(listing, Shard(index, 3), 2)]


def test_a_shard_is_read_as_it_is_written() -> None:
    assert Shard.parse("3/8") == Shard(3, 8)
    assert str(Shard.parse("3/8")) == "3/8"


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/0", "1", "1/2/3", "a/b", "-1/4", "1/ 4", "", "1.0/2", "²/4"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="shard: i/n"):
        Shard.parse(text)
