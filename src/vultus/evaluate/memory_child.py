"""The process of one memory trial: finds and embeds the faces of one picture.

Reads its task as JSON on standard input and writes what came of it as a line of JSON on standard output.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def main() -> int:
    """Do the task; returns the exit code."""
    task = json.load(sys.stdin)
    try:
        told = _analyse(Path(task["picture"]), task["settings"])
    except Exception as error:  # the system's own limits may be met anywhere, and engines have errors of their own
        told = {"reason": f"{type(error).__name__}: {error}".splitlines()[0].removesuffix(": ")}
    sys.stdout.write(json.dumps(told | {"peak_bytes": peak_memory(os.getpid()) or 0}) + "\n")
    return 1 if "reason" in told else 0


def peak_memory(pid: int) -> int | None:
    """Greatest resident memory of a process so far, in bytes; ``None`` where the system does not tell, or no more."""
    try:
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _analyse(picture: Path, settings: dict[str, Any]) -> dict[str, Any]:
    from vultus.engine import FaceEngine  # here: whoever only asks for ``peak_memory`` loads none
    from vultus.settings import Settings

    with FaceEngine(Settings(**settings)) as engine:
        engine.prepare()
        start = time.perf_counter()
        faces = len(engine.analyze(picture).faces)
        return {"seconds": time.perf_counter() - start, "faces": faces}


if __name__ == "__main__":
    sys.exit(main())
