"""Memory that ran out, told alike whichever library it ran out in; and memory that errors must not hold."""

from __future__ import annotations

from typing import TypeVar, overload

from vultus.errors import OutOfMemory, VultusError

E = TypeVar("E", bound=BaseException)

_SIGNS = (
    "bad_alloc",  # C++, as OpenVINO passes it on
    "bad allocation",
    "failed to allocate",  # ONNX Runtime's arena, OpenCV
    "insufficient memory",  # OpenCV
    "out of memory",  # CUDA
    "alloc_failed",  # cuDNN, cuBLAS
    "allocation_failure",  # OpenCL
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or what it was raised for, is that memory ran out.

    Libraries written in C++ mostly say it in the text of a ``RuntimeError`` of theirs. The text of Vultus' own errors
    is not looked at: it may quote a client.
    """
    if isinstance(error, MemoryError | OutOfMemory):
        return True
    if not isinstance(error, VultusError):
        text = str(error).lower()
        if any(sign in text for sign in _SIGNS):
            return True
    return error.__cause__ is not None and is_out_of_memory(error.__cause__)


@overload
def as_told(error: VultusError) -> VultusError: ...
@overload
def as_told(error: Exception) -> Exception: ...
@overload
def as_told(error: BaseException) -> BaseException: ...
def as_told(error: BaseException) -> BaseException:
    """The error as it is to be passed on: ``OutOfMemory`` in place of one that means it, any other as it is."""
    if isinstance(error, OutOfMemory) or not is_out_of_memory(error):
        return error
    raised = OutOfMemory("memory ran out while the request was worked on; send it again, or less at once")
    raised.__cause__ = error
    return raised


def without_frames(error: E) -> E:
    """The error, no longer holding the frames it came through: one that is kept would keep their pictures in memory."""
    chain: list[BaseException | None] = [error]
    while chain:
        link = chain.pop()
        if link is not None:
            link.__traceback__ = None
            chain += [link.__cause__, link.__context__]
    return error
