"""Orders: which networks, which choices."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from vultus.cluster.bulk.order import Order, networks
from vultus.cluster.bulk.units import Shard
from vultus.engine import FaceEngine
from vultus.errors import ResumeRefused
from vultus.settings import load_settings
from vultus.types import Plan

pytestmark = pytest.mark.unit


@pytest.fixture
def engine() -> Iterator[FaceEngine]:
    with FaceEngine(load_settings(runtime="dummy", streams=1)) as engine:
        yield engine


def order_of(engine: FaceEngine, **more: Any) -> Order:
    models = networks(engine, engine.default_profile)
    order = Order(engine.settings, Plan(), engine.default_profile, models, Path("out"), Shard(), 10, "float32", 4)
    return replace(order, **more)


def test_networks_are_those_of_the_catalogue(engine: FaceEngine) -> None:
    found = networks(engine, engine.default_profile)
    assert set(found) == {"scrfd_500m_bnkps", "w600k_mbf", "2d106det"}
    assert found["w600k_mbf"] == {"sha256": engine.model("w600k_mbf").sha256, "precision": "f32"}


def test_where_files_are_loaded_they_are_what_is_hashed(engine: FaceEngine, tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.write_bytes(b"weights")
    stand_in = SimpleNamespace(
        runtime=SimpleNamespace(needs_files=True),
        path=lambda model: path,
        precision=lambda name: "int8",
        catalogue=engine.catalogue,
    )
    found = networks(cast("FaceEngine", stand_in), engine.default_profile)
    expected = {"sha256": hashlib.sha256(b"weights").hexdigest(), "precision": "int8"}
    assert all(facts == expected for facts in found.values())


def test_an_engine_with_other_networks_is_refused(engine: FaceEngine) -> None:
    order = order_of(engine)
    order.check(engine)
    models = dict(order.models) | {"w600k_mbf": {"sha256": "0" * 64, "precision": "f32"}}
    with pytest.raises(ResumeRefused, match="other files of w600k_mbf"):
        replace(order, models=models).check(engine)


def test_an_order_can_be_sent(engine: FaceEngine) -> None:
    order = order_of(engine)
    sent = pickle.loads(pickle.dumps(order))
    assert sent == order
    sent.check(engine)


def test_choices_name_all_that_rows_depend_on(engine: FaceEngine) -> None:
    order = order_of(engine)
    usual = order.choices(engine)
    others = [
        replace(order, plan=Plan(attributes=frozenset({"pose"}))),
        replace(order, plan=Plan(max_faces=1)),
        replace(order, plan=Plan(min_face_size=10.0)),
        replace(order, vectors="float16"),
        replace(order, part_size=11),
        replace(order, profile=replace(order.profile, threshold=0.6)),
        replace(order, profile=replace(order.profile, exchanged=frozenset({"w600k_mbf"}))),
        replace(order, settings=engine.settings.model_copy(update={"max_picture_pixels": 5})),
    ]
    assert all(other.choices(engine) != usual for other in others)
    assert replace(order, readers=1, shard=Shard(1, 2)).choices(engine) == usual
