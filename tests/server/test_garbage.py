"""What the collector looks at, as Python itself tells, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

TELL = """
import gc, json, weakref
from vultus.server.garbage import spare_residents

class Node:
    pass

def ring():
    node = Node()
    node.itself = node
    return weakref.ref(node)

garbage, kept = ring(), Node()
spare_residents()
later, new = ring(), Node()
seen = {id(each) for each in gc.get_objects()}
gc.collect()
told = [garbage() is None, id(kept) in seen, id(new) in seen, later() is None]
print(json.dumps(told))
"""


def test_what_was_there_is_spared_and_new_garbage_is_not() -> None:
    told = subprocess.run([sys.executable, "-c", TELL], capture_output=True, text=True, check=True).stdout
    assert json.loads(told) == [True, False, True, True]
