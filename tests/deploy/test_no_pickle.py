"""Nothing that is read can run code: no module here unpickles what comes from outside.

Processes of one server do talk by pickle, inside ``multiprocessing``: over pipes that nobody else has, with what they
wrote themselves.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for folder in ("src", "benchmarks", "tools") for path in (ROOT / folder).rglob("*.py"))
MODULES = frozenset(
    {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle", "torch"}
)
CALLS = frozenset({"yaml.unsafe_load", "yaml.full_load", "pandas.read_pickle"})
SAFE_LOADERS = frozenset({"yaml.SafeLoader", "yaml.CSafeLoader"})
BUILT_IN = frozenset({"eval", "exec"})


def ways_to_run_data(tree: ast.AST) -> Iterator[str]:
    """Imports and calls by which data that is read becomes code that is run."""
    loaders = SAFE_LOADERS | {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.bases and {ast.unparse(base) for base in node.bases} <= SAFE_LOADERS
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").partition(".")[0] in MODULES:
                yield node.module or ""
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in CALLS or called in BUILT_IN:
                yield called
            named = [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "Loader"]
            if called == "yaml.load" and not (named and set(named) <= loaders):
                yield called
            yield from (
                f"{called}(allow_pickle=...)"
                for keyword in node.keywords
                if keyword.arg == "allow_pickle"
                and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
            )


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_runs_what_it_reads(source: Path) -> None:
    assert not list(ways_to_run_data(ast.parse(source.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "import joblib.memory as m",
        "from torch import load",
        "yaml.load(file)",
        "yaml.load(file, Loader=yaml.Loader)",
        "class Mine(yaml.Loader): ...\nyaml.load(file, Loader=Mine)",
        "np.load(file, allow_pickle=True)",
        "np.load(file, allow_pickle=trusted)",
        "eval(text)",
    ],
)
def test_the_ways_are_found(code: str) -> None:
    assert list(ways_to_run_data(ast.parse(code)))


def test_harmless_ones_are_not() -> None:
    loader = "class Mine(yaml.SafeLoader): ...\nyaml.load(file, Loader=Mine)\nyaml.safe_load(file)\n"
    harmless = loader + "import json\nnp.load(file, allow_pickle=False)\nmodel.eval()"
    assert not list(ways_to_run_data(ast.parse(harmless)))
