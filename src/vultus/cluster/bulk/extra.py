"""pyarrow, which the extra ``index`` brings."""

from __future__ import annotations

from importlib.util import find_spec

from vultus.errors import ExtraMissing


def check_arrow() -> None:
    """Make sure that Parquet can be written.

    Raises:
        ExtraMissing: The library that writes it is not installed.
    """
    if find_spec("pyarrow") is None:
        raise ExtraMissing(
            "pyarrow, which writes Parquet, is not installed; install it with `pip install 'vultus[index]'`."
        )
