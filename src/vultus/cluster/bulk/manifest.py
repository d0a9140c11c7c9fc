"""``manifest.json``: what an output folder is, so that it is never gone on with in another way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from vultus.cluster.bulk.parts import Committed, write_whole
from vultus.errors import OutputUnwritable, ResumeRefused

NAME = "manifest.json"

IDENTITY = ("schema", "source", "shard", "settings", "models")
"""Keys whose values must stay as they are."""

_MOST_SHOWN = 5


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder; ``None``: it has none.

    Raises:
        OutputUnwritable: What is there is no manifest.
    """
    path = folder / NAME
    try:
        record = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise OutputUnwritable(f"{path} cannot be read: {error}; name another folder") from error
    if not isinstance(record, dict):
        raise OutputUnwritable(f"{path} is no manifest of an index; name another folder")
    return record


def check(folder: Path, begun: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """See to it that what was begun can be gone on with.

    Args:
        folder: Of the output.
        begun: Its manifest.
        now: What a manifest would say now.

    Raises:
        ResumeRefused: Networks, settings or pictures are others.
    """
    # Through JSON, in which the other one has been: there are no tuples in it.
    now = orjson.loads(orjson.dumps(dict(now)))
    different = [line for key in IDENTITY for line in _differences(key, begun.get(key), now.get(key))]
    if different:
        more = f" and {len(different) - _MOST_SHOWN} more" if len(different) > _MOST_SHOWN else ""
        raise ResumeRefused(
            f"{folder} was begun otherwise: {'; '.join(different[:_MOST_SHOWN])}{more}. "
            "Do as then, or name another folder."
        )


def write(folder: Path, record: Mapping[str, Any], committed: Committed, *, is_complete: bool) -> dict[str, Any]:
    """Write a manifest, with what there is so far.

    Returns:
        What was written.

    Raises:
        OutputUnwritable: It cannot be written.
    """
    counts = {name: count for name, count in committed.tally.record().items() if not name.startswith("archive")}
    whole = dict(record) | {"complete": is_complete, "parts": committed.parts, "counts": counts}
    content = orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    write_whole(folder / NAME, content)
    written: dict[str, Any] = orjson.loads(content)
    return written


def _differences(name: str, begun: object, now: object) -> Iterator[str]:
    if isinstance(begun, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*begun, *now]):
            yield from _differences(f"{name}.{key}", begun.get(key), now.get(key))
    elif begun != now:
        yield f"{name} was {_short(begun)} and is {_short(now)}"


def _short(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 40 else f"{text[:36]} ..."
