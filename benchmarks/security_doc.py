"""Writes the table of the hostile corpus into ``docs/security.md``: ``python -m benchmarks.security_doc``."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import places
from benchmarks.pages import written
from benchmarks.performance_doc import MISSING, Results, read_results
from benchmarks.report import figure

PAGE = places.REPOSITORY / "docs" / "security.md"
BEGIN = "<!-- corpus: written by `python -m benchmarks.security_doc` from benchmarks/results/hostile.json -->"
END = "<!-- end of corpus -->"


def table(results: Results) -> Iterator[str]:
    """What became of the corpus, by category, and the bars."""
    found = results.get("hostile")
    if found is None:
        yield f"{MISSING}: `make hostile` has to be run."
        return
    host = found["machine"]
    yield f"{host['cpu']}, {host['cores']} cores, {host['system']}; {host['date']}."
    yield ""
    yield "| category | inputs | answers, by status | slowest, s | peak memory above idle, MiB |"
    yield "|---|---:|---|---:|---:|"
    for category in found["detail"]["categories"]:
        answers = ", ".join(f"{_status(status)}: {count}" for status, count in category["answers"].items())
        yield (
            f"| {category['category']} | {category['cases']} | {answers} | {category['slowest_seconds']:.2f} | "
            f"{category['peak_memory_mib']:.0f} |"
        )
    yield ""
    yield "| bar | value | | |"
    yield "|---|---:|---:|---|"
    for row in found["rows"]:
        verdict = {None: "", True: "met", False: "**missed**"}[row["met"]]
        yield f"| {row['what']} | {figure(row['value'])} {row['unit']} | {row['bar'] or ''} | {verdict} |"
    for note in found["notes"]:
        yield ""
        yield note


def _status(status: str) -> str:
    return "closed" if status == "0" else status


def main() -> None:
    """Write the page."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), BEGIN, END, table(read_results())), encoding="utf-8")


if __name__ == "__main__":
    main()
