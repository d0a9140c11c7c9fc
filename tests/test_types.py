from __future__ import annotations

import numpy as np
import pytest

from vultus.types import Face

pytestmark = pytest.mark.unit

BOX = np.array([10, 20, 40, 60], np.float32)


def test_a_raw_embedding_is_what_normalising_made_the_unit_vector_of() -> None:
    raw = np.array([3, 0, -4], np.float32)
    norm = float(np.linalg.norm(raw))
    face = Face(BOX, 0.9, embedding=raw / np.float32(norm), norm=norm)
    assert face.raw_embedding is not None
    assert face.raw_embedding.dtype == np.float32
    np.testing.assert_allclose(face.raw_embedding, raw, rtol=1e-6)


def test_a_network_that_says_nothing_says_zeros() -> None:
    face = Face(BOX, 0.9, embedding=np.zeros(3, np.float32), norm=0.0)
    np.testing.assert_array_equal(face.raw_embedding, np.zeros(3))


def test_without_an_embedding_there_is_no_raw_one() -> None:
    assert Face(BOX, 0.9).raw_embedding is None


def test_width_and_height_are_those_of_the_box() -> None:
    assert (Face(BOX, 0.9).width, Face(BOX, 0.9).height) == (30, 40)
