from __future__ import annotations

from typing import Any

import pytest

from vultus.errors import LicenseRefused
from vultus.zoo.catalogue import Catalogue
from vultus.zoo.licence import check_licence

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("commercial_use", [True, False, None])
def test_any_allows_everything(make_model: Any, commercial_use: bool | None) -> None:
    check_licence(make_model(b"", size=1, commercial_use=commercial_use), "any")


@pytest.mark.parametrize("licence", ["MIT", "Apache-2.0", "BSD-3-Clause"])
def test_permissive_allows_commercial_use(make_model: Any, licence: str) -> None:
    check_licence(make_model(b"", size=1, licence=licence, commercial_use=True), "permissive")


@pytest.mark.parametrize(
    ("licence", "commercial_use", "reason"),
    [
        ("research only", False, "does not allow commercial use"),
        ("none stated", None, "does not say whether commercial use is allowed"),
        ("GPL-3.0-only", True, "is a copyleft licence"),
        ("AGPL-3.0-only", True, "is a copyleft licence"),
    ],
)
def test_permissive_refuses_with_the_licence_and_the_way_out(
    make_model: Any, licence: str, commercial_use: bool | None, reason: str
) -> None:
    model = make_model(b"", size=1, licence=licence, commercial_use=commercial_use)
    with pytest.raises(LicenseRefused) as raised:
        check_licence(model, "permissive")
    assert f"net: its licence ({licence}) {reason}" in raised.value.message
    assert "pack `permissive`" in raised.value.message
    assert raised.value.limit == "license_policy"


def test_permissive_allows_its_pack_and_refuses_the_default_one() -> None:
    catalogue = Catalogue.load()
    for name in catalogue.pack("permissive").models:
        check_licence(catalogue.model(name), "permissive")
    for name in catalogue.pack("small").models:
        with pytest.raises(LicenseRefused):
            check_licence(catalogue.model(name), "permissive")
