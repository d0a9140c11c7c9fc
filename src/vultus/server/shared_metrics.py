"""Figures of several processes in one place: files in a folder, which whoever is asked adds up."""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client reads it wherever it makes an instrument


def share(folder: Path, identity: str) -> None:
    """Keep what this process counts from now on in ``folder``.

    Args:
        folder: Where all processes of the server keep it.
        identity: Name of this process, without ``_``. No two that live at once have the same; who takes the name of one
            that is gone counts on from there, so that restarts neither lose counts nor leave ever more files.
    """
    os.environ[_FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: identity)  # type: ignore[no-untyped-call]


def forget(folder: Path, identity: str) -> None:
    """Drop what a process that is gone said of itself; what it counted stays."""
    mark_process_dead(identity, str(folder))  # type: ignore[no-untyped-call]


def exposition(own: CollectorRegistry) -> bytes:
    """All figures in the text format: the sum over all processes, where they are shared."""
    folder = os.environ.get(_FOLDER)
    if not folder:
        return generate_latest(own)
    everybody = CollectorRegistry()
    MultiProcessCollector(everybody, folder)  # type: ignore[no-untyped-call]
    return generate_latest(everybody)
