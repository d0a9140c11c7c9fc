"""What detectors that mark faces on a map of the canvas share (CenterFace, DBFace)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vultus.errors import IncompatibleGraph
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.types import FloatArray

STRIDE = 4
"""Canvas pixels per cell of a map."""


def maps(outputs: Outputs, channels: Sequence[int], spec: NetworkSpec) -> list[FloatArray]:
    """The maps with so many channels, whatever they are called.

    Args:
        outputs: What the network answered to one canvas.
        channels: Of each map that is wanted; of two with as many, the graph's first comes first.
        spec: The network's.

    Returns:
        float32 ``(channels, rows, columns)`` each.

    Raises:
        IncompatibleGraph: The outputs are others, or not of the canvas's size.
    """
    cells = (spec.input.height // STRIDE, spec.input.width // STRIDE)
    left = list(outputs)
    chosen: list[FloatArray] = []
    for count in channels:
        fits = [index for index, output in enumerate(left) if output.shape == (1, count, *cells)]
        if not fits:
            break
        chosen.append(np.asarray(left.pop(fits[0])[0], np.float32))
    if left or len(chosen) != len(channels):
        wanted = ", ".join(str([1, count, *cells]) for count in channels)
        found = ", ".join(str([*output.shape]) for output in outputs)
        raise IncompatibleGraph(f"{spec.name} answers with shapes {found}; its family has {wanted}.")
    return chosen
