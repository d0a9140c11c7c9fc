"""Ray, which the extra ``ray`` brings."""

from __future__ import annotations

from importlib.util import find_spec

from vultus.errors import ExtraMissing


def check_ray() -> None:
    """Make sure that Ray can be imported.

    Raises:
        ExtraMissing: It is not installed.
    """
    if find_spec("ray") is None:
        raise ExtraMissing("Ray, which runs clusters, is not installed; install it with `pip install 'vultus[ray]'`.")
