"""Drives the reference implementation, which lives in an environment and a process of its own."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks import places
from vultus.types import FloatArray, Image

NETWORKS = ("scrfd_500m_bnkps.onnx", "w600k_mbf.onnx", "2d106det.onnx")


@dataclass(frozen=True, slots=True)
class ReferenceFaces:
    """What the reference found in one picture, by descending score.

    Attributes:
        boxes: float32 ``(n, 4)`` in picture pixels.
        scores: float32 ``(n,)``.
        landmarks: float32 ``(n, 5, 2)`` in picture pixels.
        embeddings: float32 ``(n, 512)`` of unit length.
        landmarks106: float32 ``(n, 106, 2)`` in picture pixels.
        pixels: What it decoded, as RGB.
    """

    boxes: FloatArray
    scores: FloatArray
    landmarks: FloatArray
    embeddings: FloatArray
    landmarks106: FloatArray
    pixels: Image


class Reference:
    """insightface's ``FaceAnalysis`` with the local network files on a square canvas.

    Attributes:
        versions: Versions of insightface, onnxruntime and opencv in its environment.

    Raises:
        Missing: The environment has not been made, or a network is not here.
        RuntimeError: The reference could not start; the message is what it said.
    """

    def __init__(self, canvas: int = 640, threshold: float = 0.5) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="vultus-reference-")
        self._path = Path(self._folder.name)
        networks = self._path / "models" / "reference"
        networks.mkdir(parents=True)
        for name in NETWORKS:
            (networks / name).symlink_to(places.network(name).resolve())
        script = Path(__file__).with_name("reference.py")
        self._process = subprocess.Popen(
            [places.reference_python(), script, self._path, str(canvas), str(threshold)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self.versions: dict[str, str] = self._answer()["versions"]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()  # which ends it
        self._process.wait(30)
        self._process.stdout.close()
        self._folder.cleanup()

    def analyze(self, picture: Path) -> ReferenceFaces:
        """Everything the reference finds in the file."""
        out, pixels = self._path / "faces.npz", self._path / "pixels.npy"
        self._ask({"do": "analyze", "picture": str(picture), "out": str(out), "pixels": str(pixels)})
        with np.load(out) as arrays:
            return ReferenceFaces(**arrays, pixels=np.ascontiguousarray(np.load(pixels)[:, :, ::-1]))

    def time(self, picture: Path, runs: int) -> list[float]:
        """Seconds of each of ``runs`` analyses of the file's decoded pixels."""
        return list(self._ask({"do": "time", "picture": str(picture), "runs": runs})["seconds"])

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the reference implementation ended with status {self._process.wait(30)}")
        answer: dict[str, Any] = json.loads(line)
        return answer
