"""``vultus index``: the faces of any number of pictures, into Parquet."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from vultus.cli.arguments import Facts, MaxFaces, MinFaceSize
from vultus.cli.index_progress import IndexProgress
from vultus.cli.options import with_settings
from vultus.cli.output import EXIT_UNAVAILABLE, EXIT_USAGE, error_console, print_json
from vultus.cli.session import log_as_notes
from vultus.settings import Detection, Inference, Networks, PictureLimits, PicturesByName, Settings
from vultus.types import Plan

EXIT_CODES = (
    "Exit codes: 0 every picture has its rows, those that could not be used with their error; "
    f"{EXIT_USAGE} wrong usage, settings, source or output; {EXIT_UNAVAILABLE} a network, an engine or a cluster is "
    "not available; 130 interrupted."
)


class Vectors(StrEnum):
    """How embeddings are kept."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"


@with_settings(Networks, Inference, Detection, PictureLimits, PicturesByName)
def index(
    settings: Settings,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCES",
            help="Folders, tar archives, CSV or Parquet tables of paths or addresses, pictures, and patterns of such; "
            "here, or at s3://... and gs://...",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the output; gone on with if begun.")],
    column: Annotated[
        str | None, typer.Option("--column", metavar="NAME", help="Column of a table that names the pictures.")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id-column", metavar="NAME", help="Column of their ids; else the names are the ids.")
    ] = None,
    shard: Annotated[
        str, typer.Option("--shard", metavar="I/N", help="Only the I-th of N shares of the pictures, such as 1/4.")
    ] = "1/1",
    vectors: Annotated[Vectors, typer.Option("--vectors", help="How embeddings are kept.")] = Vectors.FLOAT32,
    facts: Facts = "",
    max_faces: MaxFaces = 0,
    min_face_size: MinFaceSize = 0.0,
    part_size: Annotated[
        int, typer.Option("--part-size", min=1, metavar="N", help="Pictures of a part of the output.")
    ] = 1000,
    processes: Annotated[
        int, typer.Option("--processes", min=0, max=256, metavar="N", help="Processes; 0: one for each 8 cores.")
    ] = 0,
    readers: Annotated[
        int, typer.Option("--readers", min=1, max=1024, metavar="N", help="Pictures that a process reads at once.")
    ] = 16,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="Ray cluster that does the work, host:port or auto.")
    ] = None,
    fetch_urls: Annotated[
        bool, typer.Option("--fetch-urls/--no-fetch-urls", help="Fetch what tables name by http(s) address.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="The manifest as one JSON object instead of text.")] = False,
) -> None:
    """Write the faces of any number of pictures, with embeddings, to Parquet.

    Run it again to go on after an interruption: parts that were written
    stay, the rest is done. A picture that cannot be used is a row with an
    error.
    """
    from vultus.cluster.extra import check_arrow, check_ray

    check_arrow()
    if ray is not None:
        check_ray()

    from vultus.cluster.bulk.run import Request, run
    from vultus.cluster.bulk.units import Shard

    request = Request(
        sources=tuple(sources),
        folder=out,
        plan=Plan(
            attributes=frozenset(name for fact in facts.split(",") if (name := fact.strip())),
            max_faces=max_faces,
            min_face_size=min_face_size,
        ),
        column=column,
        id_column=id_column,
        shard=Shard.parse(shard),
        vectors=vectors.value,
        part_size=part_size,
        readers=readers,
        processes=processes,
        ray=ray,
    )
    with log_as_notes(), IndexProgress() as progress:
        made = run(settings.model_copy(update={"fetch_urls": fetch_urls}), request, progress)
    if as_json:
        print_json(made)
    else:
        error_console().print(f"{_said(made)}{progress.said}")


def _said(made: dict[str, Any]) -> str:
    counts = made["counts"]
    failed = sum(counts["errors"].values())
    errors = ", ".join(f"{code} {count:,}" for code, count in sorted(counts["errors"].items()))
    parts = [
        f"{counts['pictures']:,} pictures",
        f"{counts['faces']:,} faces",
        f"{counts['empty']:,} without a face",
        f"{failed:,} failed" + (f" ({errors})" if errors else ""),
    ]
    return f"{', '.join(parts)}, in {made['parts']:,} parts"
