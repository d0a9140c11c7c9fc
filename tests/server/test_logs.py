from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from vultus.server.logs import log_to_stderr

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """The log of the tests themselves is left as it was."""
    loggers = [logging.getLogger(name) for name in (None, "uvicorn", "httpx")]
    levels = [logger.level for logger in loggers]
    handlers = logging.root.handlers[:]
    logging.root.handlers = []  # else they would be closed
    yield
    logging.root.handlers = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def test_a_process_among_others_is_named_in_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("info", "worker 7")
    logging.getLogger("vultus.somewhere").warning("look")
    assert " WARNING [worker 7] vultus.somewhere: look\n" in capsys.readouterr().err


def test_a_process_alone_has_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("info")
    logging.getLogger("vultus.somewhere").warning("look")
    assert " WARNING vultus.somewhere: look\n" in capsys.readouterr().err


def test_what_is_below_the_level_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("error")
    logging.getLogger("vultus.somewhere").warning("look")
    assert not capsys.readouterr().err
