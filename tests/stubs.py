"""Catalogue entries of networks that the dummy runtime plays."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

_SHAPES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "detection": {"input": "{ width = 640, height = 640 }"},
        "embedding": {
            "input": "{ width = 112, height = 112 }",
            "crop": '{ kind = "template", size = 112 }',
            "embedding_size": "512",
        },
        "attributes": {"input": "{ width = 112, height = 112 }", "crop": '{ kind = "template", size = 112 }'},
    }
)


def stub(name: str, task: str, family: str, **values: str) -> str:
    """An entry as a catalogue file has it.

    Args:
        name: Catalogue name; its own sha256 stands for the file's.
        task: What it is for.
        family: Which family's stand-in plays it.
        values: Further lines, or others than are usual for the task, as TOML writes them.
    """
    lines = {
        "task": f'"{task}"',
        "family": f'"{family}"',
        "sha256": f'"{hashlib.sha256(name.encode()).hexdigest()}"',
        "size": "1",
        "licence": '"MIT"',
        "source_project": '"https://example.org"',
        "sources": "[]",
        **_SHAPES[task],
        **values,
    }
    return "\n".join([f'[models."{name}"]', *(f"{key} = {value}" for key, value in lines.items()), ""])
