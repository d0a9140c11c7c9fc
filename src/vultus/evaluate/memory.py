"""What survives under a memory limit: each trial in a process of its own, which may die.

As in a container, what counts is resident memory, and a process that exceeds the limit is killed. Limits that the
kernel puts on address space or data (``RLIMIT_AS``, ``RLIMIT_DATA``) count what is only reserved, too: with them a
program would fail that lives well within a container of that size.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydantic import ByteSize, TypeAdapter, ValidationError

from vultus.errors import RuntimeUnavailable, SettingsError
from vultus.evaluate.memory_child import peak_memory
from vultus.settings import Settings
from vultus.types import Image

TIMED_OUT = 124
"""Exit code of a trial that was ended because it took too long, as ``timeout`` has it."""

KILLED = 128 + signal.SIGKILL
"""Exit code of a trial that exceeded its limit, as container engines have it."""

_POLL_SECONDS = 0.01
_CHILD = (sys.executable, "-m", "vultus.evaluate.memory_child")
_BINARY = ("k", "m", "g", "t")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one picture fared under one limit.

    Attributes:
        code: Exit code of the process, 0 where the picture was analysed; 128 + n where signal n ended it.
        peak_bytes: Greatest resident memory of the process.
        seconds: For detecting and embedding, without the start; ``None`` where it did not come to an end.
        faces: Found in the picture.
        reason: Why it failed.
    """

    code: int
    peak_bytes: int
    seconds: float | None = None
    faces: int | None = None
    reason: str = ""


def check_platform() -> None:
    """See to it that the memory of a process can be watched here.

    Raises:
        RuntimeUnavailable: It cannot.
    """
    if peak_memory(os.getpid()) is None:
        raise RuntimeUnavailable("how much memory a process takes can only be told on Linux; run it there.")


def parse_size(text: str) -> int:
    """Bytes of a size as container engines write it (``512m`` is 512 MiB), or as settings do (``512MiB``, ``500MB``).

    Raises:
        SettingsError: It is no size, or none above 0.
    """
    word = text.strip().lower()
    try:
        size = TypeAdapter(ByteSize).validate_python(f"{word}ib" if word.endswith(_BINARY) else word)
    except ValidationError:
        size = ByteSize(0)
    if size < 1:
        raise SettingsError(f"limits: {text!r} is no size; write it like 512m, 1g or 750MB.")
    return int(size)


def made_picture(longest: int) -> Image:
    """RGB pixels of 4 : 3 with detail everywhere and no face."""
    pixels: Image = np.empty((max(1, longest * 3 // 4), longest, 3), np.uint8)
    for channel, step in enumerate((5, 7, 11)):
        down, across = (np.asarray(np.arange(side) // step & 63, np.uint8) for side in pixels.shape[:2])
        pixels[..., channel] = across ^ down[:, np.newaxis]
    return pixels


def scaled(image: Image, longest: int) -> Image:
    """A picture whose longest side is brought to so many pixels."""
    factor = longest / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)


def try_picture(picture: Path, limit: int, settings: Settings, timeout: float) -> Outcome:
    """Detect and embed the faces of one picture in a new process.

    Args:
        picture: Its file.
        limit: Bytes of resident memory the process may have.
        settings: Of its engine.
        timeout: Seconds after which the process is ended.
    """
    task = {"picture": str(picture), "settings": settings.model_dump(mode="json")}
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as trouble, tempfile.TemporaryFile() as asked:
        asked.write(json.dumps(task).encode())
        asked.seek(0)
        with subprocess.Popen(_CHILD, stdin=asked, stdout=answer, stderr=trouble) as process:  # noqa: S603 - fixed
            code, peak = _watch(process, limit, time.monotonic() + timeout)
        answer.seek(0)
        trouble.seek(0)
        return _outcome(code, peak, limit, answer.read(), trouble.read())


def _watch(process: subprocess.Popen[bytes], limit: int, deadline: float) -> tuple[int, int]:
    """Exit code, and the most resident memory that was seen; ends what exceeds its limit or deadline.

    The system's own account of an ended process cannot be used: on Linux it counts what its parent had when it began.
    """
    peak, verdict = 0, None
    while process.poll() is None:
        peak = peak_memory(process.pid) or peak  # the dead have none
        if verdict is None and (peak > limit or time.monotonic() > deadline):
            verdict = KILLED if peak > limit else TIMED_OUT
            process.kill()
        time.sleep(_POLL_SECONDS)
    code = process.returncode
    return verdict or (code if code >= 0 else 128 - code), peak


def _outcome(code: int, peak: int, limit: int, answer: bytes, trouble: bytes) -> Outcome:
    told = _last_json(answer)
    peak = max(peak, told.get("peak_bytes", 0))
    if code == TIMED_OUT:
        return Outcome(code, peak, reason="it took too long")
    if code == KILLED or peak > limit:  # perhaps at the very end, unseen
        return Outcome(KILLED, peak, reason="it took more memory than the limit")
    if code == 0 and "faces" in told:
        return Outcome(0, peak, told["seconds"], told["faces"])
    lines = trouble.decode(errors="replace").strip().splitlines()
    return Outcome(code or 1, peak, reason=str(told.get("reason") or (lines or ["it ended without a word"])[-1]))


def _last_json(answer: bytes) -> dict[str, Any]:
    lines = answer.splitlines()
    try:
        told = json.loads(lines[-1]) if lines else {}
    except ValueError:  # it was ended in the middle of a line
        return {}
    return told if isinstance(told, dict) else {}
