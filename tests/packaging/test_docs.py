"""The documents: they point at what exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from vultus import __version__

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path for folder in (".", "docs", "docs/dialects", "docs/images", "deploy", "benchmarks")
    for path in (ROOT / folder).glob("*.md")
)  # fmt: skip


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_within_the_tree_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if not (document.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named_targets = set(re.findall(r"(?:`|^)make ([a-z-]+)", document.read_text(encoding="utf-8"), re.MULTILINE))
    assert named_targets <= targets


def test_every_page_is_linked_from_the_index_once() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    links = re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs" / "index.md").read_text(encoding="utf-8"))
    assert sorted(links) == sorted(pages)


def test_every_picture_is_named_beside_its_licence() -> None:
    folder = ROOT / "docs" / "images"
    said = (folder / "README.md").read_text(encoding="utf-8")
    assert "public domain" in said
    pictures = [path for path in folder.iterdir() if path.suffix != ".md"]
    assert pictures
    assert all(f"`{path.name}`" in said for path in pictures)


def test_the_readme_has_what_a_first_reader_needs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for needed in ("make serve", "curl ", "/v1/faces", "/extract", "non-commercial", "permissive", "docs/images/"):
        assert needed in readme


def test_the_version_is_said_once_and_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
