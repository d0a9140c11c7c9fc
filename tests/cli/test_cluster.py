from __future__ import annotations

import pytest
from typer.testing import CliRunner

from vultus.cli.app import app
from vultus.cli.options import knobs_of
from vultus.cluster import extra, run
from vultus.settings import GROUPS, Settings

pytestmark = pytest.mark.unit

WIDE = {"COLUMNS": "200", "RAY_ADDRESS": ""}


def test_help_lists_the_address_and_every_setting() -> None:
    output = CliRunner(env=WIDE).invoke(app, ["cluster", "serve", "--help"]).output
    assert "--address" in output
    assert "RAY_ADDRESS" in output
    assert all(f" {knob.flag} " in output for group in GROUPS for knob in knobs_of(group))
    assert "Exit codes: 0 stopped on request" in output


def test_options_and_address_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Settings, str]] = []

    def serve(settings: Settings, address: str) -> int:
        seen.append((settings, address))
        return 0

    monkeypatch.setattr(run, "serve", serve)
    arguments = ["cluster", "serve", "--address", "10.0.0.1:6379", "--ray-replicas", "3", "--pack", "permissive"]
    assert CliRunner(env=WIDE).invoke(app, arguments).exit_code == 0
    ((settings, address),) = seen
    assert address == "10.0.0.1:6379"
    assert (settings.ray_replicas, settings.pack) == (3, "permissive")


def test_without_an_address_it_is_that_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def serve(settings: Settings, address: str) -> int:
        seen.append(address)
        return 0

    monkeypatch.setattr(run, "serve", serve)
    CliRunner(env=WIDE).invoke(app, ["cluster", "serve"])
    CliRunner(env=WIDE | {"RAY_ADDRESS": "10.0.0.2:6379"}).invoke(app, ["cluster", "serve"])
    assert seen == ["auto", "10.0.0.2:6379"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--ray-replicas", "0"], 2, "ray_replicas"),
        (["--ray-replicas", "3", "--ray-max-replicas", "2"], 2, "ray_max_replicas"),
        (["--port", "0"], 2, "port"),
    ],
)
def test_wrong_settings_end_it(arguments: list[str], code: int, message: str) -> None:
    result = CliRunner(env=WIDE).invoke(app, ["cluster", "serve", *arguments])
    assert result.exit_code == code
    assert message in result.output


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda _: None)
    result = CliRunner(env=WIDE).invoke(app, ["cluster", "serve"])
    assert result.exit_code == 3
    assert "vultus[ray]" in result.output
