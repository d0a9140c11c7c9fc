from __future__ import annotations

import cv2
import numpy as np
import pytest

from vultus.errors import CorruptPicture, EngineError, IncompatibleGraph, OutOfMemory, PictureUnreachable
from vultus.imaging import decode as decoding
from vultus.imaging.decode import Limits, decode
from vultus.memory import as_told, is_out_of_memory
from vultus.runtime.workers import Workers

pytestmark = pytest.mark.unit

# As the libraries really say it.
SAID = [
    MemoryError(),
    RuntimeError("Exception from src/inference/src/cpp/infer_request.cpp:223:\nstd::bad_alloc"),
    RuntimeError("bad allocation"),
    RuntimeError(
        "Non-zero status code returned while running Conv node. onnxruntime::BFCArena::AllocateRawInternal(size_t) "
        "Failed to allocate memory for requested buffer of size 1073741824"
    ),
    RuntimeError("CUDA failure 2: out of memory ; GPU=0"),
    RuntimeError("CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("[GPU] CL_MEM_OBJECT_ALLOCATION_FAILURE"),
]


@pytest.mark.parametrize("error", SAID)
def test_memory_that_ran_out_is_told_alike_whoever_says_it(error: Exception) -> None:
    told = as_told(error)
    assert isinstance(told, OutOfMemory)
    assert told.code == "out_of_memory"
    assert told.__cause__ is error
    assert as_told(told) is told


def test_numpy_says_it_by_a_memory_error() -> None:
    with pytest.raises(MemoryError) as raised:
        np.empty(2**62, np.uint8)
    assert is_out_of_memory(raised.value)


def test_opencv_says_it_in_its_own_words() -> None:
    error = cv2.error("OpenCV(4.10.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 9 bytes")
    assert is_out_of_memory(error)


def test_an_error_that_was_raised_for_it_means_it() -> None:
    for kind in (EngineError, IncompatibleGraph):
        error = kind("a network could not be loaded")
        assert not is_out_of_memory(error)
        error.__cause__ = SAID[1]
        assert isinstance(as_told(error), OutOfMemory)


@pytest.mark.parametrize(
    "error",
    [ValueError("no"), CorruptPicture("the picture is cut off"), PictureUnreachable("bad_alloc.jpg: not there")],
)
def test_others_are_passed_on_as_they_are_also_if_they_quote_such_words(error: Exception) -> None:
    assert as_told(error) is error


def test_a_picture_is_not_damaged_because_there_is_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(decoding, "decode_raster", exhausted)
    with pytest.raises(MemoryError):
        decode(b"\x89PNG\r\n\x1a\n" + bytes(32), Limits(1000, 1000))


def test_a_job_without_memory_fails_alone() -> None:
    def exhausted() -> None:
        raise MemoryError

    workers = Workers(1)
    try:
        with pytest.raises(OutOfMemory):
            workers.submit(exhausted).result(30)
        assert workers.submit(lambda: 7).result(30) == 7
    finally:
        workers.close()
