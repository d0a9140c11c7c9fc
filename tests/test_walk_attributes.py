"""Which attribute networks the walk asks, and what it shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.stubs import stub

from vultus.attributes import ATTRIBUTE_FAMILIES, DERIVED
from vultus.cutter import Cutter
from vultus.engine import FaceEngine
from vultus.errors import IncompatibleGraph, RequestError, SettingsError
from vultus.imaging.align import ARCFACE_TEMPLATE, TEMPLATE_BOX
from vultus.imaging.jpeg import Decoded
from vultus.settings import load_settings
from vultus.types import CropSpec, Detection, Image, Plan
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.unit

NETWORKS = "genderage,genderage_v1,mask_detector"
FACTS = frozenset({"gender", "age", "mask"})
FAMILIES = {model.family: model.name for model in Catalogue.load().models if model.task == "attributes"}

# An embedder that wants another crop than any attribute network, in the manner of FaceNet; and a family nobody has.
OTHER_EMBEDDER = stub(
    "boxed",
    "embedding",
    "arcface",
    input="{ width = 160, height = 160 }",
    crop='{ kind = "box", size = 160, scale = 1.2 }',
) + stub("palmist", "attributes", "fortune")


@pytest.fixture
def open_engine(tmp_path: Path) -> Callable[..., FaceEngine]:
    catalogue = tmp_path / "mine.toml"
    catalogue.write_text(OTHER_EMBEDDER)
    return lambda **given: FaceEngine(load_settings(**{"runtime": "dummy", "streams": 1, "models": catalogue, **given}))


def picture() -> Image:
    """Two faces of 32 x 32, whose surroundings differ in brightness: a larger crop gives another answer."""
    image = np.zeros((640, 640, 3), np.uint8)
    image[80:120, 80:120] = 150
    image[96:128, 96:128] = 255
    image[320:352, 320:352] = 230
    image[324:330, 322:350] = 10
    return image


def facts(engine: FaceEngine, plan: Plan) -> list[Mapping[str, object]]:
    return [face.attributes for face in engine.analyze(picture(), plan).faces]


def test_another_embedder_never_changes_what_attribute_networks_say(open_engine: Callable[..., FaceEngine]) -> None:
    for networks in (NETWORKS, "genderage_v1,genderage"):  # each family of gender and age has the last word once
        answers = []
        for embedder in ("w600k_mbf", "sface", "boxed"):
            with open_engine(embedder=embedder, attributes=networks) as engine:
                told = FACTS if "mask" in networks else FACTS - {"mask"}
                answers += [
                    facts(engine, Plan(attributes=told)),
                    facts(engine, Plan(embeddings=False, attributes=told)),
                ]
        assert len(answers[0]) == 2
        assert set(answers[0][0]) == told
        assert all(answer == answers[0] for answer in answers)


def without_norms(told: Mapping[str, object]) -> dict[str, object]:
    """Facts, but for the length of the embedding, which is the embedder's."""
    shown = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in told.items()}
    if isinstance(quality := shown.get("quality"), dict):
        shown["quality"] = {name: value for name, value in quality.items() if name != "norm"}
    return shown


def test_every_built_in_family_has_an_entry() -> None:
    assert set(ATTRIBUTE_FAMILIES) <= set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_another_embedder_changes_no_fact_of_any_family(open_engine: Callable[..., FaceEngine], family: str) -> None:
    told = frozenset({*ATTRIBUTE_FAMILIES[family].provides, *DERIVED})
    answers = []
    for embedder in ("w600k_mbf", "sface", "boxed"):
        with open_engine(embedder=embedder, attributes=FAMILIES[family]) as engine:
            plans = Plan(attributes=told), Plan(embeddings=False, attributes=told)
            answers += [[without_norms(face) for face in facts(engine, plan)] for plan in plans]
            profile = replace(engine.default_profile, embedder=None)
            faces = engine.analyze(picture(), plans[1], profile).faces
            answers.append([without_norms(face.attributes) for face in faces])
    assert len(answers[0]) == 2
    assert set(answers[0][0]) == told
    assert None not in answers[0][0].values()
    assert all(answer == answers[0] for answer in answers)


def test_quality_tells_the_norm_of_the_embedder_whether_or_not_embeddings_are_asked(
    open_engine: Callable[..., FaceEngine],
) -> None:
    asked = frozenset({"quality"})
    with open_engine() as engine:
        faces = engine.analyze(picture(), Plan(attributes=asked)).faces
        again = engine.analyze(picture(), Plan(embeddings=False, attributes=asked)).faces
    for face, same in zip(faces, again, strict=True):
        quality = face.attributes["quality"]
        assert isinstance(quality, dict)
        assert quality["norm"] == face.norm
        assert same.attributes["quality"] == quality
        assert same.embedding is None


def test_the_families_are_shown_crops_of_their_own(open_engine: Callable[..., FaceEngine]) -> None:
    """What makes the test above worth something: the same stand-in gives other answers on other crops."""
    ages = []
    for networks in ("genderage", "genderage_v1"):
        with open_engine(attributes=networks) as engine:
            ages.append([face["age"] for face in facts(engine, Plan(attributes=frozenset({"age"})))])
    for boxed, aligned in zip(*ages, strict=True):
        assert abs(float(str(boxed)) - float(str(aligned))) > 2


def test_of_two_networks_that_tell_the_same_only_the_last_is_run(
    open_engine: Callable[..., FaceEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("nobody asked")

    monkeypatch.setattr("vultus.attributes.genderage.GenderAge.read", fail)
    monkeypatch.setattr("vultus.attributes.mask.Mask.read", fail)
    with open_engine(attributes=NETWORKS) as engine:
        for face in facts(engine, Plan(attributes=frozenset({"age"}))):
            assert set(face) == {"age"}


def test_an_aligned_crop_is_enough_for_every_attribute(open_engine: Callable[..., FaceEngine]) -> None:
    crop = np.full((112, 112, 3), 204, np.uint8)
    with open_engine(attributes=NETWORKS) as engine:
        (face,) = engine.analyze(crop, Plan(detect=False, attributes=FACTS)).faces
    assert face.landmarks is None
    assert (face.attributes["gender"], face.attributes["age"]) == (1, 80.0)


def test_an_aligned_crop_is_enough_for_every_family(open_engine: Callable[..., FaceEngine]) -> None:
    crop = np.full((112, 112, 3), 204, np.uint8)
    for family, name in FAMILIES.items():
        told = frozenset({*ATTRIBUTE_FAMILIES[family].provides, *DERIVED})
        with open_engine(attributes=name) as engine:
            (face,) = engine.analyze(crop, Plan(detect=False, attributes=told)).faces
        assert set(face.attributes) == told


def test_an_aligned_crop_is_scaled_to_a_template_of_another_size() -> None:
    """Each pixel of a template crop twice as large is made of those of the crop that was sent, and of no border."""
    crop = np.random.default_rng(3).integers(0, 256, (112, 112, 3), np.uint8)
    larger = Cutter.of_crop(crop, CropSpec("template", 112)).cut(CropSpec("template", 224)).pixels[0]
    np.testing.assert_array_equal(larger[::2, ::2], crop)


def test_a_crop_that_was_never_aligned_does_not_do_for_what_must_be(open_engine: Callable[..., FaceEngine]) -> None:
    crop = np.full((160, 160, 3), 204, np.uint8)
    with open_engine(embedder="boxed", attributes=NETWORKS) as engine:
        (face,) = engine.analyze(crop, Plan(detect=False, attributes=frozenset({"mask"}))).faces
        assert face.attributes
        with pytest.raises(RequestError, match="not aligned"):
            engine.analyze(crop, Plan(detect=False, attributes=frozenset({"age"})))


def test_aligned_crops_without_landmarks_are_refused_at_start_and_when_asked(
    open_engine: Callable[..., FaceEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vultus.detect.scrfd.Scrfd.has_landmarks", False)
    plan = Plan(embeddings=False, attributes=frozenset({"age"}))
    with open_engine(attributes="genderage_v1") as engine:
        profile = replace(engine.default_profile, embedder=None)
        for attempt in (lambda: engine.prepare(profile), lambda: engine.analyze(picture(), plan, profile)):
            with pytest.raises(SettingsError, match="for genderage_v1"):
                attempt()


def test_a_named_network_that_cannot_be_run_stops_the_start(open_engine: Callable[..., FaceEngine]) -> None:
    with open_engine(attributes="palmist") as engine, pytest.raises(IncompatibleGraph, match="fortune"):
        engine.prepare()


def test_a_network_for_something_else_stops_the_start(open_engine: Callable[..., FaceEngine]) -> None:
    with pytest.raises(SettingsError, match="w600k_mbf is for embedding"):  # noqa: SIM117
        with open_engine(attributes="w600k_mbf") as engine:
            engine.prepare()


def test_networks_that_look_at_a_box_see_the_face_of_a_crop_and_not_the_crop() -> None:
    """The crop that would have been cut from the picture, up to what the crop that was sent does not hold."""
    scene = np.random.default_rng(5).integers(0, 256, (400, 400, 3), np.uint8)
    scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), 4), np.uint8)
    landmarks = 2 * ARCFACE_TEMPLATE[np.newaxis] + np.array([80, 60], np.float32)
    box = 2 * TEMPLATE_BOX[np.newaxis] + np.array([80, 60, 80, 60], np.float32)
    found = Detection(box, np.ones(1, np.float32), landmarks)
    aligned, boxed = CropSpec("template", 112), CropSpec("box", 96, 1.0)
    sent = Cutter(Decoded(scene, 400, 400), found).cut(aligned).pixels[0]
    seen = Cutter.of_crop(sent, aligned).cut(boxed).pixels[0].astype(float)
    meant = Cutter(Decoded(scene, 400, 400), found).cut(boxed).pixels[0].astype(float)
    held = seen.max(axis=2) > 0
    assert held.mean() > 0.9
    assert np.abs(seen - meant)[held].mean() < 5
