"""Facts as cells of a table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from vultus.cli.facts import fact_texts
from vultus.types import Face

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("age", 33.6, "34"),
        ("age_range", {"low": 25, "high": 32, "probability": 0.514}, "25 to 32 (0.51)"),
        ("gender", 0, "female"),
        ("gender", 1, "male"),
        ("gender_probability", 0.987, "0.99"),
        ("liveness", {"real": 0.02, "spoof": 0.98}, "spoof 0.98"),
        ("mask", {"mask": 0.1, "no_mask": 0.9}, "no mask 0.90"),
        ("mask", {"no_mask": 0.1, "mask": 0.2, "incorrect": 0.7}, "incorrect 0.70"),
        ("pose", {"pitch": -3.2, "yaw": 12.6, "roll": 0.4}, "pitch -3, yaw +13, roll +0"),
        ("quality", {"score": 0.936, "reasons": []}, "0.94"),
        ("quality", {"score": 0.1, "reasons": ["blurred", "too small"]}, "0.10 (blurred, too small)"),
        ("landmarks106", np.zeros((106, 2), np.float32), "106 points"),
        ("a stranger's", 7, "7"),
        ("pose", None, "-"),
    ],
)
def test_a_fact_in_a_few_words(name: str, value: object, expected: str) -> None:
    face = Face(np.zeros(4, np.float32), 1.0, attributes={name: value})
    assert fact_texts(face, [name]) == (expected,)


def test_facts_are_columns_of_the_table_in_the_order_asked(run: Callable[..., Result], one: Path) -> None:
    networks = "age_and_gender_age,antispoof_bin_1.5_128"
    result = run("detect", "--attributes", networks, "--facts", "quality,liveness, age,pose,quality", one)
    assert result.exit_code == 0, result.output
    _, columns, row = result.stdout.splitlines()
    assert columns.split()[-4:] == ["quality", "liveness", "age", "pose"]
    for word in ("too small", "pitch"):
        assert word in row


def test_quality_has_a_norm_as_json_too(run: Callable[..., Result], one: Path) -> None:
    result = run("detect", "--json", "--facts", "quality", one)
    (face,) = json.loads(result.stdout)["faces"]
    assert face["attributes"]["quality"]["norm"] > 0
    assert "embedding" not in face
