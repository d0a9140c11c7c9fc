"""Crops to vectors: one file per family of embedders."""

from collections.abc import Callable

from vultus.embed.embedder import Embedder, Embeddings, similarity
from vultus.families import Families
from vultus.runtime.network import Parts

# Where an entry states no length, what answers with fewer values than this is no embedder but tells attributes.
_SHORTEST = 16


def _embedder(parts: Parts) -> Embedder:
    size = parts.model.embedding_size
    return Embedder(parts.network, parts.crop, size, shortest=size or _SHORTEST)


EMBEDDER_FAMILIES: Families[Callable[[Parts], Embedder]] = Families(
    "vultus.embedders",
    {
        "arcface": _embedder,
        "facenet": _embedder,
        "sface": _embedder,
    },
)

__all__ = ["EMBEDDER_FAMILIES", "Embedder", "Embeddings", "similarity"]
