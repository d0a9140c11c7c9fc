"""Libraries that extras bring, and what is said where they are missing."""

from __future__ import annotations

from importlib.util import find_spec

from vultus.errors import ExtraMissing


def check_ray() -> None:
    """Make sure that Ray can be imported.

    Raises:
        ExtraMissing: It is not installed.
    """
    _check("ray", "Ray, which runs clusters,", "ray")


def check_arrow() -> None:
    """Make sure that Parquet can be written.

    Raises:
        ExtraMissing: The library that writes it is not installed.
    """
    _check("pyarrow", "pyarrow, which writes Parquet,", "index")


def _check(module: str, library: str, extra: str) -> None:
    if find_spec(module) is None:
        raise ExtraMissing(f"{library} is not installed; install it with `pip install 'vultus[{extra}]'`.")
