"""The script that builds the image: what it does where it cannot, without building anything."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell"),
]

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "image_proof.sh"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder that is the whole PATH; a test adds stubs to what the script needs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "dirname", "sed", "mktemp", "rm", "cat", "sleep"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder


def stub(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!{shutil.which('sh')}\n{script}\n")
    path.chmod(0o755)


def start(programs: Path) -> subprocess.Popen[str]:
    (programs.parent / "work").mkdir()
    return subprocess.Popen(
        [programs / "sh", SCRIPT, "--build-arg", "COMPAT=compreface"],
        env={"PATH": str(programs), "TMPDIR": str(programs.parent / "work")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def prove(programs: Path) -> subprocess.CompletedProcess[str]:
    process = start(programs)
    output, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def test_without_root_it_says_so_and_makes_nothing(programs: Path) -> None:
    stub(programs, "id", "echo 1000")
    done = prove(programs)
    assert done.returncode == 1
    assert "needs root" in done.stderr
    assert not list((programs.parent / "work").iterdir())


@pytest.mark.parametrize("status", [0, 3])
def test_it_works_in_namespaces_and_leaves_nothing(programs: Path, status: int) -> None:
    stub(programs, "id", "echo 0")
    for name in ("buildah", "debootstrap"):
        stub(programs, name, "exit 99")
    stub(
        programs, "unshare", f'echo "$@"; [ -d "$IMAGE_PROOF_FOLDER" ] && : >"$IMAGE_PROOF_FOLDER/file"; exit {status}'
    )
    done = prove(programs)
    assert done.returncode == status, done.stderr
    assert {"--mount", "--pid", "--kill-child", "--mount-proc"} <= set(done.stdout.split())
    assert done.stdout.rstrip().endswith("--build-arg COMPAT=compreface")
    assert not list((programs.parent / "work").iterdir())


def test_interrupted_it_ends_what_it_started_and_leaves_nothing(programs: Path) -> None:
    stub(programs, "id", "echo 0")
    for name in ("buildah", "debootstrap"):
        stub(programs, name, "exit 99")
    stub(
        programs, "unshare", "trap '' INT TERM; echo started; exec sleep 60"
    )  # as the real one does, it waits them out
    process = start(programs)
    assert process.stdout
    assert process.stdout.readline() == "started\n"
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert not list((programs.parent / "work").iterdir())
