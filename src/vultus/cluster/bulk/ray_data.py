"""The same on a Ray cluster: Ray Data hands units to actors, and gives those of a lost node to another one."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import ray
import ray.data
from numpy.typing import NDArray

from vultus.cluster.bulk.order import Order
from vultus.cluster.bulk.pipeline import Tell, index
from vultus.cluster.bulk.sources import Archive
from vultus.cluster.bulk.stores import Place
from vultus.cluster.bulk.tally import Tally
from vultus.cluster.bulk.units import Unit
from vultus.engine import FaceEngine
from vultus.errors import EngineError, VultusError
from vultus.memory import without_frames
from vultus.runtime.choose import is_accelerator


def run(order: Order, address: str, units: Iterable[Unit], tell: Tell) -> None:
    """Have a cluster write the parts of some units; its nodes see the pictures and the output under the same names.

    Each actor has an engine of ``streams`` streams, one if that is not set, and takes as many cores.

    Args:
        order: How.
        address: Of the cluster's head, ``host:port``, or ``auto``.
        units: What is to be done.
        tell: Told what has been done, unit by unit.

    Raises:
        EngineError: The cluster cannot be reached, or cannot do it.
        VultusError: As ``index``.
    """
    cores = order.settings.streams or 1
    order = replace(
        order, folder=order.folder.absolute(), settings=order.settings.model_copy(update={"streams": cores})
    )
    items = [{"unit": _anywhere(unit)} for unit in units]
    if not items:
        return
    # On standard output Ray remarks that it tries again what a lost node was at.
    with contextlib.redirect_stdout(sys.stderr), _connected(address):
        for said in _results(order, items, cores):
            if isinstance(said, VultusError):
                raise said
            tell(said)


def _results(order: Order, items: list[dict[str, Unit]], cores: int) -> Iterator[Tally | VultusError]:
    """What the actors say, unit by unit, as they are done."""
    most = max(1, int(ray.cluster_resources().get("CPU", 1)) // cores)
    done = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        Actor,
        fn_constructor_args=(order,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(most, len(items))),
        num_cpus=cores,
        num_gpus=1 if is_accelerator(order.settings) else None,
    )
    try:
        for row in done.iter_rows():
            yield row["said"]
    except ray.exceptions.RayError as error:
        raise EngineError(f"the cluster could not do it: {str(error).strip().splitlines()[-1]}") from error


class Actor:
    """An engine on a node of the cluster. It says what went wrong: what it raised, Ray would tell as text alone.

    Args:
        order: How.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._engine: FaceEngine | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, NDArray[np.object_]]:
        """Write the parts of the units of a batch.

        Returns:
            For each unit what was done, or the error that ended it.
        """
        said = np.empty(len(batch["unit"]), np.object_)
        for place, unit in enumerate(batch["unit"]):
            said[place] = self._index(unit)
        return {"said": said}

    def _index(self, unit: Unit) -> Tally | VultusError:
        whole = Tally()

        def add(done: Tally) -> None:
            nonlocal whole
            whole += done

        try:
            index(self._order, self._open(), [unit], add)
        except VultusError as error:
            return without_frames(error)
        return whole

    def _open(self) -> FaceEngine:
        if self._engine is None:
            engine = FaceEngine(self._order.settings)
            self._order.check(engine)
            engine.prepare(self._order.profile)
            self._engine = engine
        return self._engine


def _anywhere(unit: Unit) -> Unit:
    """The unit with paths that do not depend on the folder this process was started in."""

    def place(at: Place) -> Place:
        return at if at.store else replace(at, path=str(Path(at.path).absolute()))

    if isinstance(unit.content, Archive):
        return replace(unit, content=replace(unit.content, place=place(unit.content.place)))
    return replace(unit, content=tuple(replace(picture, place=place(picture.place)) for picture in unit.content))


@contextlib.contextmanager
def _connected(address: str) -> Iterator[None]:
    host = urlsplit(f"//{address}").hostname or ""
    # A cluster on loopback only: Ray would take this machine's outer address for the driver, and wait for ever.
    own = {"_node_ip_address": host} if host.startswith("127.") else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise EngineError(f"there is no Ray cluster at {address} that lets this machine in: {error}") from error
    try:
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield
    finally:
        ray.shutdown()
