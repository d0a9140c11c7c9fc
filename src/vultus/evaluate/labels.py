"""What is known of the people in pictures: age, gender, mask and whether they are there at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vultus.errors import GroundTruthError
from vultus.evaluate.files import check_folder, read_rows

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
REAL = "real"

_UTKFACE = re.compile(r"(\d+)_([01])_")  # AGE_GENDER_..., gender 0 = male
_CLASSES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "gender": {"female": ("female", "woman", "women", "f"), "male": ("male", "man", "men", "m")},
    "mask": {
        "mask": ("mask", "with_mask", "masked", "withmask"),
        "no_mask": ("no_mask", "without_mask", "unmasked", "withoutmask", "nomask"),
        "incorrect": ("incorrect", "incorrect_mask", "mask_weared_incorrect", "mask_worn_incorrectly"),
    },
    "liveness": {
        REAL: (REAL, "live", "genuine", "bona_fide", "bonafide"),
        "spoof": ("spoof", "fake", "attack", "print", "replay", "screen", "photo", "cutout", "mask_3d"),
    },
}


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of the person in a picture; ``None``: nothing.

    Attributes:
        path: The file.
        age: Years.
        gender: ``female`` or ``male``.
        mask: ``mask``, ``no_mask`` or ``incorrect``.
        liveness: ``real`` or the kind of attack.
    """

    path: Path
    age: float | None = None
    gender: str | None = None
    mask: str | None = None
    liveness: str | None = None


def read_labels(truth: str, folder: Path) -> list[Labels]:
    """Labels of the pictures below a folder.

    Args:
        truth: ``utkface``: file names ``AGE_GENDER_...``; ``folders``: the pictures lie in folders named after classes;
            or a CSV file with a column ``path`` and any of ``age``, ``gender``, ``mask`` and ``liveness``.
        folder: The pictures.

    Raises:
        GroundTruthError: They cannot be read, or tell nothing.
    """
    check_folder(folder)
    match truth:
        case "utkface":
            found = read_utkface(folder)
        case "folders":
            found = read_folders(folder)
        case _:
            if Path(truth).suffix.lower() != ".csv":
                raise GroundTruthError(f"{truth}: the truth is utkface, folders or a CSV file")
            found = read_table(Path(truth), folder)
    if not found:
        raise GroundTruthError(f"{folder}: no picture there has a label ({truth})")
    return found


def read_utkface(folder: Path) -> list[Labels]:
    """Pictures named as in UTKFace, ``AGE_GENDER_RACE_DATE``; others are left out (some of its names lack a field)."""
    named = [(path, _UTKFACE.match(path.name)) for path in _pictures(folder)]
    return [
        Labels(path, age=float(match[1]), gender="male" if match[2] == "0" else "female")
        for path, match in named
        if match is not None
    ]


def read_folders(folder: Path) -> list[Labels]:
    """Pictures in folders that are named after classes, such as ``with_mask`` or ``real``.

    A folder may be named ``spoof_`` or ``attack_`` and the kind of attack, each of which then is judged by itself.

    Raises:
        GroundTruthError: A folder's name is that of no class.
    """
    found = []
    for inner in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        fact, label = _class_of(inner.name)
        found += [replace(Labels(path), **{fact: label}) for path in _pictures(inner)]  # type: ignore[arg-type]  # no age
    return found


def read_table(path: Path, folder: Path) -> list[Labels]:
    """Rows of a CSV file; empty fields are not known.

    Raises:
        GroundTruthError: A value is not what its column needs.
    """
    return [_of_row(row, folder, f"{path}, line {number}") for number, row in enumerate(read_rows(path), 2)]


def _of_row(row: dict[str, str], folder: Path, where: str) -> Labels:
    age = row.get("age")
    try:
        years = float(age) if age else None
    except ValueError as error:
        raise GroundTruthError(f"{where}: age: {age!r} is no number") from error
    return Labels(
        folder / row["path"],
        years,
        gender=_label("gender", row, where),
        mask=_label("mask", row, where),
        liveness=_label("liveness", row, where),
    )


def _label(fact: str, row: dict[str, str], where: str) -> str | None:
    if not (value := row.get(fact)):
        return None
    label = _known(fact, value)
    if label is None:
        raise GroundTruthError(f"{where}: {fact}: {value!r} is none of {', '.join(_CLASSES[fact])}")
    return label


def _class_of(name: str) -> tuple[str, str]:
    for fact in _CLASSES:
        if label := _known(fact, name):
            return fact, label
    there = ", ".join(sorted(word for classes in _CLASSES.values() for words in classes.values() for word in words))
    raise GroundTruthError(f"the folder {name} is named after no class that is known; there are: {there}")


def _known(fact: str, name: str) -> str | None:
    """The class of that name; of an attack, its kind."""
    word = name.strip().lower().replace("-", "_").replace(" ", "_")
    label = next((label for label, words in _CLASSES[fact].items() if word in words), None)
    if fact == "liveness" and (label == "spoof" or word.startswith(("spoof_", "attack_", "fake_"))):
        return word
    return label


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
