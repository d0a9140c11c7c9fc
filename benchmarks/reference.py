"""The reference implementation behind a pipe: run by the interpreter of the reference environment, never imported.

``python reference.py FOLDER CANVAS THRESHOLD``, where ``FOLDER/models/reference`` holds the network files. Answers one
JSON line with versions when ready, then one JSON line for each JSON line on standard input:

* ``{"do": "analyze", "picture": FILE, "out": NPZ, "pixels": NPY or null}``: faces into NPZ (``boxes``, ``scores``,
  ``landmarks``, ``embeddings`` and ``landmarks106``), the decoded BGR pixels into NPY; answers the number of faces.
* ``{"do": "time", "picture": FILE, "runs": N}``: seconds of each of N analyses of the decoded picture.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

import cv2
import numpy as np
import onnxruntime

warnings.simplefilter("ignore")  # insightface calls functions that its own dependencies deprecate

import insightface  # type: ignore[import-not-found,unused-ignore]  # noqa: E402
from insightface.app import FaceAnalysis  # type: ignore[import-not-found,unused-ignore]  # noqa: E402

EMBEDDING = 512  # values, of w600k_mbf


def analyze(app: Any, order: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - insightface is untyped
    pixels = cv2.imread(order["picture"])
    faces = app.get(pixels)
    np.savez(
        order["out"],
        boxes=np.array([face.bbox for face in faces], np.float32).reshape(-1, 4),
        scores=np.array([face.det_score for face in faces], np.float32),
        landmarks=np.array([face.kps for face in faces], np.float32).reshape(-1, 5, 2),
        embeddings=np.array([face.normed_embedding for face in faces], np.float32).reshape(-1, EMBEDDING),
        landmarks106=np.array([face.landmark_2d_106 for face in faces], np.float32).reshape(-1, 106, 2),
    )
    if order["pixels"]:
        np.save(order["pixels"], np.asarray(pixels))
    return {"faces": len(faces)}


def measure(app: Any, order: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    pixels = cv2.imread(order["picture"])
    seconds = []
    for _ in range(order["runs"]):
        start = time.perf_counter()
        faces = app.get(pixels)
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "faces": len(faces)}


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever the libraries print is no answer
    folder, canvas, threshold = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    app = FaceAnalysis("reference", root=folder, providers=["CPUExecutionProvider"])
    app.prepare(ctx_id=-1, det_size=(canvas, canvas), det_thresh=threshold)
    versions = {
        "insightface": insightface.__version__,
        "onnxruntime": onnxruntime.__version__,
        "opencv": cv2.__version__,
    }
    print(json.dumps({"versions": versions, "networks": sorted(app.models)}), file=answers, flush=True)
    actions = {"analyze": analyze, "time": measure}
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(actions[order["do"]](app, order)), file=answers, flush=True)


if __name__ == "__main__":
    main()
