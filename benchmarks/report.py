"""What a benchmark hands back, how it is printed and how it is kept."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from benchmarks import machine


@dataclass(frozen=True, slots=True)
class Bar:
    """What a value has to reach."""

    sense: Literal[">=", "<=", "=="]
    limit: float

    def met_by(self, value: float) -> bool:
        """Whether the value reaches the bar; NaN never does."""
        return {">=": value >= self.limit, "<=": value <= self.limit, "==": value == self.limit}[self.sense]

    def __str__(self) -> str:
        return f"{self.sense} {self.limit:.10g}"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes:
        what: Name of the figure.
        value: The figure.
        unit: Its unit; empty for ratios, counts and cosines.
        bar: What it has to reach, where something was promised.
    """

    what: str
    value: float
    unit: str = ""
    bar: Bar | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bar is reached; ``None`` without one."""
        return None if self.bar is None else self.bar.met_by(self.value)


@dataclass(frozen=True, slots=True)
class Report:
    """Outcome of one benchmark.

    Attributes:
        name: The benchmark's name on the command line.
        title: One line for the heading.
        rows: The figures.
        notes: What a reader must know to read them rightly.
        models: Catalogue names of the networks that ran.
        versions: Versions beside those of Vultus' own dependencies, as of the reference.
        detail: Everything else that was measured, for the JSON file only.
    """

    name: str
    title: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    models: Sequence[str] = ()
    versions: dict[str, str] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def missed(self) -> list[Row]:
        """Rows whose bar is not reached."""
        return [row for row in self.rows if row.met is False]

    def as_json(self, host: dict[str, Any]) -> dict[str, Any]:
        """The report with the versions and network hashes it is true for, and the machine as described."""
        return {
            "benchmark": self.name,
            "title": self.title,
            "machine": host,
            "versions": machine.versions() | self.versions,
            "models": {name: machine.model_hash(name) for name in self.models},
            "rows": [_row(row) for row in self.rows],
            "notes": list(self.notes),
            "detail": self.detail,
        }


def show(report: Report, console: Console) -> None:
    """Print the figures."""
    table = Table(title=f"{report.name}: {report.title}", title_justify="left")
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_column("bar", justify="right")
    table.add_column("", justify="center")
    for row in report.rows:
        verdict = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[row.met]
        table.add_row(row.what, f"{figure(row.value)} {row.unit}".rstrip(), str(row.bar or ""), verdict)
    console.print(table)
    for note in report.notes:
        console.print(f"  {note}", style="dim", highlight=False)


def save(report: Report, path: Path, host: dict[str, Any]) -> None:
    """Write the report as JSON, with the machine as ``machine.describe`` found it before the run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report.as_json(host), indent=2) + "\n", encoding="utf-8")


def write_table(folder: Path) -> Path:
    """Write ``README.md`` beside the JSON results of ``folder``: one table, generated from them alone."""
    lines = ["# Results", "", "Generated from the JSON files beside it by `python -m benchmarks table`; do not edit."]
    for path in sorted(folder.glob("*.json")):
        lines += ["", *_section(json.loads(path.read_text(encoding="utf-8")))]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "README.md"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def figure(value: float) -> str:
    """A figure with as many digits as it takes: counts whole, cosines near 1 in full."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e9:
        return str(int(value))
    return f"{value:.8f}" if 0.999 < abs(value) < 1 else f"{value:.4g}"


def _row(row: Row) -> dict[str, Any]:
    return asdict(row) | {"bar": str(row.bar) if row.bar else None, "met": row.met}


def _section(result: dict[str, Any]) -> list[str]:
    host = result["machine"]
    lines = [f"## {result['benchmark']}: {result['title']}", ""]
    lines += [f"{host['cpu']}, {host['cores']} cores, {host['system']}, Python {host['python']}; {host['date']}.", ""]
    lines += ["| what | value | bar | |", "|---|---:|---:|---|"]
    for row in result["rows"]:
        verdict = {None: "", True: "met", False: "**missed**"}[row["met"]]
        value = f"{figure(row['value'])} {row['unit']}".rstrip()
        lines.append(f"| {row['what']} | {value} | {row['bar'] or ''} | {verdict} |")
    return lines + [line for note in result["notes"] for line in ("", note)]
