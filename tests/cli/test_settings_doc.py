"""The committed page of settings is what the settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from vultus.cli.settings_doc import settings_page
from vultus.settings import Settings, variable_of

pytestmark = pytest.mark.unit

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_the_committed_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == settings_page(), (
        "run: python -m vultus.cli.settings_doc > docs/settings.md"
    )


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_each_setting_has_a_row(name: str) -> None:
    rows = [line for line in settings_page().splitlines() if f"`{variable_of(name)}`" in line]
    assert len(rows) == 1
    assert rows[0].count("|") - rows[0].count("\\|") == 6


def test_the_page_does_not_depend_on_who_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings_page()
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    monkeypatch.setenv("VULTUS_CANVAS", "320")
    assert settings_page() == before
