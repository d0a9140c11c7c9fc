from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vultus.attributes import ATTRIBUTE_FAMILIES
from vultus.attributes.landmarks106 import Landmarks106
from vultus.detect.scrfd import Scrfd
from vultus.errors import Cancelled, IncompatibleGraph
from vultus.imaging.align import Crops
from vultus.runtime.dummy import DummyNetwork, DummyRuntime
from vultus.runtime.network import Parts
from vultus.runtime.ticket import Ticket
from vultus.types import CropSpec, FloatArray, Image, InputSpec
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.unit

SIZE = InputSpec(320, 256)


def load(name: str, spec: InputSpec | None = None) -> DummyNetwork:
    model = Catalogue.load().model(name)
    return DummyRuntime().load(model, Path("absent"), spec or model.input)


def parts(name: str) -> Parts:
    return Parts(Catalogue.load().model(name), lambda name, _: load(name))


def canvas_with(*cells: tuple[int, int]) -> Image:
    canvas = np.zeros((SIZE.height, SIZE.width, 3), np.uint8)
    for column, row in cells:
        canvas[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32] = 255
    return canvas


def test_one_face_in_every_bright_cell() -> None:
    found = Scrfd(load("scrfd_500m_bnkps", SIZE)).detect(canvas_with((2, 1), (9, 7)), 0.5, 0.4, Ticket())
    np.testing.assert_array_equal(found.boxes, [[64, 32, 96, 64], [288, 224, 320, 256]])
    assert found.landmarks is not None
    inside = (found.landmarks > found.boxes[:, np.newaxis, :2]) & (found.landmarks < found.boxes[:, np.newaxis, 2:])
    assert inside.all()


def test_a_dark_canvas_has_no_face() -> None:
    detector = Scrfd(load("scrfd_500m_bnkps", SIZE))
    assert len(detector.detect(np.full((256, 320, 3), 199, np.uint8), 0.5, 0.4, Ticket())) == 0
    assert len(detector.detect(np.full((256, 320, 3), 201, np.uint8), 0.5, 0.4, Ticket())) == 80


def vectors(batch: Image) -> FloatArray:
    return np.asarray(load("w600k_mbf").run(batch, Ticket())[0], np.float32)


def test_an_embedding_depends_on_its_own_crop_alone() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (5, 112, 112, 3), np.uint8)
    together = vectors(crops)
    assert together.shape == (5, 512)
    for index in range(5):
        np.testing.assert_array_equal(vectors(crops[index : index + 1])[0], together[index])
    assert len(np.unique(together[:, 0])) == 5


def test_even_a_black_crop_has_an_embedding() -> None:
    assert np.linalg.norm(vectors(np.zeros((1, 112, 112, 3), np.uint8))) > 1


def test_landmarks_lie_on_a_circle_in_the_crop() -> None:
    spec = CropSpec("box", 192, 1.5)
    crops = Crops(np.zeros((1, 192, 192, 3), np.uint8), np.eye(2, 3)[np.newaxis])
    points = np.asarray(Landmarks106(load("2d106det"), spec).read(crops, Ticket())["landmarks106"][0])
    np.testing.assert_allclose(np.linalg.norm(points - 96, axis=1), 48, rtol=1e-5)


@pytest.mark.parametrize("name", ["genderage", "genderage_v1"])
def test_gender_and_age_are_the_brightness_of_the_crop(name: str) -> None:
    side = load(name).spec.input.width
    shades = np.array([0, 102, 255], np.uint8)[:, None, None, None]
    crops = Crops(np.broadcast_to(shades, (3, side, side, 3)).copy(), np.tile(np.eye(2, 3), (3, 1, 1)))
    facts = ATTRIBUTE_FAMILIES[name].make(parts(name)).read(crops, Ticket())
    assert facts["gender"] == [0, 0, 1]
    assert facts["age"] == pytest.approx([0, 40, 100])


def test_a_bright_crop_wears_a_mask() -> None:
    crops = Crops(np.full((1, 224, 224, 3), 204, np.uint8), np.eye(2, 3)[np.newaxis])
    (said,) = ATTRIBUTE_FAMILIES["mask"].make(parts("mask_detector")).read(crops, Ticket())["mask"]
    assert said == pytest.approx({"mask": 0.8, "no_mask": 0.2})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("age_and_gender_gender", {"gender": 1, "gender_probability": 0.8}),
        ("21936", {"gender": 1, "gender_probability": 0.8}),
        ("ssrnet", {"age": 80}),
        ("fsanet-1x1", {"pose": {"pitch": 16, "yaw": -8, "roll": 24}}),
        ("minifasnet_v2_2.7_80x80", {"liveness": {"real": 0.8, "spoof": 0.2}}),
        ("antispoof_bin_1.5_128", {"liveness": {"real": 0.8, "spoof": 0.2}}),
        ("mask_detector112", {"mask": {"mask": 0.8, "no_mask": 0.2}}),
        ("resnet18_on_mafa_kaggle123", {"mask": {"no_mask": 0.1, "mask": 0.8, "incorrect": 0.1}}),
        ("age_and_gender_age", {"age": 80, "age_range": {"low": 80, "high": 80, "probability": 1}}),
    ],
)
def test_what_is_told_of_a_crop_of_four_fifths_brightness(name: str, expected: dict[str, Any]) -> None:
    model = Catalogue.load().model(name)
    side = model.input.width
    crops = Crops(np.full((1, side, side, 3), 204, np.uint8), np.eye(2, 3)[np.newaxis])
    facts = ATTRIBUTE_FAMILIES[model.family].make(parts(name)).read(crops, Ticket())
    assert facts.keys() == expected.keys()
    for fact, value in expected.items():
        assert facts[fact][0] == pytest.approx(value, abs=1e-4)


def test_an_age_between_two_years_and_one_of_the_classes_of_several() -> None:
    crops = Crops(np.full((1, 64, 64, 3), 51, np.uint8), np.eye(2, 3)[np.newaxis])
    facts: Any = ATTRIBUTE_FAMILIES["age_classes"].make(parts("age_and_gender_age")).read(crops, Ticket())
    assert facts["age"] == pytest.approx([20])
    crops = Crops(np.full((1, 160, 160, 3), 8, np.uint8), np.eye(2, 3)[np.newaxis])
    facts = ATTRIBUTE_FAMILIES["age_classes"].make(parts("22801")).read(crops, Ticket())
    assert (facts["age_range"][0]["low"], facts["age_range"][0]["high"]) == (15, 20)


def test_68_landmarks_lie_on_a_circle_in_the_crop() -> None:
    crops = Crops(np.zeros((1, 192, 192, 3), np.uint8), np.eye(2, 3)[np.newaxis])
    facts = ATTRIBUTE_FAMILIES["landmarks68"].make(parts("1k3d68")).read(crops, Ticket())
    points = np.asarray(facts["landmarks68"][0])
    np.testing.assert_allclose(np.linalg.norm(points[:, :2] - 96, axis=1), 48, rtol=1e-5)
    assert not points[:, 2].any()


def test_a_family_without_stand_in_is_refused() -> None:
    with pytest.raises(IncompatibleGraph, match="yunet"):
        load("face_detection_yunet_2023mar")


def test_a_spent_ticket_is_honoured() -> None:
    ticket = Ticket()
    ticket.cancel()
    with pytest.raises(Cancelled):
        load("w600k_mbf").run(np.zeros((1, 112, 112, 3), np.uint8), ticket)
