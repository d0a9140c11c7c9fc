"""Rows of a batch found in the answers of graphs that were exported for one picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from skimage import data as photographs

from vultus.detect.scrfd import Scrfd
from vultus.errors import IncompatibleGraph
from vultus.imaging.canvas import lay_on_canvas
from vultus.runtime.graph import reshaped
from vultus.runtime.layout import Layout, find_layouts, row_shape
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.onnx import normalise
from vultus.runtime.ticket import Ticket
from vultus.types import CanvasRule, Detection, Image
from vultus.zoo.catalogue import Catalogue

Export = Callable[[NDArray[Any]], NDArray[Any]]

CELLS, ANCHORS, VALUES = 6, 2, 5


def batch_first(maps: NDArray[Any]) -> NDArray[Any]:
    return maps.reshape(len(maps), CELLS * ANCHORS, VALUES)


def one_after_the_other(maps: NDArray[Any]) -> NDArray[Any]:
    """``Reshape(1, -1, values)`` at the end, as scrfd 0.3.0's 2.5g."""
    return maps.reshape(1, -1, VALUES)


def side_by_side(maps: NDArray[Any]) -> NDArray[Any]:
    """``Transpose(2, 3, 0, 1)`` and ``Reshape(-1, values)``, as InsightFace's own exports."""
    return maps.transpose(1, 0, 2, 3).reshape(-1, VALUES)


@pytest.fixture
def maps() -> NDArray[Any]:
    """What a network sees in seven pictures, before an export lays it out: ``(n, cells, anchors, values)``."""
    return np.random.default_rng(7).standard_normal((7, CELLS, ANCHORS, VALUES)).astype(np.float32)


@pytest.mark.unit
@pytest.mark.parametrize("export", [batch_first, one_after_the_other, side_by_side])
def test_the_rows_are_found_and_split_whatever_the_export(maps: NDArray[Any], export: Export) -> None:
    alone = [[export(maps[index : index + 1])] for index in range(2)]
    (layout,) = find_layouts(alone, [export(maps[:2])])
    for rows in (1, 2, 3, 7):
        np.testing.assert_array_equal(layout.split(export(maps[:rows]), rows), batch_first(maps[:rows]))


@pytest.mark.unit
def test_rounding_does_not_matter(maps: NDArray[Any]) -> None:
    rough = side_by_side(maps[:2]).astype(np.float16).astype(np.float32)
    (layout,) = find_layouts([[side_by_side(maps[:1])], [side_by_side(maps[1:2])]], [rough])
    assert layout == Layout((CELLS * ANCHORS, VALUES), CELLS)


@pytest.mark.unit
def test_each_output_has_a_layout_of_its_own(maps: NDArray[Any]) -> None:
    alone = [[batch_first(row), side_by_side(row), row.reshape(1, -1)[:, 0]] for row in (maps[:1], maps[1:2])]
    together = [batch_first(maps[:2]), side_by_side(maps[:2]), maps[:2].reshape(2, -1)[:, 0]]
    first, second, third = find_layouts(alone, together)
    assert (first.blocks, second.blocks) == (1, CELLS)
    np.testing.assert_array_equal(third.split(together[2], 2), together[2][:, None])


@pytest.mark.unit
@pytest.mark.parametrize("spoil", [np.roll, lambda rows, *_: rows * 1.5, lambda rows, *_: rows[:1]])
def test_answers_that_mix_or_lose_pictures_are_refused(maps: NDArray[Any], spoil: Any) -> None:
    alone = [[batch_first(maps[:1])], [batch_first(maps[1:2])]]
    with pytest.raises(IncompatibleGraph, match="2 pictures is not what they come to alone"):
        find_layouts(alone, [spoil(batch_first(maps[:2]), 7, 1)])


@pytest.mark.unit
def test_a_leading_axis_of_one_is_the_batch() -> None:
    assert [row_shape(np.zeros(shape)) for shape in [(1, 8, 4), (8, 4), (1, 512), (1,)]] == [
        (8, 4),
        (8, 4),
        (512,),
        (1,),
    ]


class Row:
    """One row of a batch's answer, as a detector is told it."""

    def __init__(self, spec: NetworkSpec, outputs: Outputs) -> None:
        self.spec = spec
        self._outputs = outputs

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        return self._outputs


@pytest.mark.integration
@pytest.mark.parametrize(
    ("file", "leading"),
    [("scrfd_500m_bnkps", 3), ("scrfd_500m_kps_namedout", 3), ("scrfd_2.5g_bnkps", 1)],
)
def test_scrfd_finds_the_same_alone_and_in_a_batch(shared_models: Path, file: str, leading: int) -> None:
    """The 2.5g export declares a batch of one: three pictures come back as one row of three times the places."""
    spec = Catalogue.load().model("scrfd_500m_bnkps").input
    data = (shared_models / f"{file}.onnx").read_bytes()
    astronaut = photographs.astronaut()
    pictures = [astronaut, astronaut[:, ::-1].copy(), photographs.cat()]
    canvases = [lay_on_canvas(picture, CanvasRule()).pixels for picture in pictures]
    blobs = [normalise(canvas, spec) for canvas in canvases]

    def compute(*rows: NDArray[Any]) -> list[NDArray[Any]]:
        options = ort.SessionOptions()
        options.log_severity_level = 4  # the 2.5g states its outputs' shapes for one picture
        graph = reshaped(data, (len(rows), *spec.shape[1:]))
        session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        outputs: list[NDArray[Any]] = session.run(None, {session.get_inputs()[0].name: np.concatenate(rows)})
        return outputs

    def detect(outputs: Outputs, canvas: Image) -> Detection:
        names = tuple(str(index) for index in range(len(outputs)))
        return Scrfd(Row(NetworkSpec(file, spec, names), outputs)).detect(canvas, 0.5, 0.4, Ticket())

    alone = [compute(blob) for blob in blobs]
    together = compute(*blobs)
    assert {len(output) for output in together} == {leading}
    layouts = find_layouts(alone[:2], compute(*blobs[:2]))
    split = [layout.split(output, 3) for layout, output in zip(layouts, together, strict=True)]
    counts = []
    for index, canvas in enumerate(canvases):
        expected = detect(tuple(alone[index]), canvas)
        found = detect(tuple(output[index : index + 1] for output in split), canvas)
        counts.append(len(found))
        assert len(found) == len(expected)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
        np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-2)
        assert found.landmarks is not None
        assert expected.landmarks is not None
        np.testing.assert_allclose(found.landmarks, expected.landmarks, atol=1e-2)
    assert counts == [1, 1, 0]
