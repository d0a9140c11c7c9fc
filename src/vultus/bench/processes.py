"""What processes take of the machine, as Linux tells it below ``/proc``; elsewhere nothing is told."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from vultus.evaluate.memory_child import peak_memory

_PROC = Path("/proc")
_STOP_SECONDS = 40.0  # a server gives what is under way 30
_ESTABLISHED, _LISTENING = "01", "0A"  # TCP_ESTABLISHED and TCP_LISTEN of the kernel's include/net/tcp_states.h


@dataclass(frozen=True, slots=True)
class Usage:
    """What some processes take together; pages that they share are counted once for each.

    Attributes:
        cpu_seconds: Since they began.
        resident_bytes: Now.
        peak_bytes: Sum of the greatest that each ever had.
    """

    cpu_seconds: float
    resident_bytes: int
    peak_bytes: int


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server, in good order if it will."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    parents = {int(path.name): _parent(path) for path in _PROC.glob("[0-9]*")}
    members = [pid]
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members


def listeners(port: int) -> list[int]:
    """The processes of this user that listen on a TCP port of this machine, and their descendants."""
    found = _holders(_LISTENING, port, 0)
    return sorted({member for pid in found for member in family(pid)})


def holders(port: int, peer: int) -> list[int]:
    """The processes of this user that hold the end at ``port`` of a connection whose other end is at ``peer``."""
    return _holders(_ESTABLISHED, port, peer)


def usage(pids: Collection[int]) -> Usage | None:
    """What these processes take; those that have ended take nothing. ``None`` where none is left."""
    found = [item for item in map(_usage, pids) if item is not None]
    if not found:
        return None
    return Usage(
        sum(item.cpu_seconds for item in found),
        sum(item.resident_bytes for item in found),
        sum(item.peak_bytes for item in found),
    )


def _usage(pid: int) -> Usage | None:
    try:
        fields = _stat(_PROC / str(pid))
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError):  # it has just ended
        return None
    ticks = int(fields[11]) + int(fields[12])  # utime and stime
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"), peak_memory(pid) or 0)


def _parent(process: Path) -> int:
    try:
        return int(_stat(process)[1])
    except (OSError, IndexError):
        return 0


def _stat(process: Path) -> list[str]:
    """Fields of ``stat`` after the program's name, which may itself hold blanks and brackets (``proc(5)``)."""
    return (process / "stat").read_text(errors="replace").rpartition(")")[2].split()


def _holders(state: str, port: int, peer: int) -> list[int]:
    sockets = {f"socket:[{inode}]" for inode in _inodes(state, port, peer)}
    return [int(path.name) for path in _PROC.glob("[0-9]*") if sockets & _open_files(path)] if sockets else []


def _inodes(state: str, port: int, peer: int) -> set[str]:
    """Of the sockets in a state at a port; of those that listen, the peer's port is 0."""
    found = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            ports = [int(address.rpartition(":")[2], 16) for address in fields[1:3]]
            if fields[3] == state and ports == [port, peer]:
                found.add(fields[9])
    return found


def _open_files(process: Path) -> set[str]:
    try:
        return set(filter(None, map(_target, (process / "fd").iterdir())))
    except OSError:  # another user's, or it has just ended
        return set()


def _target(file: Path) -> str | None:
    """Where a link leads: to no path, but to a name like ``socket:[1]``."""
    try:
        return os.readlink(file)  # noqa: PTH115
    except OSError:  # it has just been closed
        return None
