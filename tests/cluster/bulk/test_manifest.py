"""The manifest: what may be gone on with, and what may not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from vultus.cluster.bulk import manifest
from vultus.cluster.bulk.parts import Committed
from vultus.cluster.bulk.tally import Tally
from vultus.errors import OutputUnwritable, ResumeRefused

pytestmark = pytest.mark.unit

RECORD: dict[str, Any] = {
    "vultus": "1.0",
    "schema": "1",
    "source": {"digest": "d" * 64, "pictures": 3, "archives": 0},
    "names": ("photos",),
    "shard": "1/1",
    "models": {"det": {"sha256": "a" * 64, "precision": "f32"}},
    "settings": {"profile": {"canvas": {"width": 640}}, "facts": ("pose",)},
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert manifest.read(tmp_path) is None
    committed = Committed(tally=Tally(pictures=3, faces=2, archived=1), parts=2)
    written = manifest.write(tmp_path, RECORD, committed, is_complete=True)
    found = json.loads((tmp_path / "manifest.json").read_bytes())
    assert found == manifest.read(tmp_path) == json.loads(json.dumps(written))
    assert found["complete"] is True
    assert found["parts"] == 2
    assert found["counts"] == {"pictures": 3, "faces": 2, "empty": 0, "errors": {}}


def test_the_same_can_be_gone_on_with(tmp_path: Path) -> None:
    manifest.write(tmp_path, RECORD, Committed(), is_complete=False)
    begun = manifest.read(tmp_path)
    assert begun is not None
    manifest.check(tmp_path, begun, RECORD)
    manifest.check(tmp_path, begun, RECORD | {"vultus": "1.1", "names": ("./photos",)})


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("schema",), "2", 'schema was "1" and is "2"'),
        (("shard",), "1/2", 'shard was "1/1" and is "1/2"'),
        (("source", "digest"), "e" * 64, "source.digest was"),
        (("models", "det", "sha256"), "b" * 64, "models.det.sha256 was"),
        (("models", "det", "precision"), "bf16", 'models.det.precision was "f32" and is "bf16"'),
        (("models", "new"), {"sha256": None}, "models.new was null"),
        (("settings", "profile", "canvas", "width"), 320, "settings.profile.canvas.width was 640 and is 320"),
        (("settings", "facts"), (), 'settings.facts was \\["pose"\\] and is \\[\\]'),
    ],
)
def test_anything_else_is_refused_and_named(tmp_path: Path, path: tuple[str, ...], value: object, told: str) -> None:
    manifest.write(tmp_path, RECORD, Committed(), is_complete=False)
    now = copy.deepcopy(RECORD)
    place = now
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    begun = manifest.read(tmp_path)
    assert begun is not None
    with pytest.raises(ResumeRefused, match=told) as raised:
        manifest.check(tmp_path, begun, now)
    assert raised.value.code == "resume_refused"


def test_of_many_differences_some_are_named(tmp_path: Path) -> None:
    now = RECORD | {"settings": {f"name{number}": number for number in range(20)}}
    with pytest.raises(ResumeRefused, match=r"and 17 more\. Do as then"):
        manifest.check(tmp_path, RECORD, now)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_what_is_no_manifest_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(OutputUnwritable, match="name another folder"):
        manifest.read(tmp_path)
