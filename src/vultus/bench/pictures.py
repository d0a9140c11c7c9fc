"""What is measured with: given pictures, or ones made with so many faces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vultus.bench.mosaic import Cut, grid, mosaic
from vultus.engine import FaceEngine
from vultus.errors import NoFaceFound, PictureUnreachable, SettingsError
from vultus.imaging.decode import Limits, decode
from vultus.imaging.encode import encode_jpeg
from vultus.types import Plan

MOST_PICTURES = 64
"""That are measured with at once: each is kept in memory as the networks see it."""

QUALITY = 90

PORTRAIT_FACE = (160.0, 61.0, 251.0, 178.0)
"""The face in the portrait, ``x1, y1, x2, y2`` in its pixels, as detectors see it."""

_LEAST_TILE = 16  # pixels; no detector finds a face in less


@dataclass(frozen=True, slots=True)
class Case:
    """Pictures that are measured together.

    Attributes:
        name: For people.
        contents: The encoded pictures.
        faces: How many faces each was made with; ``None`` for given pictures.
    """

    name: str
    contents: tuple[bytes, ...]
    faces: int | None = None


def portrait() -> bytes:
    """The portrait of Eileen Collins by NASA (public domain): in a wheel beside this file, else in ``docs/images``.

    Raises:
        PictureUnreachable: Neither is here.
    """
    here = Path(__file__).resolve()
    for path in (here.with_name("portrait.jpg"), here.parents[3] / "docs" / "images" / "portrait.jpg"):
        if path.is_file():
            return path.read_bytes()
    raise PictureUnreachable("this installation lacks its portrait; name pictures with faces to measure with.")


def given_case(paths: Sequence[Path]) -> Case:
    """Pictures as they are, one after the other.

    Raises:
        PictureUnreachable: One cannot be read.
        SettingsError: They are too many.
    """
    if len(paths) > MOST_PICTURES:
        raise SettingsError(f"{len(paths)} pictures are more than the {MOST_PICTURES} that are measured with at once.")
    name = paths[0].name if len(paths) == 1 else f"{len(paths)} pictures"
    return Case(name, tuple(map(_read, paths)))


def made_cases(cuts: Sequence[Cut], faces: Sequence[int], sizes: Sequence[tuple[int, int]]) -> Iterator[Case]:
    """A JPEG of each size with each number of faces.

    Args:
        cuts: The faces to choose from.
        faces: Numbers of faces.
        sizes: Widths and heights in pixels.

    Raises:
        SettingsError: So many faces have no room in a picture of that size.
    """
    for width, height in sizes:
        for count in faces:
            columns, rows = grid(count, width, height)
            if min(width // columns, height // rows) < _LEAST_TILE:
                raise SettingsError(f"{count} faces have no room in {width} x {height} pixels; ask for fewer.")
            pixels = mosaic(cuts, width, height, columns, rows, count)
            name = f"{count} face{'s' if count > 1 else ''}, {width} x {height}"
            yield Case(name, (encode_jpeg(pixels, QUALITY),), count)


def own_cuts() -> list[Cut]:
    """The face of the portrait."""
    return [(decode(portrait()), PORTRAIT_FACE)]


def cuts_of(paths: Sequence[Path], engine: FaceEngine) -> list[Cut]:
    """The faces that the engine finds in given pictures.

    Raises:
        PictureError: A picture cannot be used.
        NoFaceFound: There are none.
    """
    limits = Limits.from_settings(engine.settings)
    cuts: list[Cut] = []
    for path in paths:
        pixels = decode(_read(path), limits)
        for face in engine.analyze(pixels, Plan(embeddings=False)).faces:
            x1, y1, x2, y2 = map(float, face.box)
            cuts.append((pixels, (x1, y1, x2, y2)))
    if not cuts:
        raise NoFaceFound("no face was found in the pictures that faces were to be taken from.")
    return cuts


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PictureUnreachable(f"{path} cannot be read: {error.strerror or error}") from error
