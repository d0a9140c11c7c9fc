from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data as photographs

from vultus.detect.yunet import YuNet
from vultus.errors import IncompatibleGraph
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.openvino import OpenVinoRuntime
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.types import FloatArray, Image, InputSpec
from vultus.zoo.catalogue import Catalogue

SIZE = InputSpec(64, 32)


class Fixed:
    """A network that always gives the same answer."""

    def __init__(self, outputs: dict[str, FloatArray]) -> None:
        self.spec = NetworkSpec("yunet", SIZE, tuple(outputs))
        self._outputs = outputs

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        return tuple(self._outputs.values())


def blank() -> dict[str, FloatArray]:
    columns = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    return {
        f"{kind}_{s}": np.zeros((1, (SIZE.height // s) * (SIZE.width // s), n), np.float32)
        for kind, n in columns.items()
        for s in (8, 16, 32)
    }


@pytest.mark.unit
def test_a_face_is_decoded_from_its_cell() -> None:
    outputs = blank()
    outputs["cls_8"][0, 11] = 0.81  # 8 columns: column 3, row 1
    outputs["obj_8"][0, 11] = 1.2  # clipped to 1: the score is the geometric mean
    outputs["bbox_8"][0, 11] = [0.5, 0.25, np.log(4), np.log(2)]
    outputs["kps_8"][0, 11] = [0, 0, 1, 0, 0.5, 0.5, 0, 1, 1, 1]
    found = YuNet(Fixed(outputs)).detect(np.zeros((32, 64, 3), np.uint8), 0.5, 0.3, Ticket())
    np.testing.assert_allclose(found.scores, [0.9], rtol=1e-6)
    # Centre (28, 10), 32 wide and 16 high.
    np.testing.assert_allclose(found.boxes, [[12, 2, 44, 18]], rtol=1e-6)
    assert found.landmarks is not None
    np.testing.assert_allclose(found.landmarks[0], [[24, 8], [32, 8], [28, 12], [24, 16], [32, 16]])


@pytest.mark.unit
def test_a_missing_output_is_named() -> None:
    outputs = blank()
    del outputs["kps_16"]
    with pytest.raises(IncompatibleGraph, match="kps_16"):
        YuNet(Fixed(outputs))


@pytest.mark.integration
def test_it_agrees_with_opencv(shared_models: Path) -> None:
    photograph = photographs.astronaut()
    canvas = np.zeros((640, 640, 3), np.uint8)
    canvas[:512, :512] = photograph
    path = shared_models / "face_detection_yunet_2023mar.onnx"
    reference = cv2.FaceDetectorYN.create(str(path), "", (640, 640), score_threshold=0.5, nms_threshold=0.3)
    _, rows = reference.detect(canvas[..., ::-1].copy())
    workers = Workers(1)
    model = Catalogue.load().model("face_detection_yunet_2023mar")
    network = OpenVinoRuntime("cpu", "f32", workers, 2).load(model, path, model.input)
    found = YuNet(network).detect(canvas, 0.5, 0.3, Ticket())
    workers.close()
    assert len(found) == len(rows) >= 1
    left, top, width, height = rows[:, :4].T
    np.testing.assert_allclose(found.boxes, np.stack([left, top, left + width, top + height], 1), atol=0.1)
    assert found.landmarks is not None
    np.testing.assert_allclose(found.landmarks.reshape(-1, 10), rows[:, 4:14], atol=0.1)
    np.testing.assert_allclose(found.scores, rows[:, 14], atol=1e-3)
