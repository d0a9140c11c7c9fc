"""How pictures are shared out: units that one worker goes through, cut into parts of the output."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeAlias

from vultus.cluster.bulk.sources import Archive, Found, Picture
from vultus.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several shares of the pictures, for as many machines that know nothing of each other.

    Which share a picture falls into depends on its id and the number of shares alone.

    Attributes:
        index: From 1 to ``count``.
        count: How many shares there are.
    """

    index: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """The shard ``i/n``.

        Raises:
            SettingsError: It is not of that form, or i is not from 1 to n.
        """
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, re.ASCII)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise SettingsError(f"shard: i/n with i from 1 to n, such as 1/4, not {text!r}")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def has(self, picture: str) -> bool:
        """Whether the picture of this id is in it."""
        digest = hashlib.sha256(picture.encode("utf-8", "replace")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index - 1


class Part(NamedTuple):
    """A part of the output: the unit of commitment.

    Attributes:
        unit: Number of the unit that it belongs to.
        chunk: Its place among that unit's parts.
    """

    unit: int
    chunk: int


Block: TypeAlias = tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """What one worker goes through from beginning to end.

    Attributes:
        number: Its place among all units of the shard.
        content: Pictures of the shard, no more than a part holds; or an archive, which may make several parts.
        done: Chunks of it that have been committed.
    """

    number: int
    content: Block | Archive
    done: frozenset[int] = frozenset()


def units(listing: Iterable[Found], shard: Shard, size: int) -> Iterator[Unit]:
    """Share out what a listing holds; the same listing is always shared out alike.

    Args:
        listing: What is to be indexed.
        shard: Which pictures of it; of archives that is known only when they are read.
        size: Pictures of a part.
    """
    number = 0
    block: list[Picture] = []
    for found in listing:
        if isinstance(found, Archive):
            yield Unit(number, found)
            number += 1
        elif shard.has(found.id):
            block.append(found)
            if len(block) == size:
                yield Unit(number, tuple(block))
                number += 1
                block = []
    if block:
        yield Unit(number, tuple(block))
