"""What Python's garbage collector looks at while a server serves."""

from __future__ import annotations

import gc

YOUNG = 10_000
"""New objects, on balance, after which the collector looks at them. Python's 700 are there every few requests, and of
a flooded event loop's time the collector took a tenth; hardly anything that requests leave behind is in a cycle."""


def calm_collector() -> None:
    """Spare what is there now from the collector, for good; to be called once the server is made.

    That are some 150,000 objects. Python looks at all of them now and then, which takes 60 to 75 milliseconds in which
    no other thread runs.
    """
    gc.collect()
    gc.freeze()
    _, middle, old = gc.get_threshold()
    gc.set_threshold(YOUNG, middle, old)
