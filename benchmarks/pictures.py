"""The benchmark pictures, made from photographs that come with free packages; neither those nor these are committed.

* ``one_face.jpg``, 220 x 270: Eileen Collins, NASA, public domain; comes with scikit-image.
* ``mosaic.jpg``, 1600 x 900: 117 tiles of the seven faces of that photograph and of ``t1.jpg``, which comes with
  insightface, in varied size, place, brightness and handedness. A detector finds about 117 faces in it.
* ``six_faces.jpg``: ``t1.jpg`` itself, 1280 x 886, byte for byte.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from skimage import data as photographs

from benchmarks import places
from benchmarks.reference_client import Reference
from benchmarks.report import Report, Row
from benchmarks.subject import NETWORKS, Options
from vultus.bench.mosaic import mosaic
from vultus.types import Image

QUALITY = 90
MOSAIC = {"width": 1600, "height": 900, "columns": 13, "rows": 9}

# Faces as [x1, y1, x2, y2] in pixels, read off the photographs.
ASTRONAUT_FACE = (180, 60, 272, 180)
SIX_FACES = (
    (745, 342, 847, 480),
    (464, 266, 573, 415),
    (56, 261, 169, 398),
    (906, 59, 1011, 206),
    (1130, 273, 1227, 401),
    (270, 145, 372, 270),
)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Files of the benchmark pictures."""

    one_face: Path
    six_faces: Path
    mosaic: Path


def make(folder: Path = places.PICTURES) -> Pictures:
    """Write the pictures into ``folder``; the same bytes wherever the same JPEG encoder is used.

    Raises:
        Missing: The reference implementation, whose photograph is used, is not here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = Pictures(folder / "one_face.jpg", folder / "six_faces.jpg", folder / "mosaic.jpg")
    shutil.copyfile(places.six_faces(), made.six_faces)
    astronaut = np.asarray(photographs.astronaut(), np.uint8)
    six = _read(made.six_faces)
    made.one_face.write_bytes(_jpeg(astronaut[15:285, 115:335]))
    faces = [(six, box) for box in SIX_FACES] + [(astronaut, ASTRONAUT_FACE)]
    made.mosaic.write_bytes(_jpeg(mosaic(faces, **MOSAIC)))
    return made


def company(made: Pictures, count: int) -> list[bytes]:
    """``count`` JPEGs that all differ in size, content and number of faces: pieces of the mosaic."""
    pixels = _read(made.mosaic)
    return [_jpeg(pixels[: 120 + 20 * index, 40 * index : 40 * index + 200 + 10 * index]) for index in range(count)]


def _read(path: Path) -> Image:
    pixels = cv2.imread(str(path))
    assert pixels is not None, f"{path} cannot be read"
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def _jpeg(pixels: Image) -> bytes:
    _, content = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return content.tobytes()


def run(_: Options) -> Report:
    """Make the pictures and state what the reference implementation finds in them."""
    made = make()
    with Reference() as reference:
        found = {path: reference.analyze(path) for path in (made.one_face, made.six_faces, made.mosaic)}
    rows = []
    for path, faces in found.items():
        height, width = faces.pixels.shape[:2]
        rows.append(Row(f"{path.stem}, {width} x {height}, {path.stat().st_size} bytes: faces", len(faces.boxes)))
    return Report(
        "pictures",
        "the benchmark pictures, and the faces insightface finds in them at 640 x 640, threshold 0.5",
        rows,
        notes=[f"Made into {made.one_face.parent.relative_to(places.REPOSITORY)}/; not committed."],
        models=NETWORKS,
        versions={f"reference {name}": version for name, version in reference.versions.items()},
        detail={"sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}},
    )
