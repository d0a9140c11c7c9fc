"""Arenas as glibc itself counts them, in a process of its own."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

COUNT = """
import ctypes, sys, threading
from vultus.server.arenas import share_arenas

if sys.argv[1] == "share":
    assert share_arenas(2)
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
barrier = threading.Barrier(6)

def hold():
    assert library.malloc(1000)
    barrier.wait()  # all at once, so that none takes over the arena of one that has ended

threads = [threading.Thread(target=hold) for _ in range(6)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
library.fdopen.restype = ctypes.c_void_p
stdout = library.fdopen(1, b"w")
library.malloc_info(0, ctypes.c_void_p(stdout))
library.fflush(ctypes.c_void_p(stdout))
"""


def arenas(how: str) -> int:
    told = subprocess.run([sys.executable, "-c", COUNT, how], capture_output=True, text=True, check=True).stdout
    return told.count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_threads_share_two_arenas() -> None:
    assert arenas("not") > 2
    assert arenas("share") <= 2
