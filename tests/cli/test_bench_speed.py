"""``vultus bench server``, ``engine`` and ``network``, without weights: what is told, not how fast it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from tests.server.fleet import Fleet
from typer.testing import CliRunner, Result

from vultus.bench.server import ServerProcess
from vultus.cli.app import app
from vultus.cli.bench_options import parse_counts, parse_numbers, parse_sizes
from vultus.errors import SettingsError
from vultus.settings import Settings
from vultus.settings.keys import digest_of

Run = Callable[..., Result]

QUICK = ("--duration", "0.3", "--warm-up", "0.1")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ServerProcess(Settings(runtime="dummy", streams=2)) as server:
        server.wait_ready()
        yield server.url


@pytest.mark.integration
def test_a_server_of_its_own_is_measured(run: Run, two: Path) -> None:
    result = run("bench", "server", "--picture", two, *QUICK, "--streams", "1")
    assert result.exit_code == 0, result.output
    head, line, bound, setup = result.stdout.splitlines()
    assert head.split()[:4] == ["picture", "faces", "offered", "pictures/s"]
    assert line.split()[:3] == ["two.png", "2", "closed"]
    assert bound.startswith("two.png: bare networks, 1 threads: ")
    assert "at 640 x 640" in bound
    assert setup == "a server of its own: /v1, json; dummy on none, f32"


@pytest.mark.integration
@pytest.mark.parametrize(("api", "form"), [("v1", "multipart"), ("v1", "msgpack"), ("extract", "json")])
def test_a_running_server_is_measured_at_rates(run: Run, url: str, two: Path, api: str, form: str) -> None:
    result = run(
        *("bench", "server", url, "--picture", two, "--api", api, "--form", form),
        *("--rates", "20,40", "--per-request", 2, "--json", *QUICK),
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["setup"]["info"]["runtime"] == "dummy"
    assert [row["offered"] for row in told["results"]] == [20, 40]
    for row in told["results"]:
        assert (row["picture"], row["faces"], row["refused"], row["errors"]) == ("two.png", 2, 0, {})
        assert row["share_of_bound"] == row["pictures_per_second"] / row["bound"]["here"]
        assert row["bound"]["square"] > 0


@pytest.mark.integration
def test_a_server_that_asks_for_a_key_is_given_it(
    run: Run, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "vultus_0123456789abcdefghijklmnopqrstuv"
    alone = "from vultus.server import run as supervisor\n"
    with Fleet(tmp_path, alone, workers="1", keys=f"bench:v1:{digest_of(key)}") as fleet:
        fleet.wait_for("ready")
        command = ("bench", "server", fleet.url, "--picture", two, *QUICK)
        refused = run(*command)
        assert refused.exit_code == 3
        assert "401" in refused.stderr
        assert run(*command, "--key", key).exit_code == 0
        monkeypatch.setenv("VULTUS_BENCH_KEY", key)
        result = run(*command)
        assert result.exit_code == 0
        assert "is no setting" not in result.stderr
        assert key not in result.output


@pytest.mark.integration
def test_a_plot_needs_rates_and_finds_some(run: Run, url: str, two: Path, tmp_path: Path) -> None:
    target = tmp_path / "latency.png"
    result = run("bench", "server", url, "--picture", two, "--plot", target, "--json", *QUICK)
    assert result.exit_code == 0, result.output
    closed, *swept = json.loads(result.stdout)["results"]
    shares = [row["offered"] / closed["pictures_per_second"] for row in swept]
    assert shares == pytest.approx([0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1])
    with Image.open(target) as picture:
        assert picture.format == "PNG"


@pytest.mark.integration
def test_a_picture_that_the_server_cannot_use(run: Run, url: str, none: Path, broken: Path) -> None:
    assert run("bench", "server", url, "--picture", broken, *QUICK).exit_code == 2
    assert run("bench", "server", url, "--picture", none, *QUICK).exit_code == 0  # no face is no failure then


@pytest.mark.integration
def test_where_no_server_is(run: Run) -> None:
    result = run("bench", "server", "http://127.0.0.1:1", *QUICK)
    assert (result.exit_code, result.stdout) == (3, "")


@pytest.mark.unit
@pytest.mark.parametrize(
    "options",
    [
        ("--rates", "0"),
        ("--rates", "fast"),
        ("--api", "extract", "--form", "multipart"),
        ("--plot", "latency.jpg"),
        ("ftp://somewhere",),
    ],
)
def test_wrong_usage_is_found_before_anything_is_started(run: Run, options: tuple[str, ...]) -> None:
    result = run("bench", "server", *options)
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.unit
def test_the_engine_in_this_process(run: Run, two: Path) -> None:
    result = run("bench", "engine", two, *QUICK, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["setup"]["runtime"] == "dummy"
    (row,) = told["results"]
    assert (row["picture"], row["faces"], row["busy"]["errors"]) == ("two.png", 2, {})
    assert row["bound"]["canvases"]
    assert row["share_of_bound"] == row["busy"]["pictures_per_second"] / row["bound"]["here"]
    assert row["alone"]["latency"]["p50_ms"] > 0


@pytest.mark.unit
def test_the_engine_by_faces_and_size(run: Run, two: Path) -> None:
    result = run("bench", "engine", two, "--faces", "1,4", "--size", "320x240,640x480", *QUICK)
    assert result.exit_code == 0, result.output
    names = [line.split("  ")[0].strip() for line in result.stdout.splitlines()[1:5]]
    assert {name.removesuffix(" ") for name in names} <= {
        *("1 face, 320 x 240", "4 faces, 320 x 240", "1 face, 640 x 480", "4 faces, 640 x 480")
    }
    assert result.stdout.count("bare networks, 2 threads") == 4


@pytest.mark.unit
def test_networks_by_themselves(run: Run) -> None:
    result = run(
        *("bench", "network", "scrfd_500m_bnkps", "w600k_mbf", "--batch", "1,3"),
        *("--size", "320x192", "--duration", "0.1", "--json"),
    )
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["results"]
    assert [(row["network"], row["width"], row["height"], row["batch"]) for row in rows] == [
        *(("scrfd_500m_bnkps", 320, 192, batch) for batch in (1, 3)),
        *(("w600k_mbf", 112, 112, batch) for batch in (1, 3)),
    ]
    assert all(row["rows_per_second"] > 0 and row["threads"] == 2 for row in rows)


@pytest.mark.unit
def test_networks_as_a_table(run: Run) -> None:
    result = run("bench", "network", "w600k_mbf", "--duration", "0.1")
    head, line, setup = result.stdout.splitlines()
    assert head.split()[:4] == ["network", "input", "batch", "rows/s"]
    assert line.split()[:5] == ["w600k_mbf", "112", "x", "112", "1"]
    assert setup == "dummy on none, f32; rows/s with 2 threads"


@pytest.mark.unit
def test_a_network_that_nobody_knows(run: Run) -> None:
    assert run("bench", "network", "nobody").exit_code == 2
    assert run("bench", "network", "w600k_mbf", "--size", "1x1,2x2").exit_code == 2


@pytest.mark.unit
@pytest.mark.parametrize("command", ["server", "engine", "network", "memory"])
def test_help_fits_a_narrow_terminal_and_tells_the_exit_codes(command: str) -> None:
    output = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(app, ["bench", command, "--help"]).output
    assert max(len(line) for line in output.splitlines()) <= 80
    assert "…" not in output
    assert "Exit codes: 0" in output


@pytest.mark.unit
def test_numbers_counts_and_sizes() -> None:
    assert parse_numbers("rates", "1, 2.5", 10) == [1, 2.5]
    assert parse_counts("faces", "1,100") == [1, 100]
    assert parse_sizes("640x480, 1920X1080") == [(640, 480), (1920, 1080)]


@pytest.mark.unit
@pytest.mark.parametrize("text", ["", "0", "-1", "11", "nan", "x"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(SettingsError, match="rates"):
        parse_numbers("rates", text, 10)


@pytest.mark.unit
@pytest.mark.parametrize("text", ["", "640", "0x1", "1x2x3", "20000x1", "axb"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(SettingsError, match="size"):
        parse_sizes(text)


@pytest.mark.unit
def test_counts_are_whole() -> None:
    with pytest.raises(SettingsError, match="whole"):
        parse_counts("faces", "1.5")
