"""Evaluations as pictures people can look at."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from vultus.errors import ExtraMissing
from vultus.evaluate.attributes import Ages, Confusion, Described
from vultus.evaluate.curves import Curve
from vultus.evaluate.drift import Drift
from vultus.evaluate.verification import Comparisons, roc

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIDE_INCHES = 5.0
_DPI = 120


def check_plots() -> None:
    """Make sure that plots can be drawn.

    Raises:
        ExtraMissing: The library that draws them is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ExtraMissing(
            "plots are drawn by Matplotlib, which is not installed; install it with `pip install 'vultus[evaluate]'`."
        ) from error


def plot_roc(comparisons: Comparisons, title: str) -> bytes:
    """Share of true matches over the false-match rate: the protocol's pairs, and every two pictures. A PNG."""
    same, similarities = comparisons.pairs.same, comparisons.similarities
    figure, (axes,) = _figure(1)
    for label, points in (
        ("pairs of the protocol", roc(similarities[same], similarities[~same])),
        ("every two pictures", roc(comparisons.all_genuine, comparisons.all_impostors)),
    ):
        axes.plot(points[:, 0], points[:, 1], drawstyle="steps-post", label=label)
    axes.set(xscale="log", xlim=(None, 1), xlabel="false-match rate", ylabel="true-match rate", title=title)
    axes.legend(loc="lower right")
    return png(figure)


def plot_precision_recall(curves: Mapping[str, Curve], title: str) -> bytes:
    """Precision over recall, a line for each named curve. A PNG."""
    figure, (axes,) = _figure(1)
    for name, curve in curves.items():
        label = f"{name} (AP {100 * curve.average_precision:.2f} %)"
        axes.plot(curve.recall, curve.precision, marker="." if len(curve.recall) < 2 else "", label=label)
    axes.set(xlim=(0, 1.01), ylim=(0, 1.01), xlabel="recall", ylabel="precision", title=title)
    axes.legend(loc="lower left")
    return png(figure)


def plot_attributes(described: Described, title: str) -> bytes:
    """Age errors by decade, and a confusion matrix for each fact with classes. A PNG."""
    ages = described.ages
    figure, axes = _figure((ages is not None) + len(described.confusion))
    if ages is not None:
        _draw_ages(axes[0], ages)
    for place, (fact, confusion) in zip(axes[ages is not None :], described.confusion.items(), strict=True):
        _draw_confusion(place, fact, confusion)
    figure.suptitle(title)
    return png(figure)


def plot_drift(drift: Drift, title: str) -> bytes:
    """How alike the faces of two runs are, from the least alike on. A PNG."""
    figure, (axes,) = _figure(1)
    lines = {"cosine of the embeddings": drift.cosines, "IoU of the boxes": drift.overlaps}
    for label, values in lines.items():
        if values is not None:
            axes.plot(np.arange(1, len(values) + 1), np.sort(values), marker=".", label=label)
    axes.set(xlabel="faces, the least alike first", ylabel="agreement", title=title)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.legend(loc="lower right")
    return png(figure)


def _draw_ages(axes: Axes, ages: Ages) -> None:
    starts = [decade.start for decade in ages.decades]
    axes.scatter(ages.true, ages.told - ages.true, s=6, alpha=0.4, label="a face")
    errors = [decade.error for decade in ages.decades]
    axes.plot([start + 5 for start in starts], errors, color="black", marker="o", label="mean absolute error")
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set(xlabel="age, years", ylabel="error, years", title=f"age: mean absolute error {ages.error:.2f} years")
    axes.legend()


def _draw_confusion(axes: Axes, fact: str, confusion: Confusion) -> None:
    counts = np.array(confusion.counts)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), number in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(number), ha="center", va="center", color=color)
    axes.set_xticks(range(len(confusion.told)), confusion.told, rotation=30)
    axes.set_yticks(range(len(confusion.classes)), confusion.classes)
    accuracy = "" if confusion.accuracy is None else f": {100 * confusion.accuracy:.1f} %"
    axes.set(xlabel="told", ylabel="true", title=f"{fact}{accuracy}")
    axes.grid(visible=False)


def _figure(columns: int) -> tuple[Figure, list[Axes]]:
    """A figure that no window and no global state knows of."""
    check_plots()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_SIDE_INCHES * columns + 1, _SIDE_INCHES), dpi=_DPI, layout="constrained")
    axes = [figure.add_subplot(1, columns, place) for place in range(1, columns + 1)]
    for part in axes:
        part.grid(visible=True, alpha=0.3)
    return figure, axes


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
