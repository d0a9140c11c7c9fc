from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from vultus.server.logs import FACTS, log_to_stderr
from vultus.server.record import recorded

pytestmark = pytest.mark.unit

TALKATIVE = ("httpx", "httpcore", "urllib3", "python_multipart", "PIL")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """The log of the tests themselves is left as it was."""
    loggers = [logging.getLogger(name) for name in (None, "uvicorn", "vultus")]
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


def test_of_libraries_only_what_goes_wrong_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("debug")
    logging.getLogger("PIL.TiffImagePlugin").info("tag: Artist - value: Jane Doe")
    logging.getLogger("PIL.TiffImagePlugin").warning("broken tag")
    logging.getLogger("vultus.somewhere").debug("look")
    told = capsys.readouterr().err
    assert "broken tag" in told
    assert "look" in told
    assert "Jane" not in told


def test_a_line_that_belongs_to_a_request_names_it_once(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("info")
    logger = logging.getLogger("vultus.somewhere")
    with recorded("r-1"):
        logger.warning("look")
        logger.warning("request r-1 failed")
    logger.warning("look again")
    first, second, third = capsys.readouterr().err.splitlines()
    assert first.endswith("vultus.somewhere: look [request r-1]")
    assert second.endswith("vultus.somewhere: request r-1 failed")
    assert third.endswith("vultus.somewhere: look again")


def test_json_has_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("info", "worker 7", "json")
    logger = logging.getLogger("vultus.somewhere")
    logger.warning("look\nat %s", "this", extra={FACTS: {"faces": 2}})
    with recorded("r-1"):
        try:
            raise ZeroDivisionError("oh")
        except ZeroDivisionError:
            logger.exception("failed")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    told = datetime.fromisoformat(first.pop("time"))
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=5)
    assert first == {
        "level": "warning",
        "logger": "vultus.somewhere",
        "message": "look\nat this",
        "process": "worker 7",
        "faces": 2,
    }
    assert (second["level"], second["request_id"]) == ("error", "r-1")
    assert "ZeroDivisionError: oh" in second["exception"]


@pytest.mark.parametrize("name", TALKATIVE)
def test_libraries_that_tell_addresses_or_bodies_are_quiet_also_when_debugging(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log_to_stderr("debug")
    logging.getLogger(f"{name}.inner").info("GET /?key=secret")
    assert not capsys.readouterr().err
