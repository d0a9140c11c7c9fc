from __future__ import annotations

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from tests.triton_server import made_up, settings_of
from tools.make_network import make_network

from vultus.cluster.triton.config import Deployment
from vultus.cluster.triton.export import Export
from vultus.cluster.triton.repository import Exported
from vultus.errors import IncompatibleGraph, LicenseRefused, ModelUnavailable, UnknownModel
from vultus.settings import Settings
from vultus.zoo.catalogue import Catalogue
from vultus.zoo.entry import entry

pytestmark = pytest.mark.unit

NETWORKS = {"scrfd_500m_bnkps": "scrfd_kps", "w600k_mbf": "arcface", "2d106det": "landmarks106"}
CPU = Deployment.of("onnxruntime", "cpu", 1)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with networks of random weights that play the default pack, and a catalogue that says so."""
    made = {name: make_network(signature) for name, signature in NETWORKS.items()}
    return made_up(tmp_path_factory.mktemp("networks"), made)


@pytest.fixture(scope="module")
def settings(networks: Path) -> Settings:
    return settings_of(networks, models=(networks / "own.toml",), canvas=64)


def export(settings: Settings, folder: Path, *names: str, deployment: Deployment = CPU) -> list[Exported]:
    with Export(settings, folder, deployment, deployment.form("f32", 64)) as exporter:
        for step in exporter.steps(names):
            step.run()
        return exporter.finish()


def test_everything_that_a_server_loads_is_exported(settings: Settings, networks: Path, tmp_path: Path) -> None:
    models = {model.name: model for model in export(settings, tmp_path / "repository")}
    assert set(models) == {"scrfd_500m_bnkps_64x64", "w600k_mbf", "2d106det"}
    for model in models.values():
        content = (networks / f"{model.network}.onnx").read_bytes()
        assert (model.sha256, model.precision) == (hashlib.sha256(content).hexdigest(), "f32")
        onnx.checker.check_model(str(tmp_path / f"repository/{model.name}/1/model.onnx"))


def test_each_canvas_is_a_model_and_none_comes_twice(settings: Settings, tmp_path: Path) -> None:
    """CompreFace never enlarges, so that a canvas may be short on both sides; all else the profiles share."""
    more = {"aspect": "picture", "canvas": 320, "dialects": ("compreface",), "compreface_length": 320}
    names = [model.name for model in export(settings.model_copy(update=more), tmp_path / "repository")]
    canvases = [f"scrfd_500m_bnkps_{size}" for size in ("320x320", "320x288", "288x320", "288x288")]
    assert sorted(names) == sorted([*canvases, "w600k_mbf", "2d106det"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("scrfd_500m_bnkps", "scrfd_500m_bnkps_64x64"), ("w600k_mbf", "w600k_mbf"), ("2d106det", "2d106det")],
)
def test_a_network_that_is_named_comes_alone(name: str, expected: str, settings: Settings, tmp_path: Path) -> None:
    assert [model.name for model in export(settings, tmp_path / "repository", name)] == [expected]


def test_colours_that_are_exchanged_need_no_other_model(settings: Settings, tmp_path: Path) -> None:
    with Export(settings, tmp_path / "repository", CPU, CPU.form("f32", 64)) as exporter:
        used = exporter.engine.default_profile
        swapped = replace(used, name="swapped", exchanged=frozenset({"w600k_mbf"}))
        for step in exporter.engine.warm_ups(used, swapped, every_shape=True):
            step.run()
        graphs = [model.name for model in exporter.finish()]
    assert graphs.count("w600k_mbf") == 1


def test_models_in_python_pin_what_they_need(settings: Settings, tmp_path: Path) -> None:
    deployment = Deployment.of("python", "cpu", 1, "onnxruntime")
    export(settings, tmp_path / "repository", "w600k_mbf", deployment=deployment)
    text = (tmp_path / "repository/requirements.txt").read_text().splitlines()
    assert "numpy<2" in text
    assert any(line.startswith("onnxruntime==") for line in text)
    assert (tmp_path / "repository/w600k_mbf/1/model.py").is_file()


def test_engines_of_tensorrt_are_made_by_a_script(settings: Settings, tmp_path: Path) -> None:
    """The script is run, with a program in trtexec's place that writes the file it is told to."""
    export(settings, tmp_path / "repository", "w600k_mbf", deployment=Deployment.of("tensorrt", "cuda"))
    trtexec = tmp_path / "trtexec"
    trtexec.write_text('#!/bin/sh\nfor word; do case $word in --saveEngine=*) : >"${word#*=}";; esac; done\n')
    trtexec.chmod(0o755)
    subprocess.run(
        ["/bin/sh", tmp_path / "repository/build_plans.sh"], env={"TRTEXEC": str(trtexec)}, cwd=tmp_path, check=True
    )
    assert (tmp_path / "repository/w600k_mbf/1/model.plan").is_file()


def test_a_network_that_is_not_known_leaves_nothing_behind(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UnknownModel):
        export(settings, tmp_path / "repository", "nonsense")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_had_leaves_nothing_behind(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        export(settings, tmp_path / "repository", "w600k_r50")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", [(), ("w600k_mbf",)])
def test_a_policy_may_refuse_the_weights(names: tuple[str, ...], settings: Settings, tmp_path: Path) -> None:
    strict = settings.model_copy(update={"license_policy": "permissive"})
    with pytest.raises(LicenseRefused):
        export(strict, tmp_path / "repository", *names)
    assert list(tmp_path.iterdir()) == []


def test_a_graph_of_another_family_is_noticed(networks: Path, tmp_path: Path) -> None:
    """What is exported is run as a server would: an embedder's file is no detector."""
    model = Catalogue.load().model("scrfd_500m_bnkps")
    content = (networks / "w600k_mbf.onnx").read_bytes()
    (tmp_path / "scrfd_500m_bnkps.onnx").write_bytes(content)
    (tmp_path / "own.toml").write_text(entry(model, hashlib.sha256(content).hexdigest()), "utf-8")
    mixed = settings_of(tmp_path, models=(tmp_path / "own.toml",), canvas=128)
    with pytest.raises(IncompatibleGraph):
        export(mixed, tmp_path / "repository", "scrfd_500m_bnkps")
