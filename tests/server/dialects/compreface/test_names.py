from __future__ import annotations

import pytest

from vultus.errors import SettingsError
from vultus.server.dialects.compreface.names import MODELS, OWN, ROLES, parse

pytestmark = pytest.mark.unit

# Contract, 3.5 to 3.11 and 3.4: plugin, slug, default network, version string.
PLUGINS = [
    ("facenet.FaceDetector", "detector", "mtcnn", "facenet.FaceDetector"),
    ("facenet.Calculator", "calculator", "20180402-114759", "facenet.Calculator"),
    ("facenet.LandmarksDetector", "landmarks", None, "facenet.LandmarksDetector"),
    ("facenet.PoseEstimator", "pose", None, "facenet.PoseEstimator"),
    ("facenet.facemask.MaskDetector", "mask", "inception_v3_on_mafa_kaggle123", "facemask.MaskDetector"),
    ("agegender.AgeDetector", "age", "22801", "agegender.AgeDetector"),
    ("agegender.GenderDetector", "gender", "21936", "agegender.GenderDetector"),
    ("insightface.FaceDetector", "detector", "retinaface_mnet025_v1", "insightface.FaceDetector"),
    ("insightface.Calculator", "calculator", "arcface_mobilefacenet", "insightface.Calculator"),
    ("insightface.LandmarksDetector", "landmarks", None, "insightface.LandmarksDetector"),
    ("insightface.Landmarks2d106Detector", "landmarks2d106", "2d106det", "insightface.Landmarks2d106Detector"),
    ("insightface.AgeDetector", "age", "genderage_v1", "insightface.AgeDetector"),
    ("insightface.GenderDetector", "gender", "genderage_v1", "insightface.GenderDetector"),
    ("insightface.PoseEstimator", "pose", None, "insightface.PoseEstimator"),
    ("insightface.facemask.MaskDetector", "mask", "mobilenet_v2_on_mafa_kaggle123", "facemask.MaskDetector"),
    ("rude_carnie.AgeDetector", "age", "22801", "rude_carnie.AgeDetector"),
    ("rude_carnie.GenderDetector", "gender", "21936", "rude_carnie.GenderDetector"),
    ("insightface.GenderAgeDetector", "gender_age", "genderage_v1", "insightface.GenderAgeDetector"),
]


@pytest.mark.parametrize(("plugin", "slug", "original", "version"), PLUGINS)
def test_plugins_of_compreface(plugin: str, slug: str, original: str | None, version: str) -> None:
    name = parse(plugin)
    assert (name.role.slug, name.original, name.version) == (slug, original, version)
    assert name.package == plugin.split(".")[0]


def test_the_table_is_whole() -> None:
    assert {name for name in MODELS if not name.startswith(f"{OWN}.")} == {plugin for plugin, *_ in PLUGINS}
    assert {f"{OWN}.{kind}" for kind in ROLES} <= MODELS.keys()


def test_a_model_that_is_given_shows_in_the_version() -> None:
    name = parse("insightface.facemask.MaskDetector@resnet18_on_mafa_kaggle123")
    assert name.version == "facemask.MaskDetector@resnet18_on_mafa_kaggle123"
    assert name.original == name.model == "resnet18_on_mafa_kaggle123"


def test_a_model_of_another_origin_is_not_theirs() -> None:
    assert parse("insightface.Calculator@w600k_r50").original is None
    assert parse("vultus.Calculator@arcface_r100_v1").original is None
    assert parse("vultus.Calculator").original is None


def test_an_empty_model_is_none() -> None:
    assert parse("facenet.Calculator@") == parse("facenet.Calculator")


@pytest.mark.parametrize("text", ["", "facenet", "Calculator", "facenet.calculator", "@w600k_mbf", "facenet.Nothing@x"])
def test_what_is_no_plugin_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(SettingsError, match=r"compreface_plugins: there is no .*facenet\.facemask\.MaskDetector"):
        parse(text)
