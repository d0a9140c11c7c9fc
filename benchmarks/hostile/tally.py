"""What became of hostile input, by category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vultus.bench.processes import family, usage


@dataclass(slots=True)
class Category:
    """One category's results.

    Attributes:
        name: The category.
        cases: Distinct inputs.
        answers: By status; 0: the connection was closed without one.
        seconds: Of the slowest answer.
        slowest: Which that was.
        memory: Bytes above idle that the server took at most meanwhile.
        faults: What should not have happened, a sentence each.
    """

    name: str
    cases: set[str] = field(default_factory=set)
    answers: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest: str = ""
    memory: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, case: str, endpoint: str, status: int, seconds: float) -> None:
        """One answer."""
        self.cases.add(case)
        self.answers[status] += 1
        if seconds > self.seconds:
            self.seconds, self.slowest = seconds, f"{case}; {endpoint}"

    def as_json(self) -> dict[str, Any]:
        """For the results' file."""
        return {
            "category": self.name,
            "cases": len(self.cases),
            "answers": {str(status): count for status, count in sorted(self.answers.items())},
            "slowest_seconds": round(self.seconds, 3),
            "slowest": self.slowest,
            "peak_memory_mib": round(self.memory / 2**20, 1),
            "faults": self.faults,
        }


class Tally:
    """Results of all categories, and the memory of the server they are about.

    Args:
        pid: Its process, idle and warm.
    """

    def __init__(self, pid: int) -> None:
        self.categories: dict[str, Category] = {}
        self._pids = family(pid)
        self._idle = self._resident()

    @contextmanager
    def category(self, name: str) -> Iterator[Category]:
        """Collect a category's results and watch the memory meanwhile."""
        found = self.categories.setdefault(name, Category(name))
        for pid in self._pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted from now on: proc(5)
        try:
            yield found
        finally:
            used = usage(self._pids)
            found.memory = max(found.memory, used.peak_bytes - self._idle if used else 0)

    def _resident(self) -> int:
        used = usage(self._pids)
        return used.resident_bytes if used else 0
