"""What Python's garbage collector looks at while a server serves."""

from __future__ import annotations

import gc


def spare_residents() -> None:
    """Have the collector look no more at what is there now; to be called once, when the server is made.

    Those are more than 100,000 objects. Python looks at all of them now and then, which takes some 60 milliseconds in
    which no other thread runs. Measured once: of a flooded event loop's time the collector took a tenth, and takes a
    twentieth so.

    How often it looks at new objects stays as it is: what failed requests leave behind in cycles may hold pictures.
    """
    gc.collect()
    gc.freeze()
