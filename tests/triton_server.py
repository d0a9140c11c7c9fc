"""What tests put on a real Triton server: where to find one, the networks, and settings that name them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
from tests.needed import needed

from benchmarks import places, triton_server
from benchmarks.triton_server import Triton
from vultus.cluster.triton.server import Program
from vultus.settings import Settings
from vultus.zoo.catalogue import Catalogue
from vultus.zoo.entry import entry


def program() -> Program:
    """The server of the environment that ``make triton`` makes; without it the test is skipped, or fails if ``CI``."""
    with needed():
        return Program.find(places.triton_python())


@contextmanager
def running(repository: Path) -> Iterator[Triton]:
    """A server with a repository's models, ready."""
    with triton_server.running(program(), repository) as server:
        yield server


def settings_of(folder: Path, **given: Any) -> Settings:
    """Settings for networks whose files are in a folder; one canvas and the native API alone, unless told otherwise."""
    return Settings(**{"model_path": (folder,), "offline": True, "aspect": "square", "dialects": (), **given})


def made_up(folder: Path, networks: Mapping[str, onnx.ModelProto]) -> Path:
    """Write networks in the place of the catalogue's of these names, and ``own.toml`` which says so; the folder."""
    entries = []
    for name, network in networks.items():
        content = network.SerializeToString()
        model = Catalogue.load().model(name)
        (folder / model.file).write_bytes(content)
        entries.append(entry(model, hashlib.sha256(content).hexdigest()))
    (folder / "own.toml").write_text("\n\n".join(entries), "utf-8")
    return folder
