"""Indexing from beginning to end: what there is, what of it is done, who does the rest."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

import vultus
from vultus.cluster.bulk import manifest, processes
from vultus.cluster.bulk.order import Order, networks
from vultus.cluster.bulk.parts import Committed, remove_unfinished
from vultus.cluster.bulk.pipeline import index
from vultus.cluster.bulk.schema import VERSION, Vectors
from vultus.cluster.bulk.sources import Sources, Survey
from vultus.cluster.bulk.stores import Stores
from vultus.cluster.bulk.tables import Columns
from vultus.cluster.bulk.tally import Tally
from vultus.cluster.bulk.units import Shard, Unit, units
from vultus.engine import FaceEngine
from vultus.errors import OutputUnwritable, RequestError, SourceInvalid
from vultus.outputs import writing_to
from vultus.profiles import needed_by
from vultus.runtime.choose import computes_elsewhere
from vultus.runtime.cores import available_cores
from vultus.settings import Settings, served
from vultus.types import Plan

CORES_A_PROCESS = 8
"""Of a machine with more, each process gets about so many: with many more, Python's lock would hold them up."""

PARTS = "parts"
"""Folder of the parts; beside them there is nothing, so that it can be read as one table."""

_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    Attributes:
        sources: See ``Sources``.
        folder: Of the output.
        plan: What is asked of each picture.
        shard: Which pictures.
        column, id_column: See ``Columns``.
        vectors: How embeddings are kept.
        part_size: Pictures of a part.
        readers: Pictures that a process reads at once.
        processes: How many processes; 0: as the machine has cores.
        ray: Address of a Ray cluster that does the work.
    """

    sources: tuple[str, ...]
    folder: Path
    plan: Plan
    shard: Shard
    column: str | None = None
    id_column: str | None = None
    vectors: Vectors = "float32"
    part_size: int = 1000
    readers: int = 16
    processes: int = 0
    ray: str | None = None


class Watch(Protocol):
    """Who wants to know how far it is."""

    def begin(self, survey: Survey, shard: Shard, done: Tally) -> None:
        """The work begins: what there is in all, which share of it is asked for, and what was done before."""

    def tell(self, done: Tally) -> None:
        """So much more has been done."""


def run(settings: Settings, request: Request, watch: Watch) -> dict[str, Any]:
    """Write an index, or what an earlier run has not yet written of it.

    Returns:
        The manifest.

    Raises:
        SourceInvalid: What is to be indexed cannot be listed, or is another in the end than in the beginning.
        ResumeRefused: The folder was begun with other networks, settings or pictures.
        OutputUnwritable: The folder cannot be written, or another run writes into it.
        VultusError: As the engine finds.
    """
    settings = served(settings)
    listing = Sources(
        request.sources,
        Columns(request.column, request.id_column, is_rooted=settings.image_root is not None),
        Stores(),
    )
    with _locked(request.folder):
        survey = Survey()
        for _ in survey.watch(listing):
            pass
        with FaceEngine(settings) as engine:
            order = _order(engine, request)
            record = _record(order, engine, listing.names, survey)
            committed = _begin(request.folder, record)
            if committed is None:
                return manifest.read(request.folder) or {}
            again = Survey()
            rest = _outstanding(units(again.watch(listing), request.shard, request.part_size), committed)
            watch.begin(survey, request.shard, committed.tally)
            _do(order, request, engine, rest, watch)
        if again.digest != survey.digest:
            raise SourceInvalid("the source changed while it was indexed; begin anew in another folder")
        return manifest.write(request.folder, record, Committed.scan(request.folder / PARTS), is_complete=True)


def _order(engine: FaceEngine, request: Request) -> Order:
    plan = request.plan
    unknown = plan.attributes - engine.facts()
    if unknown:
        raise RequestError(
            f"no network here tells {', '.join(sorted(unknown))}; there are {', '.join(sorted(engine.facts()))}"
        )
    profile = needed_by(plan, engine.default_profile)
    return Order(
        engine.settings,
        plan,
        profile,
        networks(engine, profile),
        request.folder / PARTS,
        request.shard,
        request.part_size,
        request.vectors,
        request.readers,
    )


def _record(order: Order, engine: FaceEngine, names: tuple[str, ...], survey: Survey) -> dict[str, Any]:
    """What the manifest says of an index whatever has been done of it."""
    return {
        "vultus": vultus.__version__,
        "schema": VERSION,
        "source": {"digest": survey.digest, "pictures": survey.pictures, "archives": survey.archives},
        "names": names,
        "shard": str(order.shard),
        "models": order.models,
        "settings": order.choices(engine),
    }


def _begin(folder: Path, record: dict[str, Any]) -> Committed | None:
    """What is there already; ``None``: everything."""
    begun = manifest.read(folder)
    if begun is not None:
        manifest.check(folder, begun, record)
    parts = folder / PARTS
    remove_unfinished(parts)
    committed = Committed.scan(parts)
    if begun is None and committed.parts:
        raise OutputUnwritable(f"{folder} has parts of an index, but no {manifest.NAME}; name another folder")
    if begun is not None and begun.get("complete") and begun.get("parts") == committed.parts:
        return None
    manifest.write(folder, record, committed, is_complete=False)
    return committed


def _outstanding(all_units: Iterable[Unit], committed: Committed) -> Iterator[Unit]:
    for unit in all_units:
        if unit.number not in committed.whole:
            yield replace(unit, done=frozenset(committed.chunks.get(unit.number, ())))


def _do(order: Order, request: Request, engine: FaceEngine, rest: Iterator[Unit], watch: Watch) -> None:
    count = request.processes or _usual_processes(engine.settings)
    if request.ray is not None:
        from vultus.cluster.bulk import ray_data  # only for those who have Ray

        ray_data.run(order, request.ray, rest, watch.tell)
    elif count > 1:
        processes.run(order, count, rest, watch.tell)
    else:
        engine.prepare(order.profile)
        index(order, engine, rest, watch.tell)


def _usual_processes(settings: Settings) -> int:
    if computes_elsewhere(settings):
        return 1
    return max(1, (settings.streams or available_cores()) // CORES_A_PROCESS)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One run at a time writes into a folder; the lock of one that was killed is free."""
    with writing_to(folder):
        try:
            (folder / PARTS).mkdir(parents=True, exist_ok=True)
            with FileLock(folder / _LOCK, timeout=0):
                yield
        except Timeout as error:
            raise OutputUnwritable(f"another run writes into {folder}") from error
