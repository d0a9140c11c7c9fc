"""Writes the tables of networks into ``docs/models.md``: ``python -m benchmarks.models_doc``.

They are made of the catalogue and of ``benchmarks/results/models.json``, which ``python -m benchmarks models`` writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks import places
from benchmarks.models_speed import DEFAULTS
from vultus.zoo.catalogue import Catalogue, Model, Task

PAGE = places.REPOSITORY / "docs" / "models.md"
RESULTS = places.RESULTS / "models.json"
BEGIN = "<!-- networks: written by `python -m benchmarks.models_doc` from the catalogue and the results -->"
END = "<!-- end of networks -->"

HEADINGS: Mapping[Task, str] = {
    "detection": "Detectors",
    "embedding": "Embedders",
    "attributes": "Attribute networks",
    "companion": "Parts of other networks",
}
COLUMNS = (
    *("network", "family", "input", "licence", "commercial use", "from", "hash", "published accuracy"),
    *("accuracy measured here", "time"),
)
_SHOWN_DIGITS = 8

Results: TypeAlias = Mapping[str, Mapping[str, Any]]


def page(text: str, catalogue: Catalogue, results: Results) -> str:
    """The page with its tables written anew.

    Raises:
        ValueError: The page does not have both marks, in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}")
    return f"{before}{begin}\n{tables(catalogue, results)}\n{end}{after}"


def tables(catalogue: Catalogue, results: Results) -> str:
    """A table for each task, a row for each network."""
    lines: list[str] = []
    for task, heading in HEADINGS.items():
        models = [model for model in catalogue.models if model.task == task]
        if models:
            lines += ["", f"### {heading}", "", _line(COLUMNS), _line(["---"] * len(COLUMNS))]
            lines += [_line(row(model, results.get(model.name))) for model in models]
    return "\n".join(lines) + "\n"


def row(model: Model, measured: Mapping[str, Any] | None) -> tuple[str, ...]:
    """A network as the tables show it."""
    aliases = f" ({', '.join(f'`{alias}`' for alias in model.aliases)})" if model.aliases else ""
    size = f"{model.input.width} x {model.input.height}"
    known = model.checksum
    return (
        f"`{model.name}`{aliases}",
        model.family,
        size if model.task != "detection" or not model.resizable else "any",
        model.licence,
        {True: "yes", False: "no", None: "not stated"}[model.commercial_use],
        _origin(model),
        f"{known.algorithm} `{known.digest[:_SHOWN_DIGITS]}`" if known else "none published",
        "; ".join(f"{what} {figure}" for what, figure in model.accuracy.items() if "(measured" not in figure) or "-",
        told(measured),
        _time(model, measured),
    )


def told(measured: Mapping[str, Any] | None) -> str:
    """What was measured, or why it was not."""
    if measured is None:
        return "not measured yet"
    figures: Mapping[str, float] = measured["figures"]
    return "; ".join(_figures(figures)) if figures else f"not measured: {measured['why_not']}"


def _figures(figures: Mapping[str, float]) -> Iterator[str]:
    if "found" in figures:
        noses = f"{figures['noses']:g}"
        yield f"{figures['found']:g} of {noses} noses, {_faults(figures, '')}"
        yield f"at {figures['best_threshold']:g}: {figures['best_found']:g}, {_faults(figures, 'best_')}"
    if "lfw" in figures:
        yield f"LFW {figures['lfw']:.2%}"
    if "gender" in figures:
        yield f"gender {figures['gender']:.1%} of {figures['adults']:g} adults"
    if "age" in figures:
        yield f"age {figures['age']:.1f} years off, {figures['adults']:g} adults"
    if "mask" in figures:
        yield f"mask {figures['mask']:.1%} of {figures['mask_faces']:g} faces"
    if "liveness" in figures:
        yield f"liveness right for {figures['liveness']:g} of {figures['liveness_faces']:g} (a smoke test)"


def _faults(figures: Mapping[str, float], at: str) -> str:
    return f"{figures[f'{at}false']:g} false, {figures[f'{at}doubled']:g} double"


def _time(model: Model, measured: Mapping[str, Any] | None) -> str:
    ratio = measured and measured["time_ratio"]
    if not ratio:
        return "-"
    return "1 (default)" if DEFAULTS.get(model.task) == model.name else f"{ratio:.2g}"


def _origin(model: Model) -> str:
    """Link to the project, and whether the file can be fetched."""
    name = model.source_project.removeprefix("https://").removeprefix("http://")
    link = f"[{name.removeprefix('github.com/')}]({model.source_project})" if "://" in model.source_project else name
    return link if model.sources else f"{link}; no source to fetch from"


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def read_results(path: Path = RESULTS) -> Results:
    """What was measured, by network; nothing where nothing was yet."""
    if not path.is_file():
        return {}
    found: Results = json.loads(path.read_text(encoding="utf-8"))["detail"]["models"]
    return found


def main() -> None:
    """Write the page."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page(text, Catalogue.load(), read_results()), encoding="utf-8")


if __name__ == "__main__":
    main()
