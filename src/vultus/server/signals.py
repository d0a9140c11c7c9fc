"""Signals that come when the server has ended, and its process has not."""

from __future__ import annotations

import atexit
import signal


def ignore_late() -> None:
    """Have SIGINT and SIGTERM do nothing where nobody else has set a handler, until the process is gone.

    To be called before one is set: who sets one puts back what was there when it is done. There is nothing left to end
    by then, and the exit code is to tell of a server that ended well. So do a service manager that asks twice, and
    uvicorn, which raises a signal it has obeyed once more.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
        # The interpreter's own end would put the default back, which is to die of it.
        atexit.register(signal.signal, number, signal.SIG_IGN)
