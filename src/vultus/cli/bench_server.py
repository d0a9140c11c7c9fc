"""``vultus bench server``: load on a server, beside what the networks alone would allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vultus.cli.arguments import AsJson
from vultus.cli.bench_options import (
    BOUND_SECONDS,
    Duration,
    Faces,
    Sizes,
    WarmUp,
    make_cases,
    parse_numbers,
)
from vultus.cli.bench_report import Row, Sheet
from vultus.cli.options import with_settings
from vultus.cli.output import EXIT_FAILED, print_note
from vultus.cli.progress import watched
from vultus.cli.session import log_as_notes
from vultus.errors import EngineError, ModelError
from vultus.settings import SERVER_GROUPS, Settings, load_settings

if TYPE_CHECKING:
    from vultus.bench.bound import Bare, Work
    from vultus.bench.load import Pace
    from vultus.bench.pictures import Case
    from vultus.bench.trial import Target, Trial
    from vultus.types import Profile

AUTO = "auto"
AUTO_SHARES = (0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1)
"""Of what a closed loop reaches: the rates that ``auto`` offers."""

CLOSED_CONNECTIONS, OPEN_CONNECTIONS = 8, 256
_MOST_RATE = 100_000


@dataclass(frozen=True, slots=True)
class _Plan:
    """How each case is measured.

    Attributes:
        pace: All but the rate.
        rates: Pictures a second; empty: a closed loop alone.
        auto: Whether rates are made of what the closed loop reaches.
        each: Pictures in a request.
    """

    pace: Pace
    rates: Sequence[float]
    auto: bool
    each: int


@with_settings(*SERVER_GROUPS)
def server(
    settings: Settings,
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="A running server; none: one is started for this.")
    ] = None,
    pictures: Annotated[
        list[Path] | None, typer.Option("--picture", metavar="FILE", help="A photograph; may be repeated.")
    ] = None,
    faces: Faces = None,
    sizes: Sizes = "640x480",
    api: Annotated[Literal["v1", "extract"], typer.Option(help="/v1/faces, or /extract of InsightFace-REST.")] = "v1",
    form: Annotated[Literal["json", "msgpack", "multipart"], typer.Option(help="Form of the requests.")] = "json",
    each: Annotated[int, typer.Option("--per-request", min=1, max=1024, metavar="N", help="Pictures a request.")] = 1,
    connections: Annotated[
        int, typer.Option(min=0, max=10_000, metavar="N", help="At once; 0: 8, and up to 256 with rates.")
    ] = 0,
    rates: Annotated[
        str | None,
        typer.Option(
            "--rate",
            "--rates",
            metavar="N,...",
            help="Offer so many pictures/s (open loop); auto: a sweep.",
        ),
    ] = None,
    duration: Duration = 10.0,
    warm_up: WarmUp = 2.0,
    key: Annotated[
        str, typer.Option(envvar="VULTUS_BENCH_KEY", metavar="KEY", help="API key, if the server at URL asks for one.")
    ] = "",
    timeout: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="How long answers are awaited.")] = 60.0,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw latency over rate (needs the extra `evaluate`).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put load on a server; tell latency, throughput and the bound.

    Without rates each connection sends its next request when it has its answer.
    With rates, requests fall due at those, and latency counts from then on.
    Beside it stands what the networks alone reach on this machine. --plot
    without rates offers a sweep of them: shares of what was reached. Settings
    are those of the server that is started, on a free port of loopback.
    """
    from vultus.bench.bound import Bare
    from vultus.bench.load import Pace

    sheet = Sheet(plot, as_json)
    rates = rates or (AUTO if plot else None)
    given = [] if rates in (None, AUTO) else parse_numbers("rates", str(rates), _MOST_RATE)
    pace = Pace(connections, None, duration, warm_up, timeout)
    plan = _Plan(pace, given, rates == AUTO, each)
    with (
        log_as_notes(),
        _target(settings, url, key, api, form) as (target, told),
        Bare(_as_told(settings, told) if url else settings) as bare,
    ):
        cases = make_cases(pictures or [], faces, sizes, bare.engine, "1")
        is_here = _is_loopback(target.address.host)
        for case in watched(cases, len(cases), "kinds of picture"):
            for row in _measure(bare if is_here else None, target, case, plan):
                sheet.add(row)
        threads = bare.threads
    sheet.tell(url or "a server of its own", target, told, threads)
    if sheet.failed:
        raise typer.Exit(EXIT_FAILED)


@contextmanager
def _target(
    settings: Settings,
    url: str | None,
    key: str,
    api: Literal["v1", "extract"],
    form: Literal["json", "msgpack", "multipart"],
) -> Iterator[tuple[Target, dict[str, Any]]]:
    """The server to measure, and what it says of itself."""
    from vultus.bench.processes import family, listeners
    from vultus.bench.requests import Address, prepare
    from vultus.bench.server import ServerProcess, describe
    from vultus.bench.trial import Target

    if url is not None:
        address = Address.parse(url, key)
        prepare(address, api, form, [])  # what the API does not take is known before anything is asked
        pids = listeners(address.port) if _is_loopback(address.host) else []
        yield Target(address, api, form, pids), describe(address.url, address.headers)
        return
    prepare(Address.parse("http://127.0.0.1"), api, form, [])
    with ServerProcess(settings) as started:
        started.wait_ready()
        target = Target(Address.parse(started.url), api, form, family(started.pid))
        yield target, describe(started.url)


def _measure(bare: Bare | None, target: Target, case: Case, plan: _Plan) -> Iterator[Row]:
    """All rows of one case, with the bound measured before and after, while the server is idle."""
    from vultus.bench.bound import Bound
    from vultus.bench.requests import series
    from vultus.bench.trial import probe, run_trial

    requests = series(target.address, target.api, target.form, case.contents, plan.each)
    found = sum(probe(target, request) for request in requests)
    all_have_faces = found >= len(requests) and len(case.contents) == 1
    work = _work(bare, target, case)
    seconds = min(plan.pace.seconds, BOUND_SECONDS)
    bounds = [bare.bound(work, seconds)] if bare and work else []

    def closed() -> Trial:
        pace = replace(plan.pace, connections=plan.pace.connections or CLOSED_CONNECTIONS)
        return run_trial(target, requests, pace, plan.each, all_have_faces)

    trials = []
    rates = list(plan.rates)
    if not rates:
        trials.append(closed())
        reached = trials[0].figures.pictures_per_second
        rates = [reached * part for part in AUTO_SHARES] if plan.auto and reached else []
    for rate in watched(rates, len(rates), "rates"):
        pace = replace(plan.pace, rate=rate / plan.each, connections=plan.pace.connections or OPEN_CONNECTIONS)
        trials.append(run_trial(target, requests, pace, plan.each, all_have_faces))
    if bare and work:
        bounds.append(bare.bound(work, seconds))
    bound = Bound.mean(bounds) if bounds else None
    yield from (Row(case.name, found / (len(requests) * plan.each), trial, bound) for trial in trials)


def _work(bare: Bare | None, target: Target, case: Case) -> Work | None:
    """What the networks have to do here; ``None`` where they cannot be had here, which is told."""
    from vultus.bench.bound import Work

    if bare is None:
        print_note("note", "the server is on another machine: the bare networks can only be measured there")
        return None
    try:
        profile = _profile(bare, target.api)
        return Work.together(bare.work(content, profile=profile) for content in case.contents)
    except (EngineError, ModelError) as error:
        print_note("warning", f"the bare networks cannot be measured: {error.message}")
        return None


def _profile(bare: Bare, api: str) -> Profile:
    """How the API that is asked analyses pictures."""
    if api == "v1":
        return bare.engine.default_profile
    from vultus.server.dialects import insightface_rest

    return insightface_rest.DIALECT.profile(bare.engine)


def _as_told(settings: Settings, told: dict[str, Any]) -> Settings:
    """The settings with the networks and the arithmetic of a running server: the bound is to be that of its work."""
    networks, changed = told["networks"], {"runtime": told["runtime"], "precision": told["precision"]}
    changed |= {task: networks[task]["name"] for task in ("detector", "embedder") if networks.get(task)}
    changed["canvas"] = told["defaults"]["canvas"][0]
    changed["threshold"] = told["defaults"]["threshold"]
    return load_settings(**(settings.model_dump() | changed))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
