"""Ask every endpoint all that its OpenAPI document allows and forbids, and look whether the answers are as documented.

Schemathesis makes the requests: those that cover the document, and random ones. They go straight into the application,
whose networks are dummies. ``tools/fuzz_api.toml`` says which check does not hold for which endpoint, and why. Prints
the number of requests by endpoint and status, and the failures; ends with 1 where there are some.

Usage: python tools/fuzz_api.py [--examples N] [--seed N] [--dialects NAMES]
"""

from __future__ import annotations

import argparse
import collections
import io
import logging
import re
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import ormsgpack
import schemathesis
from hypothesis import strategies as st
from PIL import Image
from schemathesis.engine import Status, events, from_schema

from vultus.server.app import create_app
from vultus.settings import Settings

CONFIG = Path(__file__).with_suffix(".toml")
_MOST_SHOWN = 10  # failures of one kind at one endpoint


def main() -> int:
    """Run it; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=200, help="random requests for each endpoint")
    parser.add_argument("--seed", type=int, help="of what is random; none: another each time")
    given = parser.parse_args()
    logging.disable(logging.ERROR)  # what the server logs of requests that are wrong on purpose
    _offer_pictures()
    schemathesis.hook(filter_failure)
    config = schemathesis.Config.from_path(CONFIG)
    config.update(seed=given.seed, max_failures=None)
    config.projects.override.generation.update(max_examples=given.examples)
    report = Report()
    for event in from_schema(schemathesis.openapi.from_asgi("/openapi.json", _start(), config=config)).execute():
        report.hear(event)
    print(f"seed: {config.seed}")
    return report.end()


class Report:
    """What was asked, answered and found wrong."""

    def __init__(self) -> None:
        self._answers: dict[str, collections.Counter[int]] = collections.defaultdict(collections.Counter)
        self._failures: dict[tuple[str, str], list[str]] = collections.defaultdict(list)
        self._checks: set[str] = set()
        self._passed_over = 0

    def hear(self, event: events.EngineEvent) -> None:
        """Take in what the engine tells."""
        if isinstance(event, events.ScenarioFinished):
            self._count(event.recorder)
        elif isinstance(event, events.NonFatalError):
            self._failures[event.label, type(event.value).__name__].append(str(event.value))
        elif isinstance(event, events.FatalError):
            raise event.exception

    def end(self) -> int:
        """Print it; returns the exit code."""
        for endpoint, statuses in sorted(self._answers.items()):
            print(f"{endpoint}: {statuses.total()} cases {dict(sorted(statuses.items()))}")
        for (endpoint, kind), found in sorted(self._failures.items()):
            print(f"\nFAILED {endpoint}: {kind} ({len(found)} times)", *found[:_MOST_SHOWN], sep="\n")
        total = sum(statuses.total() for statuses in self._answers.values())
        failures = sum(map(len, self._failures.values()))
        print(f"checks: {', '.join(sorted(self._checks))}")
        print(f"passed over: {self._passed_over} forms with values of another type, which text does not tell")
        print(f"{total} cases, {len(self._answers)} endpoints, {failures} failures")
        return 1 if failures or not total else 0

    def _count(self, recorder: Any) -> None:  # noqa: ANN401 - schemathesis'
        for interaction in recorder.interactions.values():
            if interaction.response is not None:
                self._answers[recorder.label][interaction.response.status_code] += 1
        self._passed_over += sum(recorder.filtered_failures.values())
        for checks in recorder.checks.values():
            for check in checks:
                self._checks.add(check.name)
                if check.status == Status.FAILURE and check.failure_info is not None:
                    info = check.failure_info
                    self._failures[recorder.label, check.name].append(f"{info.failure}\n    {info.code_sample[:1000]}")


def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:  # noqa: ANN401, ARG001 - a hook
    """Whether a failure is one: the parts of a form are text, from which no type can be told."""
    told = str(failure).lower()
    is_of_type = "incorrect type" in told or set(re.findall(r"violates `(\w+)`", told)) == {"type"}
    return not (case.media_type == "multipart/form-data" and is_of_type)


def _start() -> Any:  # noqa: ANN401 - an application as schemathesis takes it
    ready = threading.Event()
    app = create_app(Settings(runtime="dummy", streams=1, age_gender=True), on_ready=lambda _: ready.set())

    async def late(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        if scope["type"] == "http" and not ready.wait(60):
            raise TimeoutError("the engine is not ready")
        await app(scope, receive, send)

    return late


def _offer_pictures() -> None:
    """Bodies that are pictures, besides bytes that are none."""
    with io.BytesIO() as file:  # the dummy detector finds a face in it, and it is of the size of the embedder's crop
        Image.fromarray(np.full((112, 112, 3), 255, np.uint8)).save(file, "PNG")
        picture = file.getvalue()
    few = st.lists(st.just(picture), max_size=3)
    anything = st.binary(max_size=64)
    schemathesis.openapi.media_type("image/*", st.one_of(st.just(picture), anything))
    documents = st.one_of(st.builds(lambda data: {"images": data}, few), st.builds(_older, few))
    schemathesis.openapi.media_type("application/msgpack", st.one_of(st.builds(ormsgpack.packb, documents), anything))


def _older(data: list[bytes]) -> dict[str, dict[str, list[bytes]]]:
    return {"images": {"data": data}}


if __name__ == "__main__":
    sys.exit(main())
