"""The committed page about other products' environments is what their tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from vultus.cli.compat_doc import compat_page
from vultus.compat import PRODUCTS

pytestmark = pytest.mark.unit

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compat.md"


def test_the_committed_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == compat_page(), "run: python -m vultus.cli.compat_doc > docs/compat.md"


@pytest.mark.parametrize("product", list(PRODUCTS))
def test_each_variable_has_a_row_with_its_verdict(product: str) -> None:
    _, _, rest = compat_page().partition(f"`VULTUS_COMPAT={product}`;")
    rows = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    for variable in PRODUCTS[product].variables:
        [row] = [row for row in rows if row.startswith(f"| `{variable.name}` |")]
        assert f"**{variable.verdict}**" in row
        assert row.count("|") == 5
