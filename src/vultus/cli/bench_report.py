"""What ``vultus bench server`` tells: a table or JSON, and a plot."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vultus import __version__
from vultus.cli.bench_options import milliseconds, share, tell_bound
from vultus.cli.output import print_json, print_line, print_note, print_table
from vultus.cli.targets import check_plot, write_file

if TYPE_CHECKING:
    from vultus.bench.bound import Bound
    from vultus.bench.trial import Target, Trial

COLUMNS = (
    *("picture", "faces", "offered", "pictures/s", "of bound", "of 640", "p50 ms", "p90 ms", "p99 ms", "max ms"),
    *("429", "errors", "server cores", "MiB", "peak", "load cores"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One stretch of load.

    Attributes:
        picture: What was sent.
        faces: In one picture, as the server finds them, on average.
        trial: What came of it.
        bound: Of the networks alone; ``None`` where they could not be measured.
    """

    picture: str
    faces: float
    trial: Trial
    bound: Bound | None

    @property
    def rate(self) -> float:
        """Pictures a second that were answered well."""
        return self.trial.figures.pictures_per_second

    @property
    def record(self) -> dict[str, Any]:
        """For JSON."""
        bound = self.bound
        return {
            "picture": self.picture,
            "faces": self.faces,
            **self.trial.record,
            "bound": None if bound is None else asdict(bound),
            "share_of_bound": None if bound is None else self.rate / bound.here,
            "share_of_bound_640": self.rate / bound.square if bound and bound.square else None,
            "warnings": self.trial.warnings,
        }

    @property
    def cells(self) -> tuple[str, ...]:
        """For the table."""
        trial, bound = self.trial, self.bound
        errors = ", ".join(f"{count} x {name}" for name, count in trial.figures.errors.items())
        return (
            self.picture,
            f"{self.faces:g}",
            "closed" if trial.offered is None else f"{trial.offered:.4g}",
            f"{self.rate:.4g}",
            share(self.rate, bound.here if bound else None),
            share(self.rate, bound.square if bound else None),
            *milliseconds(trial.figures.latency),
            str(trial.figures.refused),
            errors or "0",
            _figure(trial.server_cores, ".2f"),
            _figure(trial.server_mib, ".0f"),
            _figure(trial.server_peak_mib, ".0f"),
            f"{trial.generator_cores:.2f}",
        )


class Sheet:
    """Where the figures go. Whether they can is found out before anything is measured.

    Args:
        plot: PNG file to draw.
        as_json: JSON instead of a table.

    Raises:
        OutputUnwritable: The file cannot be written.
        ExtraMissing: There is nothing to draw with.
    """

    def __init__(self, plot: Path | None, as_json: bool) -> None:
        self._plot, self._as_json = plot, as_json
        self._rows: list[Row] = []
        if plot is not None:
            check_plot(plot)

    @property
    def failed(self) -> bool:
        """Whether a request failed for another reason than want of room."""
        return any(row.trial.figures.errors for row in self._rows)

    def add(self, row: Row) -> None:
        """Take a row, and warn at once where it says little."""
        self._rows.append(row)
        for warning in row.trial.warnings:
            print_note("warning", f"{row.picture}: {warning}")

    def tell(self, name: str, target: Target, told: dict[str, Any], threads: int) -> None:
        """Write it all.

        Args:
            name: Of what was measured.
            target: Where and how it was asked.
            told: What it says of itself.
            threads: That measured the bound.
        """
        how = {"server": name, "api": target.api, "form": target.form, "vultus": __version__, "info": told}
        if self._as_json:
            record = {"bench": "server", "setup": how, "results": [row.record for row in self._rows]}
            print_json(record)
        else:
            print_table(COLUMNS, [row.cells for row in self._rows])
            for picture, bound in {row.picture: row.bound for row in self._rows}.items():
                print_line(f"{picture}: {tell_bound(bound, threads)}")
            print_line(
                f"{name}: /{target.api}, {target.form}; {told['runtime']} on {told['device']}, {told['precision']}"
            )
        if self._plot is not None:
            write_file(self._plot, self._draw(f"/{target.api}, {target.form}, {told['precision']}"))

    def _draw(self, title: str) -> bytes:
        from vultus.bench.plot import Point, plot_latency

        series: dict[str, list[Point]] = {}
        bounds: dict[str, float] = {}
        for row in self._rows:
            if row.trial.offered is not None:
                series.setdefault(row.picture, []).append(Point(row.trial.offered, row.trial.figures))
            if row.bound is not None:
                bounds[f"{row.picture}: bare networks"] = row.bound.here
        return plot_latency(series, bounds, title)


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
