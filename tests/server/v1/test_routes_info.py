"""What a server tells of how it computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.stubs import stub

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]


def test_info_tells_how_it_computes(client: Any, start_app: Callable[..., Any]) -> None:
    info = client.get("/v1/info").json()
    assert (info["streams"], info["all_cores"], info["workers"]) == (2, False, 1)
    assert info["defaults"].items() >= {
        "canvas": [640, 640], "aspect": "picture", "second_canvas": None, "decode": "full",
    }.items()  # fmt: skip
    other = start_app(aspect="square", decode="scaled", second_canvas=128, canvas=320, all_cores=True, streams=1)
    info = other.get("/v1/info").json()
    assert (info["streams"], info["all_cores"]) == (1, True)
    assert info["defaults"].items() >= {
        "canvas": [320, 320], "aspect": "square", "second_canvas": [128, 128], "decode": "scaled",
    }.items()  # fmt: skip


def test_info_tells_the_canvas_of_a_detector_that_knows_but_one(start_app: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        stub("fixed", "detection", "scrfd", input="{ width = 320, height = 256 }", resizable="false")
    )
    defaults = start_app(detector="fixed", models=[tmp_path / "own.toml"]).get("/v1/info").json()["defaults"]
    assert (defaults["canvas"], defaults["aspect"]) == ([320, 256], "square")


def test_an_accelerator_has_no_streams(start_app: Callable[..., Any], squares: Squares) -> None:
    batching = start_app(device="simulated")
    info = batching.get("/v1/info").json()
    assert (info["device"], info["precision"], info["streams"]) == ("simulated", "f32", None)
    before = figures(batching)
    assert batching.post("/v1/faces", files=[("file", squares((1, 2), (3, 4)))]).status_code == 200
    after = figures(batching)
    # One run of the detector, and the two faces' embeddings together or one by one.
    assert after["vultus_batch_rows_total"] - before["vultus_batch_rows_total"] == 3
    assert after["vultus_batches_total"] - before["vultus_batches_total"] in (2, 3)
    assert after["vultus_batch_failures_total"] == after["vultus_batch_dropped_total"] == 0


def figures(client: Any) -> dict[str, float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_companions_are_networks_in_use(start_app: Callable[..., Any]) -> None:
    app = start_app(attributes="fsanet-1x1")
    models = {model["name"]: model for model in app.get("/v1/models").json()["models"]}
    assert models["fsanet-1x1"]["companions"] == ["fsanet-var"]
    assert models["fsanet-var"]["licence"]
    card = app.get("/v1/info").json()["networks"]["attributes"][-1]
    assert [companion["name"] for companion in card["companions"]] == ["fsanet-var"]
    assert card["companions"][0]["licence"] == models["fsanet-var"]["licence"]
