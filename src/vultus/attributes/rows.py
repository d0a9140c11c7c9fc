"""What an attribute network says, as one row of numbers a crop."""

from __future__ import annotations

import numpy as np

from vultus.errors import EngineError, IncompatibleGraph
from vultus.imaging.align import Crops
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import FloatArray


def run_rows(network: Network, crops: Crops, ticket: Ticket, width: int) -> FloatArray:
    """Run a network of one output.

    Args:
        network: The network.
        crops: n >= 1 crops.
        ticket: Whose work it is.
        width: How many numbers the family expects a crop.

    Returns:
        float32 ``(n, width)``.

    Raises:
        IncompatibleGraph: The network answers with another number of them.
        EngineError: They are not finite.
    """
    output = np.asarray(network.run(crops.pixels, ticket)[0], np.float32).reshape(len(crops.pixels), -1)
    if output.shape[1] != width:
        raise IncompatibleGraph(
            f"{network.spec.name} answers with {output.shape[1]} values a face; its family has {width}."
        )
    if not np.isfinite(output).all():
        raise EngineError(f"{network.spec.name} answers with numbers that are not finite; is its file damaged?")
    return output


def run_probabilities(network: Network, crops: Crops, ticket: Ticket, width: int, *, softmax: bool) -> FloatArray:
    """Run a classifier of one output.

    Args:
        network: The network.
        crops: n >= 1 crops.
        ticket: Whose work it is.
        width: Number of its classes.
        softmax: Whether it answers logits, which are made probabilities here.

    Returns:
        float32 ``(n, width)``; with ``softmax`` each row's sum is 1.

    Raises:
        IncompatibleGraph, EngineError: See ``run_rows``.
    """
    output = run_rows(network, crops, ticket, width)
    if not softmax:
        return output
    powers = np.exp(output - output.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
