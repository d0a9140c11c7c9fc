"""``vultus bench network``: networks by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from vultus.cli.arguments import AsJson
from vultus.cli.bench_options import Duration, milliseconds, parse_counts, parse_sizes
from vultus.cli.options import with_settings
from vultus.cli.output import print_json, print_line, print_table
from vultus.cli.progress import watched
from vultus.cli.session import log_as_notes
from vultus.errors import SettingsError
from vultus.settings import Inference, Networks, Settings
from vultus.zoo.licence import check_licence

if TYPE_CHECKING:
    from vultus.bench.network import Speed
    from vultus.engine import FaceEngine
    from vultus.runtime.network import Network

COLUMNS = ("network", "input", "batch", "rows/s", "a call alone: p50 ms", "p90 ms", "p99 ms", "max ms")
MOST_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Result:
    """What one network can do with one batch.

    Attributes:
        network: Catalogue name.
        width, height: Of its input.
        speed: What was measured.
    """

    network: str
    width: int
    height: int
    speed: Speed


@with_settings(Networks, Inference)
def network(
    settings: Settings,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Networks, by name or alias.")],
    batches: Annotated[str, typer.Option("--batch", metavar="N,...", help="How many rows a call hands over.")] = "1",
    size: Annotated[
        str | None, typer.Option("--size", metavar="WxH", help="Input of detectors whose input is free, pixels.")
    ] = None,
    duration: Duration = 10.0,
    as_json: AsJson = False,
) -> None:
    """How fast networks are by themselves, in rows a second.

    Each is run on noise, once with a call at a time, then with as many threads
    as there are streams, for half the duration each. What shares a machine with
    other networks is slower: see the bound that the other commands tell.
    """
    from vultus.bench.network import measure
    from vultus.engine import FaceEngine
    from vultus.runtime.cores import available_cores

    rows = parse_counts("batch", batches, MOST_ROWS)
    with log_as_notes(), FaceEngine(settings) as engine:
        loaded = list(_load(engine, names, size))
        threads = settings.streams or available_cores()
        work = [(name, item, batch) for name, item in loaded for batch in rows]
        results = [
            Result(name, item.spec.input.width, item.spec.input.height, measure(item, batch, threads, duration / 2))
            for name, item, batch in watched(work, len(work), "batches")
        ]
        runtime = engine.runtime
        precision = ", ".join(dict.fromkeys(engine.precision(name) for name, _ in loaded))
        how = {"runtime": runtime.name, "device": runtime.device, "precision": precision, "threads": threads}
    if as_json:
        print_json({"bench": "network", "setup": how, "results": [_record(result) for result in results]})
        return
    print_table(COLUMNS, [_cells(result) for result in results])
    print_line(f"{how['runtime']} on {how['device']}, {how['precision']}; rows/s with {threads} threads")


def _load(engine: FaceEngine, names: list[str], size: str | None) -> Iterator[tuple[str, Network]]:
    from vultus.bench.bound import load_network

    sides = parse_sizes(size) if size else []
    if len(sides) > 1:
        raise SettingsError(f"size: {size!r}: name one size.")
    for model in map(engine.model, names):
        check_licence(model, engine.settings.license_policy)
        yield (
            model.name,
            load_network(engine, model, sides[0] if sides and model.task == "detection" and model.resizable else None),
        )


def _cells(result: Result) -> tuple[str, ...]:
    speed = result.speed
    rate = f"{speed.rows_per_second:.4g}"
    shape = f"{result.width} x {result.height}"
    return result.network, shape, str(speed.batch), rate, *milliseconds(speed.latency)


def _record(result: Result) -> dict[str, object]:
    told = asdict(result)
    speed: dict[str, object] = told.pop("speed")
    return told | speed
