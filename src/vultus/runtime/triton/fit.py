"""Whether a server's model is the network that is wanted."""

from __future__ import annotations

import logging

from vultus.errors import HashMismatch, IncompatibleGraph, PrecisionUnavailable
from vultus.runtime.triton.protocol import Described
from vultus.types import InputSpec
from vultus.zoo.catalogue import Model

ROWS = 8
"""Most rows of a request: the server makes larger batches of them, and may spread those of one picture."""

_SHA256, _PRECISION = "sha256", "precision"

logger = logging.getLogger(__name__)


def check_fit(name: str, model: Model, spec: InputSpec, described: Described, precision: str) -> None:
    """See to it that a server's model takes pixels of the size wanted, and has the catalogue's weights.

    Args:
        name: What the server calls it.
        model: The catalogue entry.
        spec: Size of the input.
        described: What the server says.
        precision: What is to be computed in; ``auto``: whatever is.

    Raises:
        IncompatibleGraph: It takes something else.
        HashMismatch: It was made of another file.
        PrecisionUnavailable: It computes in something else.
    """
    pixels = (spec.height, spec.width, 3)
    shape = described.shape
    fits = shape[-3:] == pixels and (len(shape) == 3 or (len(shape) == 4 and shape[0] in (-1, 1)))
    if described.inputs != 1 or described.dtype != "UINT8" or not fits:
        raise IncompatibleGraph(
            f"the server's {name} takes {described.inputs} inputs, the first {described.dtype} {list(shape)}, and not "
            f"UINT8 {list(pixels)}; make its repository anew with `vultus triton export`."
        )
    theirs = described.parameters.get(_SHA256)
    if theirs and model.sha256 and theirs.lower() != model.sha256:
        raise HashMismatch(
            f"the server's {name} was made of another file than the catalogue's {model.name} (sha256 {theirs[:12]} "
            f"instead of {model.sha256[:12]}); make its repository anew with `vultus triton export`."
        )
    computes = described.parameters.get(_PRECISION, precision)
    if precision not in ("auto", computes):
        raise PrecisionUnavailable(
            f"the server computes {name} in {computes}; set precision to {computes} or auto, or make its repository "
            f"anew with `vultus triton export` in {precision}."
        )


def warn_of_doubt(name: str, model: Model, described: Described) -> None:
    """Say in the log where nobody can know whether the weights are the right ones."""
    if not (model.sha256 and described.parameters.get(_SHA256)):
        logger.warning("%s: whether the server's weights are the catalogue's cannot be checked", name)


def precision_of(described: Described) -> str | None:
    """What a model computes in; ``None``: the server does not say."""
    return described.parameters.get(_PRECISION)


def rows_of(described: Described) -> int:
    """Most rows of a request to a model."""
    is_batched = len(described.shape) == 4 and described.shape[0] == -1
    return min(ROWS, described.rows or ROWS) if is_batched else 1
