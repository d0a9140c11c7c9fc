"""Families that other packages bring by entry point."""

from __future__ import annotations

import hashlib
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from tools.make_network import make_network

from vultus import FaceEngine, detect, embed
from vultus.errors import PluginBroken
from vultus.families import Families
from vultus.settings import load_settings

pytestmark = pytest.mark.unit

DOCUMENTED = Path(__file__).resolve().parents[1] / "docs" / "models.md"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages: what is put there can be imported, and its entry points are seen."""
    folder, known = tmp_path / "installed", set(sys.modules)
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in set(sys.modules) - known:
        del sys.modules[name]


def install(folder: Path, package: str, module: str, entry_points: str) -> None:
    """Put a package there, as an installer would."""
    (folder / f"{package}_module.py").write_text(module)
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)


def fresh() -> Families[object]:
    return Families("vultus.tests", {"own": str.upper})


def point(name: str, target: str) -> str:
    return f"[vultus.tests]\n{name} = {target}\n"


def test_without_packages_there_are_the_built_in_families() -> None:
    families = fresh()
    assert (list(families), len(families), families["own"]) == (["own"], 1, str.upper)
    assert "other" not in families
    assert families.get("other") is None


def test_a_package_s_family_is_imported_when_it_is_asked_for(installed: Path) -> None:
    install(installed, "faces", "def make(parts):\n    return parts\n", point("new", "faces_module:make"))
    families = fresh()
    assert list(families) == ["own", "new"]
    assert "new" in families
    assert "faces_module" not in sys.modules
    make = families["new"]
    assert callable(make)
    assert make("parts") == "parts"


def test_a_built_in_family_cannot_be_replaced(installed: Path) -> None:
    install(installed, "faces", "def make(parts):\n    return parts\n", point("own", "faces_module:make"))
    assert fresh()["own"] == str.upper


@pytest.mark.parametrize(
    ("module", "target", "said"),
    [
        ("import not_installed_anywhere", "faces_module:make", "ModuleNotFoundError: No module named 'not_installed"),
        ("raise RuntimeError('no GPU')", "faces_module:make", "RuntimeError: no GPU"),
        ("", "faces_module:make", "AttributeError"),
        ("make = 3", "faces_module:make", "is nothing that can be called"),
    ],
)
def test_a_broken_package_is_named(installed: Path, module: str, target: str, said: str) -> None:
    install(installed, "faces", module, point("new", target))
    families = fresh()
    assert "new" in families
    with pytest.raises(PluginBroken, match=said):
        families["new"]
    with pytest.raises(PluginBroken, match=r"faces 1\.0"):
        families["new"]


def test_a_family_that_two_packages_register_is_refused(installed: Path) -> None:
    for package in ("faces", "visages"):
        install(installed, package, "def make(parts): ...\n", point("new", f"{package}_module:make"))
    with pytest.raises(PluginBroken, match=r"by the package .* 1\.0 and by the package .* 1\.0"):
        fresh()["new"]


class TestTheDocumentedExample:
    @pytest.fixture
    def blocks(self) -> Mapping[str, str]:
        """The example's files, by language."""
        text = DOCUMENTED.read_text("utf-8").partition("## Families of your own")[2]
        parts = text.split("```")[1::2]
        return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}

    def test_it_runs(
        self, installed: Path, tmp_path: Path, blocks: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registered = tomllib.loads(blocks["toml"])["project"]["entry-points"]
        lines = [
            f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
            for group, points in registered.items()
        ]
        install(installed, "flipped", blocks["python"], "\n".join(lines))
        (installed / "flipped_module.py").rename(installed / "flipped_faces.py")
        monkeypatch.setitem(vars(embed.EMBEDDER_FAMILIES), "_brought", Families("vultus.embedders", {})._brought)
        network = make_network("arcface").SerializeToString()
        (tmp_path / "my_embedder.onnx").write_bytes(network)
        catalogue = tmp_path / "mine.toml"
        catalogue.write_text(
            '[models.my_embedder]\ntask = "embedding"\nfamily = "flipped"\nlicence = "MIT"\nsource_project = "us"\n'
            f'sha256 = "{hashlib.sha256(network).hexdigest()}"\nsources = []\n'
            "input = { width = 112, height = 112, mean = [127.5, 127.5, 127.5], std = [127.5, 127.5, 127.5] }\n"
            'crop = { kind = "template", size = 112 }\n'
        )
        given = load_settings(
            models=str(catalogue), model_path=str(tmp_path), embedder="my_embedder", offline=True, streams=1
        )
        crop = np.random.default_rng(5).integers(0, 256, (112, 112, 3), np.uint8)
        with FaceEngine(given) as engine:
            vectors = engine.embed_crops([crop, np.ascontiguousarray(crop[:, ::-1])])
        np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-5)  # the sum over both ways round


def test_the_groups_are_the_documented_ones() -> None:
    text = DOCUMENTED.read_text("utf-8")
    for group in ("vultus.detectors", "vultus.embedders", "vultus.attributes"):
        assert f"`{group}`" in text
    assert "scrfd" in detect.DETECTOR_FAMILIES
