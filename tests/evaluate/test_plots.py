"""Plots: that there is one, that it shows what it should, and what is said where none can be drawn."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vultus.errors import ExtraMissing
from vultus.evaluate import plots
from vultus.evaluate.attributes import Described, judge
from vultus.evaluate.curves import Curve
from vultus.evaluate.drift import Drift
from vultus.evaluate.labels import Labels
from vultus.evaluate.verification import Comparisons, Pairs
from vultus.types import Face

pytestmark = pytest.mark.unit


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


def colored(picture: np.ndarray) -> int:
    """Pixels that are no grey: lines and cells, neither text nor frame."""
    return int((np.ptp(picture.astype(int), axis=2) > 60).sum())


def comparisons() -> Comparisons:
    random = np.random.default_rng(0)
    genuine, impostors = random.normal(0.6, 0.1, 90), random.normal(0.1, 0.1, 100)
    similarities = np.concatenate([genuine, impostors]).astype(np.float32)
    pairs = Pairs([], [], np.arange(190) < 90, np.arange(190) % 2)
    return Comparisons(pairs, similarities, similarities[:90], similarities[90:])


def described(count: int) -> Described:
    labels = [Labels(Path("a"), age=30, gender="male"), Labels(Path("b"), age=41, gender="female")][:count]
    face = Face(np.zeros(4, np.float32), 1.0, attributes={"age": 33.0, "gender": 1})
    return judge(labels, [face] * count)


def test_roc() -> None:
    assert colored(pixels(plots.plot_roc(comparisons(), "a title"))) > 300


def test_precision_recall_has_a_line_for_each_curve() -> None:
    curve = Curve(np.array([0.2, 0.9]), np.array([1.0, 0.3]))
    lower = Curve(np.array([0.1, 0.5]), np.array([0.5, 0.2]))
    one = pixels(plots.plot_precision_recall({"easy": curve}, "a title"))
    two = pixels(plots.plot_precision_recall({"easy": curve, "hard": lower}, "a title"))
    assert 0 < colored(one) < colored(two)


def test_a_curve_of_one_point_is_seen() -> None:
    single = {"all": Curve(np.array([1.0]), np.array([1.0]))}
    nothing = {"all": Curve(np.zeros(0), np.zeros(0))}
    assert colored(pixels(plots.plot_precision_recall(single, ""))) > colored(
        pixels(plots.plot_precision_recall(nothing, ""))
    )


def test_attributes_have_a_field_each() -> None:
    both = pixels(plots.plot_attributes(described(2), "a title"))
    ages = described(2)
    only_ages = Described(ages.pictures, ages.faceless, ages.ages, {}, None)
    only_gender = Described(ages.pictures, ages.faceless, None, ages.confusion, None)
    assert both.shape[1] > pixels(plots.plot_attributes(only_ages, "")).shape[1]
    assert colored(pixels(plots.plot_attributes(only_gender, ""))) > 1000  # cells of the matrix


def test_drift_with_and_without_boxes() -> None:
    values = np.array([0.999, 0.99, 0.9999])
    with_boxes = Drift([], 3, 0, values, values - 0.01, None, 0.0, 0.0)
    without = Drift([], 3, 0, values, None, None, None, 0.0)
    assert colored(pixels(plots.plot_drift(with_boxes, ""))) > colored(pixels(plots.plot_drift(without, ""))) > 0


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for draw in (plots.check_plots, lambda: plots.plot_roc(comparisons(), "")):
        with pytest.raises(ExtraMissing, match=r"vultus\[evaluate\]"):
            draw()
