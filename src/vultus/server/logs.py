"""The log of a server's process."""

from __future__ import annotations

import logging
import sys


def log_to_stderr(level: str, process: str = "") -> None:
    """Send what is logged to standard error.

    Args:
        level: Least level that is told.
        process: Name of this process where there are several.
    """
    origin = f"[{process}] " if process else ""
    line = f"%(asctime)s %(levelname)s {origin}%(name)s: %(message)s"
    logging.basicConfig(stream=sys.stderr, level=level.upper(), format=line, force=True)
    # What uvicorn says about starting and stopping is said better here.
    logging.getLogger("uvicorn").setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
