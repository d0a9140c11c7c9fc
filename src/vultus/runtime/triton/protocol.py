"""What is said to a server of KServe v2, the "Open Inference Protocol", whichever way it travels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from vultus.runtime.ticket import Ticket

BINARY, CONFIGURATION, SHARED, SCHEDULING = (
    "binary_tensor_data",
    "model_configuration",
    "system_shared_memory",
    "schedule_policy",
)
"""Extensions that a server may name: tensors as bytes over HTTP; asking how a model is set up; memory that both map;
a time after which a request that waits is dropped."""

DTYPES: Mapping[str, str] = MappingProxyType(
    {
        "BOOL": "?",
        "UINT8": "u1",
        "UINT16": "<u2",
        "UINT32": "<u4",
        "UINT64": "<u8",
        "INT8": "i1",
        "INT16": "<i2",
        "INT32": "<i4",
        "INT64": "<i8",
        "FP16": "<f2",
        "FP32": "<f4",
        "FP64": "<f8",
    }
)
"""What the protocol calls types that numpy has."""


LONGEST = 120.0
"""Seconds after which a request for rows is given up even if nobody set a deadline: the server must be stuck."""


class Failure(Exception):
    """A server did not do what it was asked.

    Attributes:
        message: Why, in its words or those of the library that asked.
    """

    def __init__(self, message: str) -> None:
        self.message = (message.strip().splitlines() or ["it does not say why"])[0]  # what may follow is a stack trace
        super().__init__(self.message)


class Lost(Failure):
    """Nobody answered: there is no connection, it broke, or the server is starting or ending.

    What is asked of a network comes to the same however often it is asked, so it may be asked again.
    """


class Late(Failure):
    """It took longer than it might."""


class Unknown(Failure):
    """The server has no such model, or does not know this question."""


class Rejected(Failure):
    """The server answered that it cannot do it."""


@dataclass(frozen=True, slots=True)
class Described:
    """A model as its server describes it.

    Attributes:
        input: Name of its input; of several, the first.
        dtype: Type of that, as the protocol calls it.
        shape: Of that, with the axis of the batch where it has one; -1: free.
        outputs: Names of its outputs, in order.
        rows: Most rows of a request; ``None``: it does not say.
        parameters: What else was written down of it.
        inputs: How many there are.
    """

    input: str
    dtype: str
    shape: tuple[int, ...]
    outputs: tuple[str, ...]
    rows: int | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    inputs: int = 1


class Place(NamedTuple):
    """A tensor's place in memory that both sides map.

    Attributes:
        region: The memory's name.
        size: Bytes.
        offset: Of the first one.
    """

    region: str
    size: int
    offset: int


@dataclass(frozen=True, slots=True)
class Request:
    """Rows that are to be computed.

    Attributes:
        model: Name of the server's model.
        input: Name of its input.
        pixels: uint8, as the model wants them shaped.
        outputs: Names of what is wanted.
        source: Where the pixels lie that the server is to read; ``None``: they are sent.
        targets: Where it is to write each output; none: they are sent.
        microseconds: After which it may drop the request, where it knows how to.
    """

    model: str
    input: str
    pixels: NDArray[np.uint8]
    outputs: tuple[str, ...]
    source: Place | None = None
    targets: Sequence[Place] = ()
    microseconds: int | None = None


class Transport(Protocol):
    """A way to ask a server. Safe to use from many threads at once; every method may raise ``Failure``.

    Each takes at most ``seconds``; ``None``: as long as it takes.
    """

    def is_ready(self, seconds: float) -> bool:
        """Whether the server and all its models can be asked."""
        ...

    def extensions(self, seconds: float) -> frozenset[str]:
        """What the server knows beside the protocol's core."""
        ...

    def describe(self, model: str, seconds: float | None) -> Described:
        """What the server says of a model that is ready.

        Raises:
            Unknown: It has none of this name.
        """
        ...

    def infer(self, request: Request, ticket: Ticket) -> list[NDArray[Any]]:
        """Have rows computed.

        Returns:
            The outputs that are sent, in the order asked for; they may be read-only.

        Raises:
            Late: The ticket's deadline came first, or it took longer than ``LONGEST``.
        """
        ...

    def register(self, region: str, key: str, size: int, seconds: float | None) -> None:
        """Have the server map a piece of POSIX shared memory."""
        ...

    def unregister(self, region: str, seconds: float | None) -> None:
        """Have it let go of one."""
        ...

    def close(self) -> None:
        """End the connections."""


def typed(values: Sequence[Any], dtype: str, shape: Sequence[int]) -> NDArray[Any]:
    """A tensor that came as numbers.

    Raises:
        Rejected: They are not as many as the shape says, or of a type that numpy has not.
    """
    if dtype not in DTYPES or len(values) != math.prod(shape):
        raise Rejected(f"the server answers with {len(values)} values of {dtype} for the shape {tuple(shape)}")
    return np.asarray(values, DTYPES[dtype]).reshape(shape)


def seconds_of(ticket: Ticket) -> float:
    """How long a request for rows may take."""
    left = ticket.remaining()
    return LONGEST if left is None else min(left, LONGEST)
