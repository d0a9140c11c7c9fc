"""That there is a picture, and that it shows what it should."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

from vultus.bench.figures import Figures, Latency
from vultus.bench.plot import Point, plot_latency
from vultus.errors import ExtraMissing

pytestmark = pytest.mark.unit


def point(offered: float, p50_ms: float | None) -> Point:
    latency = None if p50_ms is None else Latency(p50_ms, 2 * p50_ms, 3 * p50_ms, 4 * p50_ms)
    return Point(offered, Figures(10, offered, latency, 0, None, {}))


def colored(png: bytes) -> int:
    """Pixels that are no grey: lines, neither text nor frame nor bounds."""
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    return int((np.ptp(pixels, axis=2) > 60).sum())


def test_every_series_is_drawn() -> None:
    one = {"one face": [point(20, 10), point(40, 12), point(60, 200)]}
    both = one | {"ten faces": [point(20, 200), point(60, 10)]}
    assert colored(plot_latency({}, {"bare": 50}, "t")) < colored(plot_latency(one, {}, "t"))
    assert colored(plot_latency(one, {}, "t")) < colored(plot_latency(both, {}, "t"))


def test_a_rate_without_a_good_answer_has_no_point() -> None:
    bare = plot_latency({"a": [point(10, 5), point(20, 6)]}, {}, "t")
    assert plot_latency({"a": [point(20, 6), point(10, 5), point(90, None)]}, {}, "t") == bare


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ExtraMissing, match="vultus\\[evaluate\\]"):
        plot_latency({}, {}, "t")
