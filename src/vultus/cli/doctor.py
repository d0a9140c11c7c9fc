"""``vultus doctor``: what this machine can do, and what stands in the way."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer
from pydantic import ByteSize

from vultus import __version__
from vultus.cli.machine import installed, read_cpu, read_engines, read_gpus, read_memory
from vultus.cli.models import AsJson, configured
from vultus.cli.options import with_settings
from vultus.cli.output import EXIT_FAILED, print_json
from vultus.errors import VultusError
from vultus.runtime.choose import open_runtime
from vultus.runtime.workers import Workers
from vultus.settings import Inference, Networks, Settings
from vultus.zoo.catalogue import Model
from vultus.zoo.licence import check_licence
from vultus.zoo.own import open_catalogue
from vultus.zoo.store import Copy, Store

EXIT_CODES = (
    "Exit codes: 0 nothing stands in the way; 1 something does, which is told with advice; 2 wrong usage or a setting "
    "that is out of range; 130 interrupted."
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that will fail, and what to do about it."""

    what: str
    advice: str


@with_settings(Networks, Inference)
def doctor(settings: Settings, as_json: AsJson = False) -> None:
    """Say what this machine can do (processor, memory, engines, GPU, networks, cache), and what stands in the way."""
    weights, missing = check_networks(settings)
    problems = [*check_engines(settings), *missing]
    facts = describe_machine() | {
        "cache": {"folder": str(settings.model_cache), "writable": is_writable(settings.model_cache)},
        "networks": weights,
    }
    if as_json:
        print_json(facts | {"problems": [asdict(problem) for problem in problems]})
    else:
        _print(facts, problems)
    raise typer.Exit(EXIT_FAILED if problems else 0)


def describe_machine() -> dict[str, Any]:
    """What there is, by topic."""
    return {
        "vultus": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "cpu": asdict(read_cpu()),
        "memory_bytes": read_memory(),
        "gpu": read_gpus(),
        "engines": {engine.name: {"version": engine.version, **engine.devices} for engine in read_engines()},
    }


def check_engines(settings: Settings) -> list[Problem]:
    """Why the engine that is asked for could not be opened."""
    problems = []
    if installed("onnxruntime") and installed("onnxruntime-gpu"):
        problems.append(
            Problem(
                "onnxruntime and onnxruntime-gpu are both installed and overwrite each other's files",
                "uninstall both, then install the one that is wanted",
            )
        )
    workers = Workers(1)
    try:
        open_runtime(settings, workers, streams=1)
    except VultusError as error:
        problems.append(Problem(error.message, "set runtime, device and precision to what this machine offers"))
    finally:
        workers.close()
    return problems


def check_networks(settings: Settings) -> tuple[dict[str, str], list[Problem]]:
    """Where the files of the chosen networks are, by network, and why they could not be used."""
    if settings.runtime == "dummy":
        return {}, []
    try:
        models = configured(open_catalogue(settings), settings)
    except VultusError as error:
        return {}, [Problem(error.message, "correct the catalogue file, pack, detector or embedder that is named")]
    store = Store.from_settings(settings)
    weights, problems = {}, []
    for model in models:
        try:
            check_licence(model, settings.license_policy)
        except VultusError as error:
            problems.append(Problem(error.message, "set VULTUS_PACK=permissive"))
        copies = store.copies(model)
        weights[model.name] = next((f"{copy.path}, verified" for copy in copies if copy.intact), "missing")
        if weights[model.name] == "missing":
            problems.append(_missing(model, copies, settings))
    return weights, problems


def _missing(model: Model, copies: list[Copy], settings: Settings) -> Problem:
    if model.checksum is None:
        return Problem(f"the network {model.name} is known by name only", f"see `vultus models info {model.name}`")
    wrong = "".join(
        f"; {copy.path} has the {copy.found.algorithm} {copy.found.digest}, not {copy.wanted.digest}" for copy in copies
    )
    advice = "run `vultus models pull`"
    if not is_writable(settings.model_cache):
        advice = "set VULTUS_MODEL_CACHE to a folder that can be written, and " + advice
    return Problem(f"the network {model.name} is not on this machine{wrong}", advice)


def is_writable(folder: Path) -> bool:
    """Whether files can be made in ``folder``, or the folder be made where it is not there yet."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _print(facts: dict[str, Any], problems: list[Problem]) -> None:
    for topic, fact in facts.items():
        if topic.endswith("_bytes") and fact is not None:
            fact = ByteSize(fact).human_readable(separator=" ")
        typer.echo(f"{topic.removesuffix('_bytes')}: {_text(fact)}".replace(": \n", ":\n"))
    for problem in problems:
        typer.echo(f"PROBLEM: {problem.what}\n  advice: {problem.advice}")
    if not problems:
        typer.echo("no problems found")


def _text(fact: object, indent: str = "  ") -> str:
    """A fact on one line, or one line for each part of it."""
    match fact:
        case dict():
            return "".join(f"\n{indent}{key}: {_text(value, indent + '  ')}" for key, value in fact.items())
        case list() | tuple():
            return ", ".join(map(str, fact)) or "none"
        case None:
            return "unknown"
        case _:
            return str(fact)
