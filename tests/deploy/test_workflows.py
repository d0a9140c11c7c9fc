"""The workflows: what the linters of `make lint-deploy` do not ask."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EACH = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)


@EACH
def test_actions_are_named_by_commit_and_version(workflow: Path) -> None:
    used = re.findall(r"uses: (.*)", workflow.read_text())
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in used)


def test_one_action_has_one_version_everywhere() -> None:
    used = {tuple(line.split("@")) for path in WORKFLOWS for line in re.findall(r"uses: (.*)", path.read_text())}
    assert len({action for action, _ in used}) == len(used)


@EACH
def test_rights_are_given_job_by_job(workflow: Path) -> None:
    content = yaml.safe_load(workflow.read_text())
    assert content["permissions"] == {}
    for job in content["jobs"].values():
        assert job["permissions"]
        assert job["timeout-minutes"]


@EACH
def test_what_is_run_is_what_runs_anywhere(workflow: Path) -> None:
    assert "run: bash .ci/run\n" in workflow.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in re.findall(r"run: make (.*)", workflow.read_text()):
        assert set(line.split()) <= targets


def test_bases_are_those_of_the_dockerfiles() -> None:
    release = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    images = {image["name"]: image for image in release["jobs"]["images"]["strategy"]["matrix"]["include"]}
    for image in images.values():
        text = (ROOT / "deploy" / "docker" / image["file"]).read_text()
        assert image["base"] in text
    assert images["cpu"]["platforms"] == "linux/amd64,linux/arm64"
