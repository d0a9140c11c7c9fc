"""``vultus index`` over all the photographs: its speed beside the bare networks, and what is left of it after kills."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from pyarrow import Table, parquet

from benchmarks import places
from benchmarks.report import Bar, Report, Row
from benchmarks.subject import NETWORKS, Options, settings_of
from benchmarks.timing import in_turn, paired_ratio, spread
from vultus.bench.bound import Bare, Work
from vultus.cluster.bulk.run import PARTS, Request
from vultus.cluster.bulk.run import run as run_index
from vultus.cluster.bulk.sources import Sources, Survey
from vultus.cluster.bulk.stores import Stores
from vultus.cluster.bulk.tables import Columns
from vultus.cluster.bulk.tally import Tally
from vultus.cluster.bulk.units import Shard
from vultus.types import Plan

FOLDERS = ("antispoof", "compreface_samples", "lfw_aligned", "mask", "utkface")
"""Below the photographs: all 4,332 of them."""

WARM = 200
"""Pictures before the clock is started."""

SAMPLE = 64
"""Pictures, evenly spread over all, whose networks are the bound."""

KILLS = 3


class Clock:
    """Watches an index, and tells how fast it went once it was warm."""

    def __init__(self, warm: int) -> None:
        self._warm = warm
        self._pictures = 0
        self._seen: list[tuple[float, int]] = []

    @property
    def rate(self) -> float:
        """Pictures a second."""
        (start, before), (end, after) = self._seen[0], self._seen[-1]
        return (after - before) / (end - start)

    def begin(self, survey: Survey, shard: Shard, done: Tally) -> None:
        """See ``Watch``."""

    def tell(self, done: Tally) -> None:
        """See ``Watch``."""
        self._pictures += done.pictures
        if self._pictures >= self._warm:
            self._seen.append((time.perf_counter(), self._pictures))


def sources(options: Options) -> tuple[str, ...]:
    """Folders of photographs."""
    return tuple(str(places.data(name)) for name in (FOLDERS[:2] if options.quick else FOLDERS))


def sample(names: tuple[str, ...], count: int) -> list[Path]:
    """So many of all pictures, evenly spread."""
    listing = [Path(found.place.path) for found in Sources(names, Columns(), Stores())]
    return list(islice(listing, 0, None, max(1, len(listing) // count)))[:count]


def measure(names: tuple[str, ...], processes: int, options: Options) -> float:
    """Pictures a second of an index into a folder that is then removed."""
    clock = Clock(options.pick(WARM, 3))
    with tempfile.TemporaryDirectory() as folder:
        request = Request(names, Path(folder), Plan(), Shard(), processes=processes)
        run_index(settings_of(), request, clock)
    return clock.rate


def start(names: tuple[str, ...], out: Path) -> subprocess.Popen[bytes]:
    """The command itself, with small parts, so that a kill costs little."""
    paths = [option for path in places.models() for option in ("--model-path", str(path))]
    command = [sys.executable, "-m", "vultus", "index", *names, "--out", str(out), "--part-size", "100", "--json"]
    return subprocess.Popen([*command, "--offline", *paths], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Its manifest."""
    said, errors = process.communicate()
    if process.returncode:
        raise RuntimeError(f"vultus index failed: {errors.decode(errors='replace')}")
    manifest: dict[str, Any] = json.loads(said)
    return manifest


def kill_at_random(names: tuple[str, ...], out: Path, seconds: float, chance: random.Random) -> int:
    """Run it for a random time within its ``seconds``, then kill it; returns how many parts are there."""
    process = start(names, out)
    with suppress(subprocess.TimeoutExpired):
        process.wait(chance.uniform(0.1, 0.5) * seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return len(list((out / PARTS).glob("*.parquet")))


def rows_of(out: Path) -> Iterator[tuple[tuple[str, int | None], dict[str, Any]]]:
    """Every row of an index, by picture and face."""
    for part in sorted((out / PARTS).glob("*.parquet")):
        table: Table = parquet.read_table(part)
        for row in table.to_pylist():
            yield (row["picture"], row["face"]), row


def compare(one: Path, other: Path) -> dict[str, int]:
    """How many rows the other lacks, has twice, has that the one has not, or has with another content."""
    expected = dict(rows_of(one))
    found = Counter(key for key, _ in rows_of(other))
    return {
        "rows": len(expected),
        "lost": len(expected.keys() - found.keys()),
        "twice": sum(count - 1 for count in found.values()),
        "of nowhere": len(found.keys() - expected.keys()),
        "changed": sum(row != expected.get(key, row) for key, row in rows_of(other)),
    }


def run(options: Options) -> Report:
    """The speed in turn with the bound, then the kills."""
    names, rounds, seconds = sources(options), options.pick(3, 1), options.pick(10, 1)
    with Bare(settings_of()) as bare:
        work = Work.together([bare.work(path) for path in sample(names, options.pick(SAMPLE, 4))])
        jobs: dict[str, Callable[[], float]] = {
            "bare": lambda: bare.pictures_per_second(work, seconds),
            "one": lambda: measure(names, 1, options),
            "two": lambda: measure(names, 2, options),
        }
        rates = in_turn(jobs, rounds, alternate=True)
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder, "whole"), Path(folder, "killed")
        began = time.perf_counter()
        counts = finish(start(names, whole))["counts"]
        took = time.perf_counter() - began
        kept = [kill_at_random(names, killed, took, chance) for _ in range(KILLS)]
        finish(start(names, killed))
        differences = compare(whole, killed)
        parts = len(list((whole / PARTS).glob("*.parquet")))
    return Report(
        "index",
        f"vultus index over {counts['pictures']} photographs, detection and embeddings, f32, into Parquet",
        [
            Row("pictures", counts["pictures"]),
            Row("faces", counts["faces"]),
            Row("pictures that could not be used", sum(counts["errors"].values())),
            Row("the bare networks", spread(rates["bare"]).median, "pictures/s"),
            Row("one process", spread(rates["one"]).median, "pictures/s"),
            Row("one process against the bare networks", paired_ratio(rates["one"], rates["bare"]), "", Bar(">=", 0.9)),
            Row("two processes of one stream each", spread(rates["two"]).median, "pictures/s"),
            Row("two processes against the bare networks", paired_ratio(rates["two"], rates["bare"])),
            Row("kills", KILLS),
            Row("parts there at the last kill, of all", kept[-1] / parts),
            *(
                Row(
                    f"rows, after the kills and a last run: {what}", count, "", Bar("==", 0) if what != "rows" else None
                )
                for what, count in differences.items()
            ),
        ],
        notes=[
            f"{rounds} rounds in turn, every second one backwards; ratios are medians of the rounds' ratios. The rate "
            f"is that after the first {WARM} pictures.",
            f"The bound is of {SAMPLE} of the pictures, evenly spread over all. Most pictures are faces cut so tightly "
            "that none is found in them: there detection is all of the work.",
            "Killed with SIGKILL at random times; rows are compared with those of a run that nothing disturbed, "
            "embeddings bit by bit.",
        ],
        models=NETWORKS[:2],
        detail={"pictures per second": rates, "parts at each kill": kept, "parts": parts},
    )
