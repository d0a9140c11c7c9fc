"""Running the engine over the pictures of an evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vultus.errors import PictureError, VultusError, WrongCropSize
from vultus.imaging.align import TEMPLATE_SIZE, cut_crops, face_in_crop
from vultus.imaging.decode import Limits
from vultus.imaging.source import read_pixels
from vultus.types import Analysis, CropSpec, Face, FloatArray, Image, Plan, Profile

if TYPE_CHECKING:
    from vultus.engine import FaceEngine


def look(
    engine: FaceEngine, profile: Profile, plan: Plan, paths: Sequence[Path], pad: int = 0
) -> Iterator[Analysis | PictureError]:
    """What each picture shows, in order, or why it cannot be used.

    Args:
        engine: What looks.
        profile: How.
        plan: For what.
        paths: The pictures.
        pad: Black pixels that are put around each picture, so that faces can be found that fill it.

    Raises:
        VultusError: Something that no picture is to blame for.
    """
    yield from _outcomes(engine, profile, plan, (_padded(engine, path, pad) for path in paths) if pad else paths)


def _outcomes(
    engine: FaceEngine, profile: Profile, plan: Plan, sources: Iterable[Path | Image]
) -> Iterator[Analysis | PictureError]:
    for outcome in engine.analyze_many(sources, plan, profile):
        if isinstance(outcome, VultusError) and not isinstance(outcome, PictureError):
            raise outcome
        yield outcome


def embed_crops(engine: FaceEngine, profile: Profile, paths: Sequence[Path]) -> Iterator[FloatArray]:
    """Embeddings ``(d,)`` of crops aligned as ArcFace's are, out of which is cut what the embedder wants to see.

    Raises:
        WrongCropSize: A picture has neither 112 x 112 pixels nor the size of the embedder's input.
        PictureError: One cannot be used.
    """
    wanted = engine.model(profile.embedder or "").crop
    assert wanted  # the catalogue sees to it
    side = wanted.size
    sources = (_recut(engine, path, wanted) for path in paths)
    found = _outcomes(engine, profile, Plan(detect=False, stretch=True), sources)
    for path, outcome in zip(paths, found, strict=True):
        if isinstance(outcome, PictureError):
            raise _about(path, outcome)
        if (outcome.width, outcome.height) not in {(TEMPLATE_SIZE, TEMPLATE_SIZE), (side, side)}:
            raise WrongCropSize(
                f"{path}: an aligned crop has {TEMPLATE_SIZE}x{TEMPLATE_SIZE} pixels, not "
                f"{outcome.width}x{outcome.height}; have faces detected in whole photographs."
            )
        yield np.asarray(outcome.faces[0].embedding)


def embed_faces(engine: FaceEngine, profile: Profile, paths: Sequence[Path]) -> Iterator[FloatArray | None]:
    """Embeddings ``(d,)`` of the faces that whole photographs are of: of several, the one nearest the centre.

    Yields:
        ``None`` where no face was found.

    Raises:
        PictureError: A picture cannot be used.
    """
    for path, outcome in zip(paths, look(engine, profile, Plan(), paths), strict=True):
        if isinstance(outcome, PictureError):
            raise _about(path, outcome)
        face = central(outcome)
        yield None if face is None else face.embedding


def stack(vectors: Sequence[FloatArray | None]) -> FloatArray:
    """Embeddings as float32 ``(n, d)``; zeros where there is none: it is like nobody, at similarity 0."""
    size = next((len(vector) for vector in vectors if vector is not None), 1)
    return np.array([np.zeros(size) if vector is None else vector for vector in vectors], np.float32)


def central(analysis: Analysis) -> Face | None:
    """The face nearest the picture's centre: whom the photograph is of, in sets that were cut around a face."""
    centre = np.array([analysis.width, analysis.height]) / 2
    return min(
        analysis.faces,
        key=lambda face: float(np.linalg.norm((face.box[:2] + face.box[2:]) / 2 - centre)),
        default=None,
    )


def _about(path: Path, error: PictureError) -> PictureError:
    """The error with the picture's name; what reads a file says it itself."""
    return error if str(path) in error.message else type(error)(f"{path}: {error.message}", limit=error.limit)


def _recut(engine: FaceEngine, path: Path, wanted: CropSpec) -> Image | Path:
    """What the embedder wants to see, of a crop aligned for ArcFace; any other picture as it is."""
    aligned = CropSpec("template", TEMPLATE_SIZE)
    pixels = _pixels(engine, path)
    if pixels is None or pixels.shape[:2] != (TEMPLATE_SIZE, TEMPLATE_SIZE):
        return path
    (crop,) = cut_crops(pixels, face_in_crop(aligned), wanted).pixels
    return np.asarray(crop, np.uint8)


def _padded(engine: FaceEngine, path: Path, pad: int) -> Image | Path:
    """The picture's pixels with a black border; what cannot be read goes to the engine as it is, which says so."""
    pixels = _pixels(engine, path)
    return path if pixels is None else np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)))


def _pixels(engine: FaceEngine, path: Path) -> Image | None:
    """A picture's pixels; ``None`` where it cannot be read."""
    try:
        return read_pixels(path, Limits.from_settings(engine.settings))
    except PictureError:
        return None
