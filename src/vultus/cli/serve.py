"""``vultus serve``: the HTTP server."""

from __future__ import annotations

import typer

from vultus.cli.options import with_settings
from vultus.settings import SERVER_GROUPS, Settings

EXIT_CODES = (
    "Exit codes: 0 stopped on request; 1 an unexpected failure at the start, which the log describes; 2 wrong usage or "
    "settings, or an address that cannot be listened on; 3 a network or an engine is not available; 130 interrupted "
    "before it listened."
)


@with_settings(*SERVER_GROUPS)
def serve(settings: Settings) -> None:
    """Serve the HTTP APIs until stopped.

    Networks that are not here yet are fetched first; /ready tells when all is ready.
    """
    if settings.workers > 1:
        from vultus.server.supervisor import serve as run
    else:
        from vultus.server.run import serve as run
    raise typer.Exit(run(settings))
