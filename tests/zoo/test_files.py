"""The catalogue against the files themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from vultus.zoo.catalogue import Catalogue
from vultus.zoo.store import Store

pytestmark = pytest.mark.integration


def test_real_files_are_what_the_catalogue_says(shared_models: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "cache", [shared_models], offline=True)
    here = [model for model in Catalogue.load().models if (shared_models / model.file).exists()]

    assert {"scrfd_500m_bnkps", "w600k_mbf", "2d106det"} <= {model.name for model in here}
    for model, path in zip(here, store.paths(here), strict=True):
        assert path == shared_models / model.file
        assert path.stat().st_size == model.size
