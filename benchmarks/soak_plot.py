"""Draws ``docs/images/soak.png`` from ``benchmarks/results/soak.json``: ``python -m benchmarks.soak_plot``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks import places
from vultus.evaluate.plots import check_plots, png

PICTURE = places.REPOSITORY / "docs" / "images" / "soak.png"
_INCHES, _DPI = (9.0, 6.0), 100


def draw(found: Mapping[str, Any]) -> bytes:
    """Memory, and latency minute by minute, over the minutes. A PNG.

    Args:
        found: The result of ``python -m benchmarks soak``.

    Raises:
        ExtraMissing: There is nothing to draw with.
    """
    check_plots()
    from matplotlib.figure import Figure

    detail = found["detail"]
    minutes = np.array(detail["seconds"]) / 60
    figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
    memory, latency = figure.subplots(2, 1, sharex=True)
    memory.plot(minutes, detail["mib"], linewidth=1, label="resident")
    growth = {row["what"]: row["value"] for row in found["rows"]}["memory slope after the first minute"]
    late = minutes >= 1
    level = float(np.mean(np.array(detail["mib"])[late])) - growth * float(np.mean(minutes[late]))
    memory.plot(minutes[late], level + growth * minutes[late], "--", label=f"{growth:+.2f} MiB a minute")
    memory.set(ylabel="memory of the server, MiB", title=found["title"])
    memory.set_ylim(bottom=0)
    each = np.arange(len(detail["minutes"])) + 0.5
    for name in ("p50_ms", "p99_ms"):
        latency.plot(each, [minute[name] for minute in detail["minutes"]], marker=".", label=name.removesuffix("_ms"))
    latency.set(xlabel="minutes", ylabel="latency, ms", yscale="log")
    for axes in (memory, latency):
        axes.grid(visible=True, alpha=0.3)
        axes.legend(loc="lower right", fontsize="small")
    return png(figure)


def main() -> None:
    """Write the picture."""
    PICTURE.write_bytes(draw(json.loads((places.RESULTS / "soak.json").read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
