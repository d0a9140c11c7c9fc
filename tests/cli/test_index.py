"""``vultus index``: what the command takes, says and ends with."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow import dataset
from typer.testing import CliRunner, Result

from vultus.cli.app import app

pytestmark = pytest.mark.integration

Run = Callable[..., Result]


def rows(out: Path) -> list[dict[str, object]]:
    table: list[dict[str, object]] = dataset.dataset(out / "parts").to_table().to_pylist()
    return table


def test_a_folder_becomes_a_table(run: Run, album: Path, tmp_path: Path) -> None:
    result = run("index", album, "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "4 pictures, 4 faces, 0 without a face, 1 failed (picture_corrupt 1), in 1 parts" in result.stderr
    found = rows(tmp_path / "out")
    assert [(Path(str(row["picture"])).name, row["face"], row["error"]) for row in found] == [
        ("a.png", 0, None),
        ("b.jpg", None, "picture_corrupt"),
        ("c.PNG", 0, None),
        ("c.PNG", 1, None),
        ("d.png", 0, None),
    ]
    assert found[0]["box"] == [96, 64, 128, 96]


def test_json_is_the_manifest(run: Run, album: Path, tmp_path: Path) -> None:
    result = run("index", album, "--out", tmp_path / "out", "--json", "--part-size", 2, "--facts", "pose, quality")
    said = json.loads(result.stdout)
    assert said == json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert said["settings"]["attributes"] == ["pose", "quality"]
    assert said["parts"] == 2
    assert {"pose", "quality"} == set(json.loads(str(rows(tmp_path / "out")[0]["attributes"])))


def test_options_reach_the_output(run: Run, album: Path, tmp_path: Path) -> None:
    result = run(
        "index", album / "c.PNG", album / "a.png", "--out", tmp_path / "out", "--max-faces", 1, "--vectors", "float16",
        "--shard", "1/1", "--processes", 1, "--readers", 1, "--min-face-size", 10,
    )  # fmt: skip
    assert result.exit_code == 0
    found = dataset.dataset(tmp_path / "out" / "parts").to_table()
    assert [Path(name).name for name in found["picture"].to_pylist()] == ["c.PNG", "a.png"]
    assert str(found.schema.field("embedding").type.value_type) == "halffloat"


def test_a_table_of_addresses_within_the_network_is_a_table_of_errors(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("key,url\n1,http://127.0.0.1:9/a.jpg\n2,http://localhost:9/b.jpg\n")
    result = run("index", tmp_path / "t.csv", "--out", tmp_path / "out", "--id-column", "key", "--column", "url")
    assert result.exit_code == 0
    assert [(row["picture"], row["error"]) for row in rows(tmp_path / "out")] == [
        ("1", "picture_unreachable"),
        ("2", "picture_unreachable"),
    ]
    assert all("fetch_private" in str(row["message"]) for row in rows(tmp_path / "out"))
    run("index", tmp_path / "t.csv", "--out", tmp_path / "none", "--no-fetch-urls")
    assert all("set fetch_urls" in str(row["message"]) for row in rows(tmp_path / "none"))


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["absent"], "source_invalid", 2),
        (["album", "--shard", "0/2"], "settings_invalid", 2),
        (["album", "--facts", "shoe_size"], "request_invalid", 2),
        (["album", "--detector", "nonsense"], "model_unknown", 2),
        (["album/a.png", "--out", "album/a.png"], "output_unwritable", 2),
    ],
)
def test_what_cannot_be_is_told_by_code(run: Run, album: Path, arguments: list[str], code: str, exit_code: int) -> None:
    out = [] if "--out" in arguments else ["--out", "out"]
    result = run("index", "--json", *arguments, *out)
    assert result.exit_code == exit_code
    assert json.loads(result.stderr)["error"]["code"] == code


def test_another_command_is_not_gone_on_with(run: Run, album: Path, tmp_path: Path) -> None:
    assert run("index", album, "--out", tmp_path / "out").exit_code == 0
    result = run("index", album, "--out", tmp_path / "out", "--canvas", 320)
    assert result.exit_code == 2
    assert "settings.profile.canvas.width was 640 and is 320" in result.stderr
    assert "(resume_refused)" in result.stderr


@pytest.mark.parametrize(
    ("module", "options", "told"), [("pyarrow", [], "vultus[index]"), ("ray", ["--ray", "auto"], "vultus[ray]")]
)
def test_without_the_library_it_says_how_to_get_it(
    run: Run, album: Path, monkeypatch: pytest.MonkeyPatch, module: str, options: list[str], told: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    result = run("index", album, "--out", "out", *options)
    assert (result.exit_code, f"pip install '{told}'" in result.stderr) == (3, True)


def test_help_fits_a_narrow_terminal_and_tells_the_exit_codes() -> None:
    output = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(app, ["index", "--help"]).output
    assert max(len(line) for line in output.splitlines()) <= 80
    assert "…" not in output
    assert "0 every picture has its rows" in " ".join(output.split())


def test_on_a_terminal_a_bar_shows_how_fast_it_goes(dummy: None, album: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "vultus", "index", str(album), "--out", str(tmp_path / "out")]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL, env=environment) as process:
        os.close(theirs)
        shown = b""
        while part := _read(ours):
            shown += part
    os.close(ours)
    assert process.returncode == 0
    assert b"/s" in shown
    assert b"4/4" in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how a terminal says that nobody is at its other end
        return b""
