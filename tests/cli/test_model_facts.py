"""What is said of a network in words."""

from __future__ import annotations

import pytest

from vultus.cli.model_facts import crop_words, facts_of, input_words, megabytes, presence
from vultus.types import CropSpec, InputSpec
from vultus.zoo.catalogue import Catalogue, Model

pytestmark = pytest.mark.unit

CATALOGUE = Catalogue.load()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (InputSpec(96, 112), "96 x 112, RGB, NCHW, pixels as they are"),
        (
            InputSpec(80, 80, (1.0, 2.0, 3.5), (2.0,) * 3, "bgr"),
            "80 x 80, BGR, NCHW, (pixel - [1, 2, 3.5]) / 2",
        ),
        (InputSpec(9, 9, layout="nhwc", whiten=True), "9 x 9, RGB, NHWC, whitened picture by picture"),
    ],
)
def test_inputs(spec: InputSpec, words: str) -> None:
    assert input_words(spec) == words


@pytest.mark.parametrize(
    ("crop", "words"),
    [
        (CropSpec("template", 112), "112 x 112, five landmarks on the ArcFace template"),
        (CropSpec("box", 96, 1.5), "96 x 96, a square of 1.5 x the box's longer side"),
        (CropSpec("inside", 80, 2.7), "80 x 80, 2.7 x the box, kept inside the picture"),
        (
            CropSpec("margins", 160, margins=(0.1, 0.2, 0.3, 0.4)),
            "160 x 160, the box with margins of 0.1 and 0.3 of its width, 0.2 and 0.4 of its height",
        ),
    ],
)
def test_crops(crop: CropSpec, words: str) -> None:
    assert crop_words(crop) == words


@pytest.mark.parametrize("model", CATALOGUE.models, ids=lambda model: model.name)
def test_every_entry_can_be_told(model: Model) -> None:
    facts = facts_of(model, None)
    assert all(facts.values())
    for figure in model.accuracy.values():
        assert figure in facts["published"] + facts["measured"]
    assert facts["path"].startswith("not here" if model.checksum else "known by name only")


def test_sizes_and_presence_of_what_is_known_by_name_only() -> None:
    model = CATALOGUE.model("arcface_resnet34")
    assert (megabytes(model), presence(model, None)) == ("-", "name only")
