"""Aligned crops to embeddings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vultus.errors import EngineError, IncompatibleGraph
from vultus.runtime.network import Network
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec, FloatArray, Image


class Embeddings(NamedTuple):
    """Vectors of some faces.

    Attributes:
        vectors: float32 ``(n, d)``, of unit length.
        norms: float32 ``(n,)``, their lengths before.
    """

    vectors: FloatArray
    norms: FloatArray


def similarity(first: FloatArray, second: FloatArray) -> float:
    """Cosine similarity of two embeddings of unit length, -1 to 1."""
    cosine = np.dot(first.astype(np.float64), second.astype(np.float64))
    return float(np.clip(cosine, -1, 1))  # rounding may carry it a little beyond


class Embedder:
    """A network whose one output is the embedding: ArcFace (Deng et al., 2019) and all that came in its shape.

    What tells such networks apart (normalisation, channel order, size) is in their input specification.

    Args:
        network: The network.
        crop: What it wants to see of a face.
        size: Length of the embedding; ``None``: whatever the network answers.
        shortest: What answers with fewer values is no embedder.
    """

    def __init__(self, network: Network, crop: CropSpec, size: int | None, shortest: int = 1) -> None:
        self.crop = crop
        self.size = size
        self._network = network
        self._shortest = shortest

    def embed(self, crops: Image, ticket: Ticket) -> Embeddings:
        """Embed aligned crops.

        Args:
            crops: RGB uint8 ``(n, size, size, 3)``, n >= 1.
            ticket: Whose work it is.

        Raises:
            IncompatibleGraph: The network's answer is no embedding of the stated length.
            EngineError: It is not finite.
        """
        output = self._network.run(crops, ticket)[0]
        # (n, d), or (n, d, 1, 1) from an export that kept the axes it pooled over.
        if output.ndim not in (2, 4) or max(output.shape[1:]) * len(crops) != output.size:
            raise IncompatibleGraph(
                f"{self._network.spec.name} answers with shape {output.shape}, which is not one vector a face."
            )
        raw: FloatArray = np.asarray(output, np.float32).reshape(len(crops), -1)
        if self.size not in (None, raw.shape[1]):
            raise IncompatibleGraph(
                f"{self._network.spec.name} answers with {raw.shape[1]} values a face; its entry says {self.size}."
            )
        if raw.shape[1] < self._shortest:
            raise IncompatibleGraph(
                f"{self._network.spec.name} answers with {raw.shape[1]} values a face, too few for an embedding."
            )
        norms = np.linalg.norm(raw, axis=1)
        if not np.isfinite(norms).all():
            raise EngineError(
                f"{self._network.spec.name} answers with numbers that are not finite; is its file damaged?"
            )
        # A network may answer a blank crop with zeros: those stay zeros instead of becoming NaN.
        lengths = np.maximum(norms, np.finfo(np.float32).tiny)
        return Embeddings((raw / lengths[:, np.newaxis]).astype(np.float32), norms)
