"""``vultus bench``: how fast this is, and what this machine can bear."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vultus.cli import bench_engine, bench_network, bench_server
from vultus.cli.arguments import AsJson
from vultus.cli.models import configured
from vultus.cli.options import with_settings
from vultus.cli.output import EXIT_FAILED, json_name, print_json, print_line, printable
from vultus.cli.progress import watched
from vultus.errors import SettingsError
from vultus.settings import Detection, Inference, Networks, PictureLimits, Settings
from vultus.zoo.licence import check_licence
from vultus.zoo.own import open_catalogue
from vultus.zoo.store import Store

if TYPE_CHECKING:
    from vultus.evaluate.memory import Outcome
    from vultus.types import Image

MADE = "made picture"
EXIT_CODES = (
    "Exit codes: 0 everything survived; 1 a combination failed; 2 wrong usage or settings; 3 a network or an engine is "
    "not available, or memory cannot be watched here; 130 interrupted."
)
_MOST_SIDE = 65_500  # JPEG's

SPEED_EXIT_CODES = (
    "Exit codes: 0 measured; 1 requests failed, other than by a refusal (429), or a picture cannot be used; 2 wrong "
    "usage, settings or output file; 3 a server, a network, an engine or an extra is not available; 130 interrupted."
)

app = typer.Typer(no_args_is_help=True, help="Measure speed, and what this machine can bear.", epilog=EXIT_CODES)
app.command(epilog=SPEED_EXIT_CODES)(bench_server.server)
app.command(epilog=SPEED_EXIT_CODES)(bench_engine.engine)
app.command(epilog=SPEED_EXIT_CODES)(bench_network.network)


@dataclass(frozen=True, slots=True)
class _Sized:
    """A picture brought to a size: what it is called, its file and its width and height."""

    name: str
    file: Path
    width: int
    height: int


@app.callback()
def bench() -> None:
    """Measure speed, and what this machine can bear."""


@app.command(epilog=EXIT_CODES)
@with_settings(Networks, Inference, Detection, PictureLimits)
def memory(
    settings: Settings,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PICTURES", help="Brought to each size; none: a made picture.")
    ] = None,
    limits: Annotated[
        str, typer.Option(metavar="SIZE,...", help="Memory limits; 512m is 512 MiB, as for containers.")
    ] = "512m,1g,2g",
    sizes: Annotated[str, typer.Option(metavar="PIXELS,...", help="Longest sides.")] = "640,1920,4000,8000",
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="For each combination.")] = 120.0,
    as_json: AsJson = False,
) -> None:
    """Find out which pictures survive which memory limit.

    Each combination gets a process of its own that loads the networks, then
    finds and embeds the faces of one picture. As in a container, it is ended
    when its resident memory exceeds the limit.
    """
    from vultus.evaluate.memory import check_platform, parse_size, try_picture

    bounds = [(word.strip(), parse_size(word)) for word in limits.split(",")]
    sides = parse_sides(sizes)
    check_platform()
    settings = _fetch(settings)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="vultus-") as folder:
        pictures = list(_prepare(paths or [], sides, settings, Path(folder)))
        work = [(*bound, picture) for bound in bounds for picture in pictures]
        for word, limit, picture in watched(work, len(work), "trials"):
            outcome = try_picture(picture.file, limit, settings, timeout)
            failed += outcome.code != 0
            if as_json:
                _tell_json(word, limit, picture, outcome)
            else:
                _tell(word, picture, outcome)
    raise typer.Exit(EXIT_FAILED if failed else 0)


def parse_sides(text: str) -> list[int]:
    """Whole numbers of pixels, comma-separated.

    Raises:
        SettingsError: One is none, or a JPEG cannot be so wide.
    """
    sides = [int(word) if word.strip().isdecimal() else 0 for word in text.split(",")]
    if min(sides) < 1 or max(sides) > _MOST_SIDE:
        raise SettingsError(f"sizes: {text!r}: each must be a number of pixels from 1 to {_MOST_SIDE}.")
    return sides


def _fetch(settings: Settings) -> Settings:
    """Have all network files here before anything is limited; trials fetch nothing."""
    catalogue = open_catalogue(settings)
    models = configured(catalogue, settings)
    for model in models:
        check_licence(model, settings.license_policy)
    if settings.runtime != "dummy":
        Store.from_settings(settings).paths(models)
    return settings.model_copy(update={"offline": True})


def _prepare(paths: Sequence[Path], sides: Sequence[int], settings: Settings, folder: Path) -> Iterator[_Sized]:
    """The pictures in each size, as JPEG files below a folder.

    Raises:
        PictureError: One cannot be read.
    """
    from vultus.evaluate.memory import made_picture, scaled
    from vultus.imaging.decode import Limits
    from vultus.imaging.encode import encode_jpeg
    from vultus.imaging.source import read_pixels

    limits = Limits.from_settings(settings)
    makers: list[tuple[str, Callable[[int], Image]]] = [(MADE, made_picture)]
    if paths:
        makers = [(str(path), partial(scaled, read_pixels(path, limits))) for path in paths]
    for name, make in makers:
        for side in sides:
            image = make(side)
            with tempfile.NamedTemporaryFile(dir=folder, suffix=".jpg", delete=False) as file:
                file.write(encode_jpeg(image, 80))
            yield _Sized(name, Path(file.name), image.shape[1], image.shape[0])


def _tell(word: str, picture: _Sized, outcome: Outcome) -> None:
    verdict = "   OK   " if outcome.code == 0 else f"FAIL {outcome.code:<3}"
    what = outcome.reason if outcome.seconds is None else f"{outcome.seconds:.2f} s, faces found: {outcome.faces}"
    size = f"{picture.width} x {picture.height}"
    peak = f"peak {outcome.peak_bytes / 2**20:.0f} MiB"
    print_line(f"[{verdict}] {word:>6}  {size:>13}  {peak:>14}  {printable(picture.name)}: {what}")


def _tell_json(word: str, limit: int, picture: _Sized, outcome: Outcome) -> None:
    where = {"path": json_name(picture.name), "width": picture.width, "height": picture.height}
    print_json({"limit": word, "limit_bytes": limit, **where, "survived": outcome.code == 0, **asdict(outcome)})
