"""Attribute networks on real photographs with ground truth, and on both engines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image as Picture

from benchmarks.subject import open_engine
from vultus import FaceEngine
from vultus.types import Analysis, Image, Plan
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.integration

NETWORKS = ("genderage_v1", "mask_detector")
PADDING = 60  # both sets are cut so close that hardly a face would be found in them otherwise
ADULT = 18


@pytest.fixture(scope="module")
def attribute_engine(shared_models: Path) -> Iterator[FaceEngine]:
    with open_engine(attributes=NETWORKS) as engine:
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


@pytest.fixture(scope="module")
def people(shared_data: Path, attribute_engine: FaceEngine) -> list[Person]:
    people = []
    for path, answer in largest(attribute_engine, sorted((shared_data / "utkface").glob("*.jpg")), "gender", "age"):
        age, female = (int(part) for part in path.name.split("_")[:2])
        for face in answer.faces:
            said = face.attributes
            people.append(Person(age, not female, float(str(said["age"])), said["gender"] == 1))
    return [person for person in people if person.age >= ADULT]


def stated(name: str, what: str) -> list[float]:
    """The figures of the catalogue's sentence, in order."""
    sentence = Catalogue.load().model(name).accuracy[what]
    return [float(word) for word in sentence.replace(",", " ").split() if word.replace(".", "", 1).isdigit()]


def test_gender_and_age_of_adults(people: list[Person]) -> None:
    """Above the bar, and what the catalogue says was measured; the set's own 0 is male, ours is female."""
    assert len(people) >= 150
    gender = 100 * float(np.mean([person.male == person.said_male for person in people]))
    years = float(np.mean([abs(person.age - person.said_age) for person in people]))
    assert gender >= 85
    assert years <= 9.5
    said_gender, said_years = stated("genderage_v1", "UTKFace, adults")[:2]
    assert gender == pytest.approx(said_gender, abs=1.5)
    assert years == pytest.approx(said_years, abs=0.3)


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
