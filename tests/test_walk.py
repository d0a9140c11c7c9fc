"""The walk on the dummy runtime, whose one face per bright cell makes every answer predictable."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as PillowImage

from vultus.engine import FaceEngine
from vultus.errors import Cancelled, RequestError, SettingsError, WrongCropSize
from vultus.imaging.align import ARCFACE_TEMPLATE, TEMPLATE_BOX
from vultus.imaging.decode import Limits
from vultus.imaging.jpeg import Decoded
from vultus.imaging.source import read_picture
from vultus.runtime.ticket import Ticket
from vultus.settings import load_settings
from vultus.types import CanvasRule, Detection, Image, Plan

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def engine() -> Iterator[FaceEngine]:
    with FaceEngine(load_settings(runtime="dummy", streams=2)) as made:
        yield made


def picture(*cells: tuple[int, int], value: int = 255) -> Image:
    """640 x 640, black but for whole 32-pixel cells, each with a shade of its own around its bright centre."""
    image = np.zeros((640, 640, 3), np.uint8)
    for shade, (column, row) in enumerate(cells):
        cell = image[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32]
        cell[:] = value - shade
        cell[:8, :8] = 40 * (shade % 6)
    return image


def test_boxes_landmarks_and_scores_are_in_picture_pixels(engine: FaceEngine) -> None:
    small = picture((3, 2))[::2, ::2].copy()  # 320 x 320: the canvas doubles it
    found = engine.analyze(small)
    assert (found.width, found.height, found.scale) == (320, 320, 2.0)
    (face,) = found.faces
    np.testing.assert_allclose(face.box, [48, 32, 64, 48])
    assert face.score == pytest.approx(1.0, abs=0.01)
    assert face.landmarks is not None
    assert ((face.landmarks > [48, 32]) & (face.landmarks < [64, 48])).all()
    assert (face.width, face.height) == (16, 16)


def test_by_default_there_are_embeddings_and_nothing_else(engine: FaceEngine) -> None:
    (face,) = engine.analyze(picture((3, 2))).faces
    assert face.embedding is not None
    assert np.linalg.norm(face.embedding) == pytest.approx(1, abs=1e-6)
    assert face.norm is not None
    assert face.norm > 0
    assert face.attributes == {}
    assert face.crop is None


@pytest.mark.parametrize("cells", [[], [(3, 2)]])
def test_the_picture_is_handed_back_when_asked(engine: FaceEngine, cells: list[tuple[int, int]]) -> None:
    image = picture(*cells)
    assert engine.analyze(image).pixels is None
    shown = engine.analyze(image, Plan(pixels=True)).pixels
    assert shown is not None
    np.testing.assert_array_equal(shown, image)


def test_detection_alone_computes_nothing_else(engine: FaceEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("nobody asked")

    monkeypatch.setattr("vultus.cutter.cut_crops", fail)
    monkeypatch.setattr("vultus.embed.embedder.Embedder.embed", fail)
    monkeypatch.setattr("vultus.attributes.landmarks106.Landmarks106.read", fail)
    (face,) = engine.analyze(picture((3, 2)), Plan(embeddings=False)).faces
    assert face.embedding is None
    assert face.norm is None
    assert face.crop is None


def test_crops_and_attributes_come_when_asked(engine: FaceEngine) -> None:
    plan = Plan(embeddings=False, crops=True, attributes=frozenset({"landmarks106"}))
    (face,) = engine.analyze(picture((3, 2)), plan).faces
    assert face.embedding is None
    assert face.crop is not None
    assert face.crop.shape == (112, 112, 3)
    points = np.asarray(face.attributes["landmarks106"])
    # A circle of half the crop's size; the crop is one and a half boxes wide: a radius of 12 around (112, 80).
    np.testing.assert_allclose(np.linalg.norm(points - [112, 80], axis=1), 12, rtol=1e-4)


def test_an_attribute_that_nobody_tells_is_a_request_error(engine: FaceEngine) -> None:
    with pytest.raises(RequestError, match=r"shoe_size; attributes available: landmarks106"):
        engine.analyze(picture(), Plan(attributes=frozenset({"shoe_size"})))


def test_no_face_is_an_empty_answer(engine: FaceEngine) -> None:
    found = engine.analyze(picture(), Plan(attributes=frozenset({"landmarks106"}), crops=True))
    assert found.faces == ()


def test_faces_come_by_descending_score_and_keep_their_place(engine: FaceEngine) -> None:
    faces = engine.analyze(picture((9, 9), (0, 0), (5, 5))).faces
    assert [tuple(face.box[:2]) for face in faces] == [(288, 288), (0, 0), (160, 160)]
    assert [face.index for face in faces] == [0, 1, 2]
    assert sorted((face.score for face in faces), reverse=True) == [face.score for face in faces]


@pytest.fixture
def three_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector that finds three faces, the surest of middle size and the least sure the largest."""
    boxes = np.array([[0, 0, 20, 20], [100, 0, 110, 10], [200, 0, 230, 30]], np.float32)
    landmarks = (ARCFACE_TEMPLATE / 112 * 10 + boxes[:, np.newaxis, :2]).astype(np.float32)
    found = Detection(boxes, np.array([0.9, 0.8, 0.7], np.float32), landmarks)
    monkeypatch.setattr("vultus.detect.scrfd.Scrfd.detect", lambda *_: found)


@pytest.mark.usefixtures("three_sizes")
def test_max_faces_keeps_the_largest_by_descending_area(engine: FaceEngine) -> None:
    faces = engine.analyze(picture(), Plan(max_faces=2)).faces
    assert [face.width for face in faces] == [30, 20]
    assert [face.index for face in faces] == [0, 1]


@pytest.mark.usefixtures("three_sizes")
def test_max_faces_may_keep_the_surest(engine: FaceEngine) -> None:
    faces = engine.analyze(picture(), Plan(max_faces=2, rank="score")).faces
    assert [face.width for face in faces] == [20, 10]


@pytest.mark.usefixtures("three_sizes")
def test_max_faces_that_is_not_exceeded_leaves_the_order_of_scores(engine: FaceEngine) -> None:
    assert [face.width for face in engine.analyze(picture(), Plan(max_faces=3)).faces] == [20, 10, 30]


def test_of_too_many_faces_the_best_are_kept() -> None:
    with FaceEngine(load_settings(runtime="dummy", streams=1, max_picture_faces=2)) as engine:
        faces = engine.analyze(picture((9, 9), (0, 0), (5, 5))).faces
    assert [tuple(face.box[:2]) for face in faces] == [(288, 288), (0, 0)]


def test_min_face_size_drops_narrower_faces_in_picture_pixels(engine: FaceEngine) -> None:
    image = picture((1, 1))
    assert len(engine.analyze(image, Plan(min_face_size=32)).faces) == 1
    assert len(engine.analyze(image, Plan(min_face_size=32.5)).faces) == 0


def test_the_threshold_is_the_profiles(engine: FaceEngine) -> None:
    image = picture((1, 1), value=230)  # scores 230 / 255 = 0.902
    assert len(engine.analyze(image, profile=replace(engine.default_profile, threshold=0.9)).faces) == 1
    assert len(engine.analyze(image, profile=replace(engine.default_profile, threshold=0.91)).faces) == 0


def test_a_profile_with_another_canvas_uses_that_canvas(engine: FaceEngine) -> None:
    profile = replace(engine.default_profile, canvas=CanvasRule(320, 320))
    image = picture()
    image[128:192, 128:192] = 255
    found = engine.analyze(image, profile=profile)
    assert found.scale == 0.5
    assert [face.width for face in found.faces] == [64]


def test_each_face_of_many_gets_what_it_would_get_alone(engine: FaceEngine) -> None:
    plan = Plan(attributes=frozenset({"landmarks106"}))
    cells = [(2, 2), (6, 6), (10, 3), (15, 15), (18, 1)]
    together = engine.analyze(picture(*cells), plan).faces
    image = picture(*cells)
    for index, (column, row) in enumerate(cells):
        alone = np.zeros_like(image)
        where = slice(row * 32, row * 32 + 32), slice(column * 32, column * 32 + 32)
        alone[where] = image[where]
        (face,) = engine.analyze(alone, plan).faces
        np.testing.assert_array_equal(face.box, together[index].box)
        np.testing.assert_array_equal(face.embedding, together[index].embedding)
        np.testing.assert_array_equal(
            np.asarray(face.attributes["landmarks106"]), np.asarray(together[index].attributes["landmarks106"])
        )


def test_an_aligned_crop_skips_detection(engine: FaceEngine) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    plan = Plan(detect=False, crops=True, attributes=frozenset({"landmarks106"}))
    found = engine.analyze(crop, plan)
    (face,) = found.faces
    np.testing.assert_array_equal(face.box, [0, 0, 112, 112])
    assert (face.score, found.scale, face.landmarks) == (1.0, 1.0, None)
    np.testing.assert_array_equal(face.crop, crop)
    assert np.asarray(face.attributes["landmarks106"]).shape == (106, 2)


def test_a_crop_of_a_face_embeds_as_the_face_does(engine: FaceEngine) -> None:
    (face,) = engine.analyze(picture((3, 2)), Plan(crops=True)).faces
    assert face.crop is not None
    (again,) = engine.analyze(face.crop, Plan(detect=False)).faces
    np.testing.assert_array_equal(again.embedding, face.embedding)


@pytest.mark.parametrize("shape", [(112, 111, 3), (224, 224, 3)])
def test_a_crop_of_another_size_is_refused(engine: FaceEngine, shape: tuple[int, int, int]) -> None:
    with pytest.raises(WrongCropSize, match=f"112x112 pixels, not {shape[1]}x{shape[0]}"):
        engine.analyze(np.zeros(shape, np.uint8), Plan(detect=False))


def test_a_picture_may_be_stretched_to_a_crop(engine: FaceEngine) -> None:
    wide = np.random.default_rng(0).integers(0, 256, (50, 300, 3), np.uint8)
    found = engine.analyze(wide, Plan(detect=False, crops=True, stretch=True))
    assert (found.width, found.height) == (300, 50)
    crop = found.faces[0].crop
    assert crop is not None
    np.testing.assert_array_equal(crop, PillowImage.fromarray(wide).resize((112, 112)))  # its default is bicubic


def test_a_profile_without_embedder_detects_but_does_not_embed(engine: FaceEngine) -> None:
    profile = replace(engine.default_profile, embedder=None)
    assert len(engine.analyze(picture((1, 1)), Plan(embeddings=False), profile).faces) == 1
    engine.prepare(profile)
    with pytest.raises(RequestError, match="no embedder"):
        engine.analyze(picture((1, 1)), Plan(), profile)


def test_a_spent_ticket_ends_the_walk(engine: FaceEngine) -> None:
    ticket = Ticket()
    ticket.cancel()
    with pytest.raises(Cancelled):
        engine.submit(picture((1, 1)), ticket=ticket).result()


def test_embedding_without_landmarks_is_refused_at_start_and_when_asked(
    engine: FaceEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vultus.detect.scrfd.Scrfd.has_landmarks", False)
    for attempt in (lambda: engine.prepare(), lambda: engine.analyze(picture())):
        with pytest.raises(SettingsError, match="no landmarks"):
            attempt()


@pytest.mark.usefixtures("three_sizes")
def test_max_faces_may_keep_those_of_which_most_is_in_the_picture(engine: FaceEngine) -> None:
    narrow = np.zeros((640, 205, 3), np.uint8)  # of the largest box 5 of 30 columns are left
    assert [face.width for face in engine.analyze(narrow, Plan(max_faces=2, rank="visible")).faces] == [20, 30]
    assert [face.width for face in engine.analyze(narrow, Plan(max_faces=2, rank="area")).faces] == [30, 20]


def test_colours_are_exchanged_for_the_networks_that_the_profile_names(engine: FaceEngine) -> None:
    image = picture((3, 2))
    image[64:96, 96:128, 2] = 30  # yellow is told from blue-green
    image[80, 112] = 255  # but the cell's centre stays bright: detection must not change
    plain, embedder = engine.default_profile, str(engine.default_profile.embedder)
    exchanged = replace(plain, exchanged=frozenset({embedder}))
    (face,) = engine.analyze(image[..., ::-1].copy(), profile=plain).faces
    (same,) = engine.analyze(image, profile=exchanged).faces
    (other,) = engine.analyze(image, profile=plain).faces
    np.testing.assert_array_equal(same.embedding, face.embedding)
    assert not np.array_equal(np.asarray(same.embedding), np.asarray(other.embedding))


def test_points_told_of_a_stretched_picture_are_in_its_pixels(engine: FaceEngine) -> None:
    plan = Plan(detect=False, embeddings=False, stretch=True, attributes=frozenset({"landmarks106"}))
    found = engine.analyze(np.zeros((560, 224, 3), np.uint8), plan)
    (face,) = found.faces
    np.testing.assert_array_equal(face.box, [0, 0, 224, 560])
    points = np.asarray(face.attributes["landmarks106"])
    # A circle around the middle of where such a crop's face has its box, 2 and 5 times as large as the crop.
    middle = (TEMPLATE_BOX[:2] + TEMPLATE_BOX[2:]) / 2 * [2, 5]
    np.testing.assert_allclose(points.mean(axis=0), middle, atol=0.01)


def jpeg(image: Image) -> bytes:
    with io.BytesIO() as file:
        PillowImage.fromarray(image).save(file, "JPEG", quality=98, subsampling=0)
        return file.getvalue()


def test_a_large_jpeg_decoded_smaller_is_told_of_in_its_own_pixels(engine: FaceEngine) -> None:
    image = np.zeros((2560, 2560, 3), np.uint8)
    image[512:640, 768:896] = 255  # on the canvas a cell of 32
    image[512:560, 768:820] = 90
    plan = Plan(attributes=frozenset({"landmarks106"}))
    whole = engine.analyze(jpeg(image), plan)
    part = engine.analyze(jpeg(image), plan, replace(engine.default_profile, scaled_decode=True))
    assert (part.width, part.height, part.scale) == (whole.width, whole.height, whole.scale) == (2560, 2560, 0.25)
    (expected,), (face,) = whole.faces, part.faces
    np.testing.assert_allclose(face.box, expected.box)
    np.testing.assert_allclose(np.asarray(face.landmarks), np.asarray(expected.landmarks), rtol=1e-6)
    points, expected_points = (np.asarray(one.attributes["landmarks106"]) for one in (face, expected))
    np.testing.assert_allclose(points, expected_points, atol=1e-2)


@pytest.mark.parametrize(("side", "reads"), [(128, 2), (250, 1)])
def test_a_large_jpeg_is_decoded_in_full_where_a_face_is_small(
    engine: FaceEngine, monkeypatch: pytest.MonkeyPatch, side: int, reads: int
) -> None:
    """The crop wants 112 pixels: of a face of 128 the half picture has 64, of one of 250 it has 125."""
    image = np.zeros((side * 20, side * 20, 3), np.uint8)
    image[side * 4 : side * 5, side * 6 : side * 7] = 255
    wanted: list[int] = []

    def read(source: bytes, limits: Limits, least: int = 0) -> Decoded:
        if source is content:  # and not another engine's
            wanted.append(least)
        return read_picture(source, limits, least)

    content = jpeg(image)
    monkeypatch.setattr("vultus.walk.read_picture", read)
    (face,) = engine.analyze(content, profile=replace(engine.default_profile, scaled_decode=True)).faces
    np.testing.assert_allclose(face.box, [side * 6, side * 4, side * 7, side * 5])
    assert wanted == [1280, 0][:reads]
