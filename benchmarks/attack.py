"""The hostile corpus as a benchmark: see ``benchmarks.hostile.run``."""

from benchmarks.hostile.run import run as run
