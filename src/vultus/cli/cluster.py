"""``vultus cluster``: the service on more than one machine."""

from __future__ import annotations

from typing import Annotated

import typer

from vultus.cli.options import with_settings
from vultus.settings import GROUPS, Settings

EXIT_CODES = (
    "Exit codes: 0 stopped on request; 2 wrong usage or settings; 3 there is no cluster, Ray is not installed, or the "
    "replicas do not start; 130 interrupted before they had."
)

Address = Annotated[
    str,
    typer.Option(
        metavar="HOST:PORT", envvar="RAY_ADDRESS", help="The cluster's head; auto: the cluster this machine is in."
    ),
]

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="The service on a cluster of machines (Ray).")


@app.callback()
def cluster() -> None:
    """The service on a cluster of machines (Ray)."""


@app.command(epilog=EXIT_CODES)
@with_settings(*GROUPS)
def serve(settings: Settings, address: Address = "auto") -> None:
    """Serve the HTTP APIs from all nodes of a Ray cluster until stopped.

    What is set here, as options or in the environment, counts for all replicas.
    """
    from vultus.cluster.run import serve as run

    raise typer.Exit(run(settings, address))
