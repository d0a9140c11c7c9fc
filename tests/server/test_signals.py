from __future__ import annotations

import subprocess
import sys

import pytest

LATE = """
import os, signal, sys
from vultus.server.signals import ignore_late

class Late:
    def __del__(self):  # when the interpreter takes its modules down
        os.kill(os.getpid(), signal.{name})

ignore_late()
os.kill(os.getpid(), signal.{name})
late = Late()
sys.stdout.write("here")
"""


@pytest.mark.integration
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_that_comes_when_all_is_done_does_not_change_the_exit_code(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", LATE.format(name=name)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "here", "")
