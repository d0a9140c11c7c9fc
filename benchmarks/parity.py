"""Face by face against the reference implementation: same networks, same canvas, same threshold, f32."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks import places
from benchmarks.reference_client import Reference, ReferenceFaces
from benchmarks.report import Bar, Report, Row
from benchmarks.subject import FULL_PLAN, NETWORKS, Options, open_engine, read_picture
from vultus import FaceEngine
from vultus.evaluate import noses
from vultus.evaluate.boxes import cosines, pair
from vultus.types import Face, FloatArray


@dataclass(frozen=True, slots=True)
class Faces:
    """Faces of one picture, stacked; see ``ReferenceFaces``, which has the same arrays."""

    boxes: FloatArray
    landmarks: FloatArray
    embeddings: FloatArray
    landmarks106: FloatArray


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two analyses of one picture agree.

    Attributes:
        picture: File name.
        faces, reference_faces: How many each found.
        paired: How many faces both found.
        box_px, landmarks_px, landmarks106_px: Largest difference of a coordinate, pixels; 0 without faces.
        cosine: Least cosine similarity of a face's two embeddings; 1 without faces.
    """

    picture: str
    faces: int
    reference_faces: int
    paired: int
    box_px: float
    landmarks_px: float
    landmarks106_px: float
    cosine: float

    @property
    def same_faces(self) -> bool:
        """Whether both found the same faces."""
        return self.paired == self.faces == self.reference_faces


@dataclass(frozen=True, slots=True)
class PictureParity:
    """One picture: from the same file, and from the very pixels the reference decoded.

    Attributes:
        from_file: Both decoded the file themselves.
        from_pixels: Vultus was given the reference's pixels.
        decode_difference: Largest difference of a channel value between the two decoders, 0 to 255.
    """

    from_file: Agreement
    from_pixels: Agreement
    decode_difference: int


def against_reference(pictures: Iterable[Path], engine: FaceEngine, reference: Reference) -> list[PictureParity]:
    """Analyse each picture with both."""
    return [_picture(path, engine, reference.analyze(path)) for path in pictures]


def against_runtime(pictures: Iterable[Path], engine: FaceEngine, other: FaceEngine) -> list[Agreement]:
    """Analyse each picture on two runtimes."""
    results = []
    for path in pictures:
        content = path.read_bytes()
        theirs = other.analyze(content, FULL_PLAN).faces
        results.append(agreement(path.name, engine.analyze(content, FULL_PLAN).faces, _stack(theirs)))
    return results


def least_crop_cosine(crops: Sequence[Path], engine: FaceEngine, other: FaceEngine) -> float:
    """Least cosine similarity of the embeddings of aligned crops on two runtimes."""
    return float(cosines(engine.embed_crops(crops), other.embed_crops(crops)).min())


def agreement(picture: str, faces: Sequence[Face], reference: Faces | ReferenceFaces) -> Agreement:
    """Pair the faces up and compare them."""
    ours = _stack(faces)
    pairs = pair(ours.boxes, reference.boxes)
    mine, theirs = pairs[:, 0], pairs[:, 1]
    return Agreement(
        picture=picture,
        faces=len(ours.boxes),
        reference_faces=len(reference.boxes),
        paired=len(pairs),
        box_px=largest(ours.boxes[mine] - reference.boxes[theirs]),
        landmarks_px=largest(ours.landmarks[mine] - reference.landmarks[theirs]),
        landmarks106_px=largest(ours.landmarks106[mine] - reference.landmarks106[theirs]),
        cosine=float(cosines(ours.embeddings[mine], reference.embeddings[theirs]).min()) if len(pairs) else 1.0,
    )


def largest(difference: FloatArray) -> float:
    """Largest absolute value; 0 where there is none."""
    return float(np.abs(difference).max(initial=0.0))


def _picture(path: Path, engine: FaceEngine, theirs: ReferenceFaces) -> PictureParity:
    content = path.read_bytes()
    ours = read_picture(engine, path)
    same_size = ours.shape == theirs.pixels.shape
    return PictureParity(
        from_file=agreement(path.name, engine.analyze(content, FULL_PLAN).faces, theirs),
        from_pixels=agreement(path.name, engine.analyze(theirs.pixels, FULL_PLAN).faces, theirs),
        decode_difference=int(cv2.absdiff(ours, theirs.pixels).max()) if same_size else 255,
    )


def _stack(faces: Sequence[Face]) -> Faces:
    def rows(values: list[object], *shape: int) -> FloatArray:
        return np.array(values, np.float32).reshape(len(faces), *shape)

    return Faces(
        boxes=rows([face.box for face in faces], 4),
        landmarks=rows([face.landmarks for face in faces], 5, 2),
        embeddings=rows([face.embedding for face in faces], -1 if faces else 0),
        landmarks106=rows([face.attributes["landmarks106"] for face in faces], 106, 2),
    )


def run(options: Options) -> Report:
    """Parity with insightface, and of OpenVINO with ONNX Runtime."""
    samples = [photograph.path for photograph in noses.read(places.data("compreface_samples"))]
    crops = sorted(places.data("lfw_aligned").glob("*/*.jpg"))[: options.pick(500, 20)]
    pictures = [places.six_faces(), *samples[: options.pick(len(samples), 2)]]
    with open_engine(aspect="square") as engine:
        with Reference() as reference:
            results = against_reference(pictures, engine, reference)
        with open_engine(runtime="onnx", aspect="square") as other:
            runtimes = against_runtime(pictures, engine, other)
            crop_cosine = least_crop_cosine(crops, engine, other)
    return Report(
        "parity",
        "against insightface, 640 x 640 square canvas, f32, threshold 0.5; OpenVINO against ONNX Runtime",
        rows=[*_rows([result.from_file for result in results]), *_runtime_rows(runtimes, crop_cosine, len(crops))],
        notes=_notes(results),
        models=NETWORKS,
        versions={f"reference {name}": version for name, version in reference.versions.items()},
        detail={"pictures": [asdict(result) for result in results], "runtimes": [asdict(item) for item in runtimes]},
    )


def _rows(results: Sequence[Agreement]) -> list[Row]:
    return [
        Row("pictures", len(results)),
        Row("faces of the reference", sum(result.reference_faces for result in results)),
        Row(
            "pictures with other faces than the reference",
            sum(not result.same_faces for result in results),
            "",
            Bar("==", 0),
        ),
        Row("boxes, largest difference", max(result.box_px for result in results), "px", Bar("<=", 1)),
        Row("5 landmarks, largest difference", max(result.landmarks_px for result in results), "px", Bar("<=", 1)),
        Row("106 landmarks, largest difference", max(result.landmarks106_px for result in results), "px", Bar("<=", 1)),
        Row("embeddings, least cosine", min(result.cosine for result in results), "", Bar(">=", 0.9999)),
    ]


def _runtime_rows(results: Sequence[Agreement], crop_cosine: float, crops: int) -> list[Row]:
    return [
        Row(
            "OpenVINO / ONNX Runtime: pictures with other faces",
            sum(not item.same_faces for item in results),
            "",
            Bar("==", 0),
        ),
        Row(
            "OpenVINO / ONNX Runtime: faces, least cosine", min(item.cosine for item in results), "", Bar(">=", 0.99999)
        ),
        Row(f"OpenVINO / ONNX Runtime: {crops} LFW crops, least cosine", crop_cosine, "", Bar(">=", 0.99999)),
    ]


def _notes(results: Sequence[PictureParity]) -> list[str]:
    decode = max(result.decode_difference for result in results)
    pixels = [result.from_pixels for result in results]
    return [
        "Pictures: insightface's six-face photograph and CompreFace's samples; each side decodes the file itself.",
        f"The two decoders differ by at most {decode} of 255. Given the reference's own pixels: "
        f"boxes {max(p.box_px for p in pixels):.2g} px, 5 landmarks {max(p.landmarks_px for p in pixels):.2g} px, "
        f"106 landmarks {max(p.landmarks106_px for p in pixels):.2g} px, cosine {min(p.cosine for p in pixels):.8f}.",
    ]
