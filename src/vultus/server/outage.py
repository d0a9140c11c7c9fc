"""What a server does while that which computes for it is away: it hands out its engine no more, and then again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vultus.engine import FaceEngine
from vultus.runtime.choose import open_runtime
from vultus.server.canary import Canary
from vultus.server.lifecycle import Lifecycle
from vultus.settings import Settings

_NO_DEVICE = "the server cannot take work: its device process is being started again"


@dataclass(frozen=True, slots=True)
class Outage:
    """Tells requests, ``/ready`` and the self check of it.

    Attributes:
        lifecycle: Has the engine.
        canary: Knows whether it works.
    """

    lifecycle: Lifecycle
    canary: Canary

    def begin(self, reason: str) -> None:
        """Refuse requests, in these words."""
        self.lifecycle.suspend(reason)

    def end(self) -> None:
        """Take them again."""
        self.canary.passed()  # else it would be as if it had been stuck all the time
        self.lifecycle.resume()


def open_engine(settings: Settings, outage: Outage, device: Path | None = None) -> FaceEngine:
    """An engine that tells when what computes for it is away.

    Args:
        settings: The engine's.
        outage: Is told.
        device: Where the device process takes calls; ``None``: there is none.

    Raises:
        VultusError: There can be no engine.
    """
    if device is None:
        return FaceEngine(settings, open_with=partial(open_runtime, on_lost=outage.begin, on_found=outage.end))
    from vultus.runtime.remote import RemoteRuntime

    begin: Callable[[], None] = partial(outage.begin, _NO_DEVICE)
    return FaceEngine(settings, open_with=lambda *_: RemoteRuntime(device, begin, outage.end))
