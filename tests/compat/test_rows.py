"""How values of other products are read."""

from __future__ import annotations

import pytest

from vultus.compat.rows import honoured, ignored, is_on, log_level, refused, whole

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("text", ["true", "True", "1", "yes", "ON", "t", "y"])
def test_yes(text: str) -> None:
    assert is_on(text) is True


@pytest.mark.parametrize("text", ["false", "FALSE", "0", "no", "off", "f", "n"])
def test_no(text: str) -> None:
    assert is_on(text) is False


@pytest.mark.parametrize("text", ["", "2", "maybe"])
def test_neither(text: str) -> None:
    with pytest.raises(ValueError, match="must be true or false"):
        is_on(text)


def test_whole_numbers() -> None:
    assert whole("-1") == -1
    with pytest.raises(ValueError, match="whole number"):
        whole("1.5")


@pytest.mark.parametrize(
    ("text", "level"), [("INFO", "info"), ("WARN", "warning"), ("Warning", "warning"), ("CRITICAL", "error")]
)
def test_levels_of_the_log(text: str, level: str) -> None:
    assert log_level(text) == level


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of"):
        log_level("loud")


def test_rows() -> None:
    assert honoured("A", "port", "why").read("7").values == {"port": "7"}
    assert ignored("A", "why").read("7").verdict == "ignored"
    assert ignored("A", "why", default="On", harmless=("x",)).harmless == ("on", "x")
    reading = refused("A", "why").read("7")
    assert (reading.verdict, reading.remark) == ("error", "why")
