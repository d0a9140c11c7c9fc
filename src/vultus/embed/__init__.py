"""Crops to vectors: one file per family of embedders."""

from collections.abc import Callable

from vultus.embed.embedder import Embedder, Embeddings, similarity
from vultus.runtime.network import Network
from vultus.types import CropSpec

EMBEDDER_FAMILIES: dict[str, Callable[[Network, CropSpec, int], Embedder]] = {"arcface": Embedder, "sface": Embedder}

__all__ = ["EMBEDDER_FAMILIES", "Embedder", "Embeddings", "similarity"]
