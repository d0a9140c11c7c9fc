"""A model repository as files: written beside its place first, then put there model by model, each whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import orjson

from vultus import __version__
from vultus.errors import OutputUnwritable
from vultus.outputs import writing_to

MANIFEST = "vultus.json"
"""Says what was written, and that the folder is Vultus's own. Triton looks at folders alone."""

VERSION = "1"
"""Folder of a model's only version."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A model of the repository.

    Attributes:
        name: Of its folder, and on the server.
        network: Catalogue name.
        width, height: Of its input, in pixels.
        max_batch_size: Rows that it takes at once; 0: its shapes are fixed, batch included.
        sha256: Of the network's file, as the catalogue has it.
        precision: What it computes in.
        licence: Of the weights.
        commercial_use: Whether that allows it; ``None``: not stated.
    """

    name: str
    network: str
    width: int
    height: int
    max_batch_size: int
    sha256: str
    precision: str
    licence: str
    commercial_use: bool | None


class Repository:
    """Gathers models and files beside ``folder``, which changes at ``commit`` alone. Use it in a ``with`` statement.

    Args:
        folder: The repository; made where it is not there.
        force: Also write into a folder that holds files of others: those whose names are needed are replaced.

    Raises:
        OutputUnwritable: It holds what Vultus has not written, or cannot be written.
    """

    def __init__(self, folder: Path, *, force: bool = False) -> None:
        self.folder = folder
        self.models: list[Exported] = []
        with writing_to(folder):
            there = {path.name for path in folder.iterdir()} if folder.exists() else set()
            if there and MANIFEST not in there and not force:
                raise OutputUnwritable(
                    f"{folder} holds files that `vultus triton export` has not written; name another folder, or add "
                    "--force: then what has the names that are needed is replaced."
                )
            folder.parent.mkdir(parents=True, exist_ok=True)
            self._beside = TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent)
        self._new, self._old = (Path(self._beside.name) / name for name in ("new", "old"))

    def __enter__(self) -> Self:
        self._new.mkdir()
        self._old.mkdir()
        return self

    def __exit__(self, *exc: object) -> None:
        self._beside.cleanup()

    @property
    def names(self) -> set[str]:
        """Names of the models so far."""
        return {model.name for model in self.models}

    def add(self, model: Exported, config: str, graph: bytes, *, in_python: bool) -> Path:
        """Add a model.

        Args:
            model: What it is.
            config: Its ``config.pbtxt``.
            graph: Its ONNX file's contents.
            in_python: Put the program beside it that runs it in Triton's Python backend.

        Returns:
            The ONNX file, for now.

        Raises:
            OutputUnwritable: There is no room, or no right to write.
        """
        folder = self._new / model.name / VERSION
        with writing_to(self.folder):
            folder.mkdir(parents=True)
            (folder.parent / "config.pbtxt").write_text(config, "utf-8")
            (folder / "model.onnx").write_bytes(graph)
            if in_python:
                (folder / "model.py").write_bytes((resources.files(__package__) / "model.py").read_bytes())
        self.models.append(model)
        return folder / "model.onnx"

    def write(self, name: str, text: str) -> None:
        """Add a file beside the models.

        Raises:
            OutputUnwritable: See ``add``.
        """
        with writing_to(self.folder):
            (self._new / name).write_text(text, "utf-8")

    def commit(self) -> None:
        """Put everything in its place; what an earlier export left and this one does not have goes.

        Raises:
            OutputUnwritable: See ``add``.
        """
        names = sorted(path.name for path in self._new.iterdir())
        manifest = {"vultus": __version__, "names": names, "models": list(map(asdict, self.models))}
        self.write(MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2).decode() + "\n")
        with writing_to(self.folder):
            self.folder.mkdir(exist_ok=True)
            for name in {*_written(self.folder), *names} - {MANIFEST}:
                self._replace(name)
            self._replace(MANIFEST)  # last: until then what an earlier export wrote is known to be Vultus's

    def _replace(self, name: str) -> None:
        place, new = self.folder / name, self._new / name
        if place.exists():
            place.rename(self._old / name)
        if new.exists():
            new.rename(place)


def _written(folder: Path) -> Sequence[str]:
    """Names that an earlier export put into a folder."""
    try:
        names = orjson.loads((folder / MANIFEST).read_bytes())["names"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [name for name in names if isinstance(name, str) and name == Path(name).name and name not in (".", "..")]
