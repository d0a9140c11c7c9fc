"""Where results are written: checked before the work begins, so that no work is lost."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from vultus.cli.pictures import STDIN, Picture
from vultus.errors import OutputUnwritable
from vultus.outputs import writing_to


def check_file(path: Path, suffixes: Sequence[str]) -> None:
    """Make sure that a file of one of these kinds can be written.

    Raises:
        OutputUnwritable: The kind is another, or the place cannot be written.
    """
    if path.suffix.lower() not in suffixes:
        raise OutputUnwritable(f"{path}: the name must end in {' or '.join(suffixes)}")
    if path.is_dir():
        raise OutputUnwritable(f"{path} is a folder; name a file")
    if not path.parent.is_dir():
        raise OutputUnwritable(f"{path}: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise OutputUnwritable(f"{path}: no permission to write it")


def check_plot(path: Path) -> None:
    """See to it that a plot can be drawn into a PNG file, as ``check_file`` does.

    Raises:
        OutputUnwritable: The file cannot be written.
        ExtraMissing: There is nothing to draw with.
    """
    from vultus.evaluate.plots import check_plots

    check_file(path, (".png",))
    check_plots()


def plan_drawings(target: Path, pictures: Sequence[Picture]) -> dict[Picture, Path]:
    """The file each picture is drawn to.

    A lone picture may be drawn to a file, which has a suffix; everything else goes into a folder, made if need be.
    Below a folder the pictures keep their place and name, with ``.png`` added where drawings cannot be written in
    their format; names that meet are numbered.

    Raises:
        OutputUnwritable: The target cannot be written, or is one of the pictures.
    """
    if len(pictures) == 1 and target.suffix and not target.is_dir():
        check_drawing(target, pictures)
        return {pictures[0]: target}
    _check_folder(target)
    drawings = _below(target, pictures)
    _check_are_new(drawings.values(), pictures)
    return drawings


def check_drawing(target: Path, pictures: Sequence[Picture]) -> None:
    """Make sure that a drawing of these pictures can be written to a file.

    Raises:
        OutputUnwritable: It cannot, or the file is one of the pictures.
    """
    check_file(target, _picture_suffixes())
    _check_are_new([target], pictures)


def write_file(path: Path, content: bytes) -> None:
    """Write a file, with the folders above it.

    Raises:
        OutputUnwritable: It cannot be written.
    """
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _check_folder(folder: Path) -> None:
    if folder.is_file() or (not folder.exists() and folder.suffix.lower() in _picture_suffixes()):
        raise OutputUnwritable(f"{folder}: several pictures are drawn into a folder; name one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputUnwritable(f"{folder} cannot be made: {error.strerror or error}") from error
    if not os.access(folder, os.W_OK):
        raise OutputUnwritable(f"{folder}: no permission to write into it")


def _check_are_new(drawings: Iterable[Path], pictures: Sequence[Picture]) -> None:
    originals = {Path(picture.name).resolve() for picture in pictures if picture.name != STDIN}
    for drawing in drawings:
        if drawing.resolve() in originals:
            raise OutputUnwritable(f"{drawing} is one of the pictures and would be overwritten; draw somewhere else")


def _below(folder: Path, pictures: Sequence[Picture]) -> dict[Picture, Path]:
    drawings: dict[Picture, Path] = {}
    taken: set[Path] = set()
    suffixes = _picture_suffixes()
    for picture in pictures:
        place = picture.place
        if place.suffix.lower() not in suffixes:
            place = place.with_name(f"{place.name}.png")
        free, number = place, 2
        while free in taken:
            free, number = place.with_stem(f"{place.stem}-{number}"), number + 1
        taken.add(free)
        drawings[picture] = folder / free
    return drawings


def _picture_suffixes() -> tuple[str, ...]:
    from vultus.imaging.encode import WRITABLE_SUFFIXES  # here, because it loads the image libraries

    return WRITABLE_SUFFIXES
