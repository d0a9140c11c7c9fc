from __future__ import annotations

import gc
import io
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image as Pillow

from vultus import Analysis, FaceEngine, Plan, load_settings
from vultus.errors import (
    CorruptPicture,
    DeviceUnavailable,
    LicenseRefused,
    NoFaceFound,
    NotReady,
    SettingsError,
    UnknownModel,
    VultusError,
    WrongCropSize,
)
from vultus.runtime.cores import available_cores
from vultus.runtime.network import Network, Runtime
from vultus.types import CanvasRule, Image, InputSpec
from vultus.zoo.catalogue import Model

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def engine() -> Iterator[FaceEngine]:
    with FaceEngine(load_settings(runtime="dummy", streams=2)) as made:
        yield made


def picture(faces: int = 1, shade: int = 0) -> Image:
    image = np.zeros((640, 640, 3), np.uint8)
    for index in range(faces):
        image[:32, index * 64 : index * 64 + 32] = 255 - index
        image[:8, index * 64 : index * 64 + 8] = shade
    return image


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("vultus-worker")}


def test_pixels_bytes_and_files_give_the_same(engine: FaceEngine, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Pillow.fromarray(picture()).save(buffer, "PNG")
    path = tmp_path / "picture.png"
    path.write_bytes(buffer.getvalue())
    answers = [engine.analyze(source).faces[0] for source in (picture(), buffer.getvalue(), path, str(path))]
    for face in answers[1:]:
        np.testing.assert_array_equal(face.box, answers[0].box)
        np.testing.assert_array_equal(face.embedding, answers[0].embedding)


def test_many_pictures_come_in_order_and_one_that_fails_is_its_error(engine: FaceEngine) -> None:
    sources = [picture(n % 4) if n != 7 else b"\x89PNG\r\n\x1a\nbroken" for n in range(40)]
    outcomes = list(engine.analyze_many(sources, Plan(embeddings=False)))
    assert isinstance(outcomes[7], CorruptPicture)
    counts = [len(outcome.faces) for outcome in outcomes if isinstance(outcome, Analysis)]
    assert counts == [n % 4 for n in range(40) if n != 7]


def test_many_pictures_are_read_as_they_are_needed(engine: FaceEngine) -> None:
    taken = 0

    def endless() -> Iterator[Image]:
        nonlocal taken
        while True:
            taken += 1
            yield picture()

    outcomes = engine.analyze_many(endless())
    for _ in range(3):
        next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert taken <= 3 + 2 * engine.workers.count + 1


def test_the_error_of_a_picture_does_not_keep_its_pixels() -> None:
    engine = FaceEngine(load_settings(runtime="dummy", streams=1))
    image = np.zeros((10, 10, 3), np.uint8)
    pixels = weakref.ref(image)
    kept = list(engine.analyze_many([image], Plan(detect=False)))
    engine.close()  # so that no worker is still on its way out of the walk
    del image
    gc.collect()
    assert isinstance(kept[0], WrongCropSize)
    assert pixels() is None


def test_detect_gives_boxes_and_landmarks_alone(engine: FaceEngine) -> None:
    faces = engine.detect(picture(3))
    assert len(faces) == 3
    assert all(face.embedding is None and face.landmarks is not None for face in faces)


def test_embed_crops_stacks_unit_vectors(engine: FaceEngine) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (20, 112, 112, 3), np.uint8)
    vectors = engine.embed_crops(crops)
    assert vectors.shape == (20, 512)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(vectors[4], engine.embed_crops([crops[4]])[0])


def test_no_crops_give_no_vectors(engine: FaceEngine) -> None:
    assert engine.embed_crops([]).shape == (0, 512)


def test_embed_crops_raises_what_a_crop_raises(engine: FaceEngine) -> None:
    with pytest.raises(WrongCropSize):
        engine.embed_crops([np.zeros((112, 112, 3), np.uint8), np.zeros((10, 10, 3), np.uint8)])


def test_a_face_compared_with_itself_is_one_and_with_another_less(engine: FaceEngine) -> None:
    assert engine.compare(picture(), picture()) == pytest.approx(1, abs=1e-6)
    assert engine.compare(picture(), picture(shade=200)) < 0.9999


@pytest.mark.parametrize(("faces", "which"), [((0, 1), "first"), ((1, 0), "second")])
def test_comparing_needs_a_face_in_each(engine: FaceEngine, faces: tuple[int, int], which: str) -> None:
    with pytest.raises(NoFaceFound, match=f"the {which} picture"):
        engine.compare(picture(faces[0]), picture(faces[1]))


def test_canvases_are_those_of_the_profile(engine: FaceEngine) -> None:
    default = engine.default_profile
    assert engine.canvases() == [default.canvas]
    second = CanvasRule(128, 128)
    assert engine.canvases(replace(default, second_canvas=second)) == [default.canvas, second]


def test_streams_are_as_set_or_one_for_each_core() -> None:
    for asked, streams in ((3, 3), (0, available_cores())):
        with FaceEngine(load_settings(runtime="dummy", streams=asked)) as made:
            assert made.streams == streams


def test_facts_are_those_of_the_profiles_networks(engine: FaceEngine) -> None:
    assert engine.facts() == {"landmarks106", "pose", "quality"}
    profile = replace(engine.default_profile, attributes=("genderage", "mask_detector"))
    assert engine.facts(profile) == {"gender", "age", "mask", "pose", "quality"}
    assert engine.facts(replace(profile, attributes=())) == {"pose", "quality"}


def test_prepare_loads_and_runs_every_network(engine: FaceEngine) -> None:
    engine.prepare()
    assert engine.default_profile.detector == "scrfd_500m_bnkps"
    assert engine.default_profile.embedder == "w600k_mbf"
    assert engine.default_profile.attributes == ("2d106det",)


@pytest.mark.parametrize(
    ("device", "shapes"), [("cpu", [(640, 640)]), ("simulated", [(640, 640), (544, 640), (640, 544)])]
)
def test_prepare_loads_every_shape_on_an_accelerator_alone(device: str, shapes: list[tuple[int, int]]) -> None:
    """A device may take minutes for one that it has not seen: not while somebody waits for an answer."""
    loaded: list[tuple[int, int]] = []

    class Watching:
        def __init__(self, runtime: Runtime) -> None:
            self._runtime = runtime

        def __getattr__(self, name: str) -> Any:
            return getattr(self._runtime, name)

        def load(self, model: Model, path: Path, spec: InputSpec) -> Network:
            if model.task == "detection":
                loaded.append((spec.width, spec.height))
            return self._runtime.load(model, path, spec)

    settings = load_settings(runtime="dummy", device=device, streams=2, aspect="picture")
    with FaceEngine(settings, lambda runtime: cast("Runtime", Watching(runtime))) as engine:
        engine.prepare()
        assert sorted(loaded) == sorted(shapes)
        for width, height in ((640, 640), (640, 480), (480, 640)):
            engine.detect(np.zeros((height, width, 3), np.uint8))
        assert sorted(loaded) == [(544, 640), (640, 544), (640, 640)]


def test_closing_ends_the_threads_and_refuses_work() -> None:
    before = threads()
    engine = FaceEngine(load_settings(runtime="dummy", streams=3))
    engine.close()
    assert threads() == before
    with pytest.raises(NotReady):
        engine.analyze(picture())


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"pack": "nonsense"}, UnknownModel),
        ({"runtime": "dummy", "detector": "nonsense"}, UnknownModel),
        ({"runtime": "dummy", "detector": "w600k_mbf"}, SettingsError),
        ({"runtime": "dummy", "license_policy": "permissive"}, LicenseRefused),
        ({"device": "abacus"}, DeviceUnavailable),
    ],
)
def test_settings_that_cannot_be_met_fail_at_start_and_leave_no_thread(
    wrong: dict[str, str], error: type[VultusError]
) -> None:
    before = threads()
    with pytest.raises(error):
        FaceEngine(load_settings(**wrong))
    assert threads() == before
