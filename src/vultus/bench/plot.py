"""Latency over the offered rate, as a picture people can look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vultus.bench.figures import Figures
from vultus.evaluate.plots import check_plots, png

_WIDTH_INCHES, _HEIGHT_INCHES, _DPI = 8.0, 5.0, 120


@dataclass(frozen=True, slots=True)
class Point:
    """One stretch of load.

    Attributes:
        offered: Pictures a second that fell due.
        figures: What came of it.
    """

    offered: float
    figures: Figures


def plot_latency(series: Mapping[str, Sequence[Point]], bounds: Mapping[str, float], title: str) -> bytes:
    """Median (solid), 90th (dashed) and 99th percentile (dotted) over the offered rate. A PNG.

    Args:
        series: Points by what was sent.
        bounds: Pictures a second by name, drawn upright.
        title: Above it all.

    Raises:
        ExtraMissing: There is nothing to draw with.
    """
    check_plots()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH_INCHES, _HEIGHT_INCHES), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    for number, (name, points) in enumerate(series.items()):
        answered = sorted(
            (point.offered, latency) for point in points if (latency := point.figures.latency) is not None
        )
        rates = [offered for offered, _ in answered]
        for label, style in (("p50", "-"), ("p90", "--"), ("p99", ":")):
            values = [getattr(latency, f"{label}_ms") for _, latency in answered]
            axes.plot(rates, values, style, marker=".", color=f"C{number}", label=f"{name}: {label}")
    for number, (name, value) in enumerate(bounds.items()):
        axes.axvline(value, color="grey", linewidth=0.8, linestyle=("-", "--", ":")[number % 3], label=name)
    axes.set(xlabel="offered, pictures a second", ylabel="latency, ms", yscale="log", title=title)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="upper left", fontsize="small")
    return png(figure)
