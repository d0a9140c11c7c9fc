"""``vultus serve``: the HTTP server."""

from __future__ import annotations

import typer

from vultus.cli.models import configured
from vultus.cli.options import with_settings
from vultus.cli.session import log_as_notes
from vultus.settings import GROUPS, Settings
from vultus.zoo.catalogue import Catalogue
from vultus.zoo.licence import check_licence
from vultus.zoo.store import Store

EXIT_CODES = (
    "Exit codes: 0 stopped on request; 1 the server could not start; 2 wrong usage or settings; 3 a network is not "
    "available."
)


@with_settings(*GROUPS)
def serve(settings: Settings) -> None:
    """Serve the HTTP APIs until stopped.

    Networks that are not here yet are fetched first.
    """
    if settings.runtime != "dummy":
        fetch_networks(settings)
    from vultus.server.run import serve as run

    raise typer.Exit(run(settings))


def fetch_networks(settings: Settings) -> None:
    """Have the files of the configured networks on this machine before anything else begins.

    Raises:
        ModelError: One is unknown, not allowed or cannot be had.
    """
    models = configured(Catalogue.load(settings.models), settings)
    for model in models:
        check_licence(model, settings.license_policy)
    with log_as_notes():
        Store.from_settings(settings).paths(models)
