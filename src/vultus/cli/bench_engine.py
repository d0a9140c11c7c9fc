"""``vultus bench engine``: the library in this process."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vultus.cli.arguments import AsJson
from vultus.cli.bench_options import (
    BOUND_SECONDS,
    Duration,
    Faces,
    Sizes,
    WarmUp,
    make_cases,
    milliseconds,
    share,
    tell_bound,
)
from vultus.cli.evaluation import setup
from vultus.cli.options import with_settings
from vultus.cli.output import print_json, print_line, print_table
from vultus.cli.progress import watched
from vultus.cli.session import log_as_notes
from vultus.settings import Detection, Inference, Networks, PictureLimits, Settings

if TYPE_CHECKING:
    from vultus.bench.bound import Bare, Bound
    from vultus.bench.figures import Figures
    from vultus.bench.pictures import Case

COLUMNS = (
    *("picture", "faces", "pictures/s", "of bound", "of 640", "alone p50 ms"),
    *("p50 ms", "p90 ms", "p99 ms", "max ms"),
)
_ALONE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one kind of picture.

    Attributes:
        picture: Its name.
        faces: Found in one picture, on average.
        alone: One picture at a time.
        busy: Many at a time.
        bound: Of the networks alone.
    """

    picture: str
    faces: float
    alone: Figures
    busy: Figures
    bound: Bound


@with_settings(Networks, Inference, Detection, PictureLimits)
def engine(
    settings: Settings,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PICTURES", help="Photographs; none: ones made of a portrait.")
    ] = None,
    faces: Faces = None,
    sizes: Sizes = "1280x720",
    duration: Duration = 10.0,
    warm_up: WarmUp = 1.0,
    in_flight: Annotated[
        int, typer.Option("--in-flight", min=0, metavar="N", help="Pictures at a time; 0: twice the workers.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """How fast the library is in this process, by faces and size.

    From the bytes of a picture to its faces with their embeddings, once one at
    a time and once with every core busy, beside the bare networks. Without
    pictures, ones with 1, 10 and 100 faces are made.
    """
    from vultus.bench.bound import Bare

    with log_as_notes(), Bare(settings) as bare:
        cases = make_cases(paths or [], faces, sizes, bare.engine, "1,10,100")
        in_flight = in_flight or 2 * bare.engine.workers.count
        results = [_measure(bare, case, duration, warm_up, in_flight) for case in watched(cases, len(cases), "kinds")]
        how = setup(bare.engine, bare.engine.default_profile) | {"threads": bare.threads, "in_flight": in_flight}
    if as_json:
        print_json({"bench": "engine", "setup": how, "results": [_record(result) for result in results]})
        return
    print_table(COLUMNS, [_cells(result) for result in results])
    for result in results:
        print_line(f"{result.picture}: {tell_bound(result.bound, bare.threads)}")


def _measure(bare: Bare, case: Case, duration: float, warm_up: float, in_flight: int) -> Result:
    from vultus.bench import library
    from vultus.bench.bound import Bound, Work
    from vultus.bench.figures import summarise
    from vultus.bench.load import Pace

    work = Work.together(bare.work(content) for content in case.contents)
    submit = library.submitter(bare.engine)
    seconds = min(duration, BOUND_SECONDS)
    first = bare.bound(work, seconds)

    def run(pace: Pace) -> Figures:
        return summarise(library.run(submit, case.contents, pace), pace)

    alone = run(Pace(1, None, min(duration, _ALONE_SECONDS), warm_up, 0))
    busy = run(Pace(in_flight, None, duration, warm_up, 0))
    bound = Bound.mean([first, bare.bound(work, seconds)])
    return Result(case.name, work.faces / work.pictures, alone, busy, bound)


def _cells(result: Result) -> tuple[str, ...]:
    rate = result.busy.pictures_per_second
    return (
        result.picture,
        f"{result.faces:g}",
        f"{rate:.4g}",
        share(rate, result.bound.here),
        share(rate, result.bound.square),
        milliseconds(result.alone.latency)[0],
        *milliseconds(result.busy.latency),
    )


def _record(result: Result) -> dict[str, Any]:
    return asdict(result) | {"share_of_bound": result.busy.pictures_per_second / result.bound.here}
