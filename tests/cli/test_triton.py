from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tools.make_network import make_network
from typer.testing import Result

from vultus.zoo.catalogue import Catalogue
from vultus.zoo.entry import entry

pytestmark = pytest.mark.unit


@pytest.fixture
def embedder(run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An embedder of random weights that can be had."""
    content = make_network("arcface").SerializeToString()
    model = Catalogue.load().model("w600k_mbf")
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / model.file).write_bytes(content)
    (tmp_path / "own.toml").write_text(entry(model, hashlib.sha256(content).hexdigest()), "utf-8")
    monkeypatch.setenv("VULTUS_MODELS", str(tmp_path / "own.toml"))
    monkeypatch.setenv("VULTUS_MODEL_PATH", str(tmp_path / "networks"))
    return model.name


def test_a_table_tells_what_was_written_and_where(run: Callable[..., Result], embedder: str, tmp_path: Path) -> None:
    result = run("triton", "export", "repository", "--model", embedder, "--instances", "1")
    assert result.exit_code == 0, result.stderr
    assert "w600k_mbf  112 x 112     64        f32" in result.stdout
    assert "1 models for onnxruntime on CPU in repository" in result.stdout
    assert (tmp_path / "repository/w600k_mbf/config.pbtxt").is_file()


def test_the_licence_of_weights_that_travel_is_remarked(run: Callable[..., Result], embedder: str) -> None:
    result = run("triton", "export", "repository", "--model", embedder)
    assert "w600k_mbf is under a licence of its own" in result.stderr
    assert "non-commercial research" in result.stderr


def test_json_tells_the_same(run: Callable[..., Result], embedder: str) -> None:
    result = run("triton", "export", "repository", "--model", embedder, "--max-batch", "8", "--json")
    told = json.loads(result.stdout)
    assert (told["folder"], told["platform"], told["layout"]) == ("repository", "onnxruntime", "vultus")
    (model,) = told["models"]
    assert (model["name"], model["max_batch_size"], model["commercial_use"]) == (embedder, 8, False)


def test_it_is_said_that_engines_are_still_to_be_built(run: Callable[..., Result], embedder: str) -> None:
    result = run("triton", "export", "repository", "--model", embedder, "--platform", "tensorrt", "--device", "cuda")
    assert "run build_plans.sh on the server's GPU" in result.stdout


def test_the_similarity_service_s_layout_can_be_had(run: Callable[..., Result], embedder: str) -> None:
    """Its detector is not here: what is missing shows that the service's own two networks are meant."""
    result = run("triton", "export", "repository", "--layout", "face-api")
    assert result.exit_code == 3
    assert "det_10g" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--platform", "tensorrt"], 3, "device_unavailable"),
        (["--precision", "bf16"], 3, "precision_unavailable"),
        (["--model", "nonsense"], 2, "model_unknown"),
        (["--instances", "0"], 2, "--instances"),
        (["--max-batch", "65"], 2, "--max-batch"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(
    arguments: list[str], code: int, message: str, run: Callable[..., Result], tmp_path: Path
) -> None:
    result = run("triton", "export", "repository", *arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert not (tmp_path / "repository").exists()


def test_a_folder_of_others_is_refused_unless_forced(run: Callable[..., Result], embedder: str, tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository/letter.txt").touch()
    refused = run("triton", "export", "repository", "--model", embedder)
    assert (refused.exit_code, "output_unwritable" in refused.stderr) == (2, True)
    assert run("triton", "export", "repository", "--model", embedder, "--force").exit_code == 0
    assert (tmp_path / "repository/letter.txt").exists()


def test_without_a_server_it_is_said_how_to_get_one(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    result = run("triton", "run", tmp_path)
    assert result.exit_code == 3
    assert "runtime_unavailable" in result.stderr


def test_the_server_s_exit_code_is_the_command_s(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repository/net").mkdir(parents=True)
    (tmp_path / "repository/net/config.pbtxt").touch()
    program = tmp_path / "bin/tritonserver"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.exit(5 if '--grpc-port=1234' in sys.argv else 1)\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    quiet = run("triton", "run", "repository", "--grpc-port", "1234")
    assert (quiet.exit_code, quiet.stderr) == (5, "")
    open_to_all = run("triton", "run", "repository", "--host", "0.0.0.0")
    assert open_to_all.exit_code == 1
    assert "Triton asks nobody for a key" in open_to_all.stderr
