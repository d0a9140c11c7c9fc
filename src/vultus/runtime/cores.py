"""How many cores this process may really use."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")  # "<quota> <period>" in microseconds, or "max <period>"


def available_cores(cgroup_limit: Path = _CGROUP_LIMIT) -> int:
    """Cores left by CPU affinity and, in a container, by the cgroup's quota (rounded up); at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = cgroup_limit.read_text().split()
        if quota != "max":
            cores = min(cores, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        pass  # no cgroup v2 here: affinity is all there is to know
    return max(1, cores)


def share_of_cores(index: int, processes: int) -> int:
    """Cores of one of several processes that share them as equally as can be; at least 1."""
    each, rest = divmod(available_cores(), processes)
    return max(1, each + (index < rest))
