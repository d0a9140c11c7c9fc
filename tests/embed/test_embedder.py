from __future__ import annotations

import numpy as np
import pytest

from vultus.embed import Embedder, similarity
from vultus.errors import EngineError, IncompatibleGraph
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec, FloatArray, Image, InputSpec

pytestmark = pytest.mark.unit


class Fixed:
    """A network that always gives the same answer."""

    def __init__(self, output: FloatArray) -> None:
        self.spec = NetworkSpec("net", InputSpec(112, 112), ("out",))
        self._output = output

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        return (self._output,)


def embed(output: FloatArray, size: int) -> tuple[FloatArray, FloatArray]:
    crops = np.zeros((len(output), 112, 112, 3), np.uint8)
    return Embedder(Fixed(output), CropSpec("template", 112), size).embed(crops, Ticket())


def test_vectors_have_unit_length_and_norms_tell_what_it_was() -> None:
    vectors, norms = embed(np.array([[3, 4], [0, -2]], np.float32), 2)
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0.0, -1.0]], rtol=1e-6)
    np.testing.assert_allclose(norms, [5, 2])
    assert vectors.dtype == norms.dtype == np.float32


def test_zeros_stay_zeros() -> None:
    vectors, norms = embed(np.zeros((1, 4), np.float32), 4)
    assert not vectors.any()
    assert norms[0] == 0


def test_further_axes_are_flattened() -> None:
    vectors, _ = embed(np.ones((2, 1, 1, 4), np.float32), 4)
    np.testing.assert_allclose(vectors, np.full((2, 4), 0.5))


def test_another_length_than_the_catalogue_says_is_refused() -> None:
    with pytest.raises(IncompatibleGraph, match="2 values"):
        embed(np.ones((1, 2), np.float32), 512)


@pytest.mark.parametrize("shape", [(1, 392, 1), (1, 4, 20, 20), (2,)])
def test_what_is_not_one_vector_a_face_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(IncompatibleGraph, match=r"which is not one vector a face"):
        embed(np.ones(shape, np.float32), 4)


def test_a_vector_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(EngineError, match="not finite"):
        embed(np.array([[1, np.nan]], np.float32), 2)


def test_similarity_is_the_cosine_and_never_beyond_one() -> None:
    across = np.array([0.6, 0.8], np.float32)
    assert similarity(across, np.array([1, 0], np.float32)) == pytest.approx(0.6)
    rng = np.random.default_rng(0)
    for vector in rng.standard_normal((200, 512)).astype(np.float32):
        unit = vector / np.linalg.norm(vector)
        assert similarity(unit, -unit) >= -1
        assert 0.999999 < similarity(unit, unit) <= 1
