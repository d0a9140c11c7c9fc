from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RACE = """
import os, sys, threading
import numpy as np
from pathlib import Path
from vultus.runtime.openvino import OpenVinoRuntime
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import InputSpec
from vultus.zoo.catalogue import Catalogue

sys.setswitchinterval(1e-6)
workers = Workers(8)
spec = InputSpec(4, 4)
network = OpenVinoRuntime("cpu", "f32", workers, 2).load(Catalogue.load().models[0], Path(sys.argv[1]), spec)
start = threading.Barrier(workers.count)

def first():
    start.wait()
    network.run(np.zeros((1, 4, 4, 3), np.uint8), Ticket())

for future in [workers.submit(first) for _ in range(workers.count)]:
    future.result(20)
os._exit(0)
"""


@pytest.mark.integration
def test_threads_that_come_first_at_once_do_not_deadlock(echo_graph: Callable[..., Path]) -> None:
    """Without ``_initialise_bindings`` about one process in eight hangs here, so a few are tried."""
    path = echo_graph(["n", 3, 4, 4])
    for _ in range(4):
        subprocess.run([sys.executable, "-c", RACE, str(path)], check=True, timeout=60)
