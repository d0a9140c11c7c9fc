"""What is said where pyarrow is missing."""

from __future__ import annotations

import sys

import pytest

from vultus.cluster.extra import check_arrow
from vultus.errors import ExtraMissing

pytestmark = pytest.mark.unit


def test_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    check_arrow()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'vultus\[index\]'") as raised:
        check_arrow()
    assert raised.value.code == "extra_missing"
