"""Things outside the repository that tests need."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks import places


@contextmanager
def needed() -> Iterator[None]:
    """Skip a test for which something is missing, or fail it if ``CI``, where tests are meant to be whole."""
    try:
        yield
    except places.Missing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
