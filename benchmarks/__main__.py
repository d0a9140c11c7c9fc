"""``python -m benchmarks NAME``: see ``benchmarks/README.md``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from benchmarks import machine, places, report
from benchmarks.report import Report
from benchmarks.subject import Options

MODULES: Mapping[str, str] = {
    "pictures": "pictures",
    "stages": "stages",
    "bound": "bound",
    "http": "http_load",
    "lone": "lone",
    "overload": "overload",
    "soak": "soak",
    "dialects": "dialects",
    "response": "response",
    "library": "library",
    "index": "index",
    "workers": "workers",
    "processes": "processes",
    "batching": "batching",
    "accelerator": "accelerator",
    "triton": "triton",
    "graphs": "graphs",
    "prelu": "prelu",
    "parity": "parity",
    "canvas": "canvas",
    "large": "large",
    "precision": "precision",
    "accuracy": "accuracy",
    "consistency": "consistency",
    "models": "models",
    "hostile": "attack",
    "ray": "ray",
    "kills": "kills",
}
"""Benchmark -> module with a function ``run``; imported when asked, for each has its own needs."""

NOT_IN_ALL = frozenset({"accelerator"})
"""Those that need hardware which few machines have."""


def main(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(MODULES)}, all or table.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the result as JSON (a folder for `all`).")] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Embedders whose accuracy is measured; none: all that are here.")
    ] = None,
    minutes: Annotated[int, typer.Option(min=2, help="How long `soak` loads a server.")] = 10,
    quick: Annotated[bool, typer.Option(help="Few and short runs: shows that it works, not how fast.")] = False,
) -> None:
    """Measure Vultus. Exits with 1 where a bar is missed."""
    options = Options(quick, tuple(model or ()), minutes)
    console = Console(width=None if sys.stdout.isatty() else 140)
    # What quick runs find must not be taken for results.
    kept = out or (places.REPOSITORY / "out" / "results" if quick else places.RESULTS)
    if name == "table":
        console.print(report.write_table(kept))
        return
    if name != "all" and name not in MODULES:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(MODULES)}, all or table")
    wanted = (
        {each: kept / f"{each}.json" for each in MODULES if each not in NOT_IN_ALL} if name == "all" else {name: out}
    )
    host = machine.describe()  # once, before anything runs: its load average tells whether the machine was idle
    try:
        missed = sum(_run(each, options, path, host, console) for each, path in wanted.items())
    except places.Missing as missing:
        console.print(f"[red]{escape(str(missing))}[/]")
        raise typer.Exit(2) from missing
    if name == "all":
        console.print(f"written: {report.write_table(kept)}")
    raise typer.Exit(1 if missed else 0)


def _run(name: str, options: Options, out: Path | None, host: dict[str, Any], console: Console) -> int:
    """Run one benchmark, show it, keep it; returns the number of bars missed."""
    benchmark: Callable[[Options], Report] = import_module(f"benchmarks.{MODULES[name]}").run
    with console.status(f"measuring {name}"):
        result = benchmark(options)
    report.show(result, console)
    if out is not None:
        report.save(result, out, host)
    return len(result.missed)


if __name__ == "__main__":
    typer.run(main)
