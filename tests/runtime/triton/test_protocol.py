from __future__ import annotations

import numpy as np
import pytest
from tritonclient.utils import triton_to_np_dtype

from vultus.runtime.triton.protocol import DTYPES, Failure, Rejected, typed

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("name", "dtype"), list(DTYPES.items()))
def test_types_are_those_of_the_library(name: str, dtype: str) -> None:
    assert np.dtype(dtype) == np.dtype(triton_to_np_dtype(name))


def test_numbers_become_a_tensor() -> None:
    tensor = typed([1, 2, 3, 4, 5, 6], "INT32", [2, 3])
    assert tensor.dtype == np.int32
    assert tensor.tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(("values", "dtype"), [([1, 2], "FP32"), ([1, 2, 3], "BYTES")])
def test_too_few_numbers_or_texts_are_no_tensor(values: list[int], dtype: str) -> None:
    with pytest.raises(Rejected, match=rf"{len(values)} values of {dtype} for the shape \(3,\)"):
        typed(values, dtype, [3])


def test_of_what_a_server_says_the_first_line_is_kept_for_the_rest_may_be_a_stack_trace() -> None:
    assert Failure("\nit failed\n\nAt:\n  model.py(3)").message == "it failed"
    assert Failure("").message == "it does not say why"
