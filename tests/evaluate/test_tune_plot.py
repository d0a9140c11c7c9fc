"""The heat-map of a search."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

from vultus.errors import ExtraMissing
from vultus.evaluate.tune import Grid, Search, steps
from vultus.evaluate.tune_plot import plot_errors

pytestmark = pytest.mark.unit


@pytest.fixture
def search() -> Search:
    grid = Grid((320, 640), (0, 128), (0.3, 0.5), steps(0.1, 0.9, 0.1))
    errors = np.abs(np.arange(9) - 4)[np.newaxis, np.newaxis] + np.zeros(grid.shape, np.int64)
    return Search(grid, [np.stack([errors, errors])])


def test_it_is_a_picture_with_colours(search: Search) -> None:
    pytest.importorskip("matplotlib")
    with Image.open(io.BytesIO(plot_errors(search))) as opened:
        assert opened.format == "PNG"
        pixels = np.asarray(opened.convert("RGB")).astype(int)
    assert min(pixels.shape[:2]) > 300
    # viridis from its bright to its dark end, and the red mark of the best
    for color in ((253, 231, 37), (68, 1, 84), (255, 0, 0)):
        assert (np.abs(pixels - color).max(axis=2) < 8).any(), color


def test_without_matplotlib_it_says_what_to_install(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ExtraMissing, match="Matplotlib"):
        plot_errors(search)
