"""The errors of a search as a heat-map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vultus.evaluate.plots import check_plots, png
from vultus.evaluate.tune import Counts, Search

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLORS = "viridis_r"  # told apart without colour vision, too
_WIDTH_INCHES, _ROW_INCHES, _FRAME_INCHES = 10.0, 0.35, 3.0


def plot_errors(search: Search) -> bytes:
    """Errors over thresholds: of each input at the best overlap, and of each overlap at the best input. A PNG.

    Raises:
        ExtraMissing: There is nothing to draw with.
    """
    check_plots()
    from matplotlib.figure import Figure

    grid, best = search.grid, search.best.choice
    i, j, k = grid.place(best)
    inputs = [f"{first} + {second}" if second else str(first) for first, second in grid.inputs]
    overlaps = [f"{value:g}" for value in grid.nms_thresholds]
    rows = (len(inputs), len(overlaps))
    figure = Figure(figsize=(_WIDTH_INCHES, _FRAME_INCHES + _ROW_INCHES * sum(rows)), layout="constrained")
    upper, lower = figure.subplots(2, 1, gridspec_kw={"height_ratios": rows})
    # Counts far above the best are all alike: the colours are for telling good from very good.
    most = search.best.errors + max(5, search.best.errors)
    for axes, table, names, mark in (
        (upper, search.errors[:, j], inputs, (k, i)),
        (lower, search.errors[i], overlaps, (k, j)),
    ):
        shown = axes.imshow(table, aspect="auto", cmap=_COLORS, vmin=search.best.errors, vmax=most)
        axes.plot(*mark, marker="o", markersize=9, markerfacecolor="none", markeredgecolor="red", markeredgewidth=2)
        _label(axes, table, names, [f"{value:g}" for value in grid.thresholds])
    upper.set(title=f"errors at NMS {best.nms_threshold:g}", ylabel="canvas")
    lower.set(title=f"errors at canvas {inputs[i]}", ylabel="NMS", xlabel="threshold")
    figure.colorbar(shown, ax=[upper, lower], label="errors (missed + false)", extend="max")
    return png(figure)


def _label(axes: Axes, table: Counts, names: list[str], thresholds: list[str]) -> None:
    """Names of rows and columns, as many as there is room for."""
    axes.set_yticks(range(len(names)), names)
    step = max(1, table.shape[1] // 16)
    axes.set_xticks(range(0, table.shape[1], step), thresholds[::step])
