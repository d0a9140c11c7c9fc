"""Embedders that are named by their file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from tools.make_network import make_network

from vultus import FaceEngine
from vultus.errors import IncompatibleGraph, LicenseRefused, SettingsError, UnknownModel
from vultus.settings import Settings, load_settings
from vultus.types import CropSpec, InputSpec, Plan
from vultus.zoo.catalogue import Catalogue
from vultus.zoo.own import is_file_name, open_catalogue
from vultus.zoo.store import Store

pytestmark = pytest.mark.unit


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "my network.onnx"
    path.write_bytes(make_network("arcface_mobilefacenet").SerializeToString())
    return path


def settings(embedder: Path | str, **more: object) -> Settings:
    return load_settings(embedder=str(embedder), offline=True, streams=1, **more)


@pytest.mark.parametrize(
    ("name", "is_file"),
    [("w600k_mbf", False), ("det_2.5g", False), ("my.onnx", True), ("./w600k_mbf", True), ("/a/b", True)],
)
def test_a_file_s_name_is_told_from_a_network_s(name: str, is_file: bool) -> None:
    assert is_file_name(name) is is_file


def test_the_entry_is_arcface_s_and_states_no_licence(network: Path, tmp_path: Path) -> None:
    asked = settings(network)
    model = open_catalogue(asked).model(str(network))
    assert (model.name, model.family, model.task) == ("my_network", "arcface", "embedding")
    assert model.input == InputSpec(112, 112, mean=(127.5,) * 3, std=(127.5,) * 3)
    assert model.crop == CropSpec("template", 112)
    assert (model.embedding_size, model.licence, model.commercial_use) == (None, "not stated", None)
    assert model.sha256 == hashlib.sha256(network.read_bytes()).hexdigest()
    assert Store(tmp_path / "cache").path(model) == network


def test_nobody_but_the_settings_can_name_a_file(network: Path) -> None:
    other = network.with_name("other.onnx")
    other.write_bytes(b"x")
    catalogue = open_catalogue(settings(network))
    assert catalogue.model("my_network") is catalogue.model(str(network))
    with pytest.raises(UnknownModel):
        catalogue.model(str(other))


def test_a_relative_name_is_that_of_the_working_folder(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(network.parent)
    assert open_catalogue(settings(network.name)).model("my_network").file == str(network)


def test_a_name_that_is_taken_is_told_apart_by_the_hash(tmp_path: Path) -> None:
    path = tmp_path / "sface.onnx"
    path.write_bytes(b"x")
    model = open_catalogue(settings(path)).model(str(path))
    assert model.name == f"sface-{hashlib.sha256(b'x').hexdigest()[:8]}"


def test_a_file_that_the_catalogue_knows_is_that_network(tmp_path: Path) -> None:
    catalogue_file, path = tmp_path / "mine.toml", tmp_path / "renamed.onnx"
    path.write_bytes(b"known")
    catalogue_file.write_text(
        '[models.known]\ntask = "embedding"\nfamily = "sface"\nlicence = "MIT"\ncommercial_use = true\n'
        f'sha256 = "{hashlib.sha256(b"known").hexdigest()}"\nsource_project = "us"\nsources = []\n'
        'input = { width = 112, height = 112 }\ncrop = { kind = "template", size = 112 }\nembedding_size = 128\n'
    )
    model = open_catalogue(settings(path, models=str(catalogue_file))).model(str(path))
    assert (model.name, model.family, model.licence) == ("known", "sface", "MIT")
    assert Store(tmp_path / "cache").path(model) == path


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match=r"embedder: the file /not/here\.onnx cannot be read: No such file"):
        open_catalogue(settings("/not/here.onnx"))


def test_without_a_file_the_catalogue_is_the_usual_one() -> None:
    names = [model.name for model in open_catalogue(load_settings()).models]
    assert names == [model.name for model in Catalogue.load().models]


class TestInTheEngine:
    @pytest.mark.parametrize("runtime", ["openvino", "onnx"])
    def test_it_embeds_and_its_length_is_what_it_answers(self, network: Path, runtime: str) -> None:
        with FaceEngine(settings(network, runtime=runtime)) as engine:
            crops = np.random.default_rng(1).integers(0, 256, (3, 112, 112, 3), np.uint8)
            vectors = engine.embed_crops(list(crops))
        assert vectors.shape == (3, 128)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)

    def test_the_licence_policy_counts(self, network: Path) -> None:
        with pytest.raises(LicenseRefused, match="its licence \\(not stated\\)"):
            FaceEngine(settings(network, pack="permissive", license_policy="permissive"))

    @pytest.mark.parametrize(
        ("signature", "said"),
        [
            ("genderage", "3 values a face, too few"),
            ("mask_detector112", "shape|too few"),
            ("scrfd_kps", r"answers with shape \(1, 392, 1\)"),
        ],
    )
    @pytest.mark.parametrize("runtime", ["openvino", "onnx"])
    def test_another_network_is_refused(self, tmp_path: Path, signature: str, said: str, runtime: str) -> None:
        path = tmp_path / "other.onnx"
        path.write_bytes(make_network(signature).SerializeToString())
        with FaceEngine(settings(path, runtime=runtime)) as engine, pytest.raises(IncompatibleGraph, match=said):
            engine.analyze(np.zeros((112, 112, 3), np.uint8), Plan(detect=False))

    def test_what_is_no_network_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "text.onnx"
        path.write_text("no network")
        with FaceEngine(settings(path)) as engine, pytest.raises(IncompatibleGraph, match=r"text\.onnx"):
            engine.analyze(np.zeros((112, 112, 3), np.uint8), Plan(detect=False))
