"""Networks on a Triton server, or another that speaks KServe v2."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from vultus.errors import (
    DeviceUnavailable,
    EngineError,
    IncompatibleGraph,
    ModelUnavailable,
    PrecisionUnavailable,
    ServerUnreachable,
)
from vultus.runtime.blocks import Shapes
from vultus.runtime.graph import check_size
from vultus.runtime.layout import row_shape
from vultus.runtime.network import Counts, NetworkSpec
from vultus.runtime.ticket import Ticket
from vultus.runtime.triton.address import Address
from vultus.runtime.triton.fit import check_fit, precision_of, warn_of_doubt
from vultus.runtime.triton.keeper import Keeper
from vultus.runtime.triton.memory import Regions
from vultus.runtime.triton.names import model_name
from vultus.runtime.triton.network import TritonNetwork
from vultus.runtime.triton.protocol import (
    BINARY,
    SCHEDULING,
    SHARED,
    Described,
    Failure,
    Lost,
    Request,
    Transport,
    Unknown,
)
from vultus.runtime.triton.server import Server, TritonGone
from vultus.runtime.workers import Workers
from vultus.types import InputSpec
from vultus.zoo.catalogue import Model

Sharing: TypeAlias = Literal["auto", "system", "cuda", "off"]

_QUESTION = 5.0  # seconds that a server has to answer a question that costs it nothing
_FIRST_RUN = 120.0  # seconds it has for a network's first row
_PAUSE = 0.25  # seconds between two tries to reach it at the start

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A network that was loaded.

    Attributes:
        name: What the server calls it.
        model: The catalogue entry.
        spec: Its input.
        network: What runs it.
    """

    name: str
    model: Model
    spec: InputSpec
    network: TritonNetwork


class TritonRuntime:
    """Networks on a server. Should that go, what is run fails at once; when it comes back, all goes on.

    Args:
        address: Of the server.
        precision: What networks have to be computed in; ``auto``: whatever the server does.
        workers: The threads that will run the networks.
        sharing: Whether memory is shared with the server: ``auto``: where it is on this machine and can; ``system``: it
            has to be; ``off``: never.
        patience: Seconds that the server is waited for.
        on_lost: Told, in words for clients, that the server cannot be used.
        on_found: Told that it can be again.
        transport: To the server.

    Raises:
        ServerUnreachable: It is not there, or not ready, in time.
        PrecisionUnavailable: There are no int8 networks on servers.
        DeviceUnavailable: Memory has to be shared, and cannot be.
    """

    name = "triton"
    needs_files = False
    families: Collection[str] | None = None
    counts: Counts | None = None  # the server counts: ``nv_inference_*`` of its metrics

    def __init__(
        self,
        address: Address,
        precision: str,
        workers: Workers,
        sharing: Sharing = "auto",
        patience: float = 60.0,
        on_lost: Callable[[str], None] = lambda _: None,
        on_found: Callable[[], None] = lambda: None,
        transport: Transport | None = None,
    ) -> None:
        if precision == "int8":
            raise PrecisionUnavailable(
                "the triton runtime does not choose int8 networks; set precision to auto to take what the server has."
            )
        self.device = str(address)
        self._asked = precision
        self._workers = workers
        self._wanted: list[Wanted] = []
        self._lock = threading.Lock()
        self._transport = transport or connect(address)
        try:
            self._await_ready(patience)
            extensions = self._transport.extensions(_QUESTION)
            self._schedules = SCHEDULING in extensions
            if BINARY not in extensions and address.scheme.startswith("http"):
                logger.warning("the server at %s takes tensors as JSON alone, which is slow; use grpc://", address)
            make_regions = self._find_sharing(sharing, address, extensions)
        except Failure as failure:
            self._transport.close()
            raise ServerUnreachable(f"the Triton server at {address} cannot be used: {failure}.") from failure
        except BaseException:
            self._transport.close()
            raise
        self._on_found = on_found
        self._keeper = Keeper(self._look, on_lost, self._find)
        self._server = Server(self._transport, self._keeper, make_regions)
        self._keeper.start()

    @property
    def shares_memory(self) -> bool:
        """Whether pixels and outputs lie in memory that the server maps, too."""
        return self._server.shares_memory

    @property
    def precision(self) -> str:
        """What was asked for; with ``auto`` what the networks that are loaded are computed in."""
        with self._lock:
            known = {precision_of(wanted.network.described) for wanted in self._wanted} - {None}
        return str(known.pop()) if self._asked == "auto" and len(known) == 1 else self._asked

    def load(self, model: Model, path: Path, spec: InputSpec) -> TritonNetwork:  # noqa: ARG002 - the server has the file
        """See ``Runtime.load``. The server's model is asked what it is, and run once.

        Raises:
            ModelUnavailable: The server has none of that name.
            IncompatibleGraph: It takes something else than pixels of this size.
            HashMismatch: It was made of another file than the catalogue's.
            PrecisionUnavailable: It computes in something else than was asked for.
            TritonGone: The server is not there.
        """
        check_size(model, spec)
        name = model_name(model, spec)
        try:
            described = self._transport.describe(name, _QUESTION)
            check_fit(name, model, spec, described, self._asked)
            shapes = self._find_shapes(name, described, spec)
        except Unknown as failure:
            raise ModelUnavailable(
                f"the Triton server at {self.device} has no model {name}; add it to its repository with "
                f"`vultus triton export` ({failure})."
            ) from failure
        except Lost as failure:
            raise TritonGone(f"the Triton server went away while {name} was loaded: {failure}") from failure
        except Failure as failure:
            raise EngineError(f"{name} cannot be run by the Triton server at {self.device}: {failure}") from failure
        warn_of_doubt(name, model, described)
        network = TritonNetwork(
            name,
            NetworkSpec(model.name, spec, described.outputs),
            shapes,
            described,
            self._server,
            self._workers,
            exchanges=spec.color != model.input.color,
            schedules=self._schedules,
        )
        with self._lock:
            self._wanted.append(Wanted(name, model, spec, network))
        return network

    def close(self) -> None:
        """Look after the server no more, and end the connections."""
        self._keeper.close()
        self._server.close()
        self._keeper.absence = "the engine has been closed"

    def _await_ready(self, patience: float) -> None:
        """Wait until the server and its models are ready.

        Raises:
            ServerUnreachable: They are not in time.
        """
        end = time.monotonic() + patience
        is_told = False
        while True:
            try:
                if self._transport.is_ready(_QUESTION):
                    return
                reason = "it is not ready: are all its models loaded?"
            except Failure as failure:
                reason = failure.message
            if time.monotonic() >= end:
                raise ServerUnreachable(
                    f"no Triton server is ready at {self.device} ({reason}); start one, with `vultus triton run` for "
                    "example, or set triton_url."
                )
            if not is_told:
                logger.warning("waiting for the Triton server at %s: %s", self.device, reason)
                is_told = True
            time.sleep(_PAUSE)

    def _find_sharing(
        self, sharing: Sharing, address: Address, extensions: Collection[str]
    ) -> Callable[[], Regions] | None:
        """Makes memory that is shared with the server, where it is to be and can be."""
        if sharing == "cuda":
            raise DeviceUnavailable("this version shares no CUDA memory with a Triton server; set triton_mem to auto.")
        if sharing == "off" or (sharing == "auto" and not (SHARED in extensions and address.is_here())):
            return None
        try:
            trial = Regions(self._transport)
            trial.lend(1, _QUESTION)
            trial.close()
        except (Failure, OSError) as error:
            if sharing == "system":
                raise DeviceUnavailable(
                    f"no memory can be shared with the Triton server at {address}: {error}; is it on this machine, "
                    "of the same user, and is /dev/shm the same? Else set triton_mem to auto or off."
                ) from error
            logger.info("no memory is shared with the Triton server: %s", error)
            return None
        return lambda: Regions(self._transport)

    def _find_shapes(self, name: str, described: Described, spec: InputSpec) -> Shapes:
        """Shapes of what a row comes to, as a black one shows."""
        black = np.zeros((1, spec.height, spec.width, 3), np.uint8)
        pixels = black if len(described.shape) == 4 else black[0]
        request = Request(name, described.input, pixels, described.outputs)
        outputs = self._transport.infer(request, Ticket.within(_FIRST_RUN))
        return Shapes(black.shape[1:], tuple((row_shape(output), output.dtype.str) for output in outputs))

    def _look(self) -> None:
        """See whether the server is there, and holds what it held."""
        if not self._transport.is_ready(_QUESTION):
            raise Lost("it is not ready")
        with self._lock:
            wanted = list(self._wanted)
        for each in wanted:
            described = self._transport.describe(each.name, _QUESTION)
            if described != each.network.described:
                check_fit(each.name, each.model, each.spec, described, self._asked)
                if described.outputs != each.network.described.outputs:
                    raise IncompatibleGraph(f"the server's {each.name} has other outputs than it had.")
                each.network.described = described

    def _find(self) -> None:
        self._server.forget_memory()
        self._on_found()


def connect(address: Address) -> Transport:
    """What speaks an address's protocol."""
    if address.scheme in ("grpc", "grpcs"):
        from vultus.runtime.triton.grpc import GrpcTransport

        return GrpcTransport(address)
    from vultus.runtime.triton.http import HttpTransport

    return HttpTransport(address)
