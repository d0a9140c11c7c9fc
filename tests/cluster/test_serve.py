from __future__ import annotations

from typing import Any

import pytest

from vultus.cluster import extra
from vultus.cluster.serve import DEPLOYMENT, app, given_of, options_of
from vultus.errors import ExtraMissing, SettingsError
from vultus.settings import load_settings

pytestmark = pytest.mark.unit


def test_a_replica_reserves_what_the_settings_say() -> None:
    options = options_of(load_settings(ray_cpus=4, ray_gpus=0.5, ray_replicas=3))
    assert options["name"] == DEPLOYMENT
    assert options["ray_actor_options"] == {"num_cpus": 4, "num_gpus": 0.5}
    assert options["num_replicas"] == 3
    assert "autoscaling_config" not in options


def test_with_a_most_there_are_as_many_as_keep_the_worker_threads_busy() -> None:
    options = options_of(load_settings(ray_cpus=4, ray_replicas=2, ray_max_replicas=9))
    # Three worker threads a stream (docs/architecture.md), and a stream for each core.
    scale = {"min_replicas": 2, "max_replicas": 9, "target_ongoing_requests": 12}
    assert options["autoscaling_config"] == scale
    assert "num_replicas" not in options


@pytest.mark.parametrize(("given", "limit"), [({"ray_cpus": 4}, 240), ({"max_queued_pictures": 7}, 7)])
def test_a_replica_is_handed_more_than_it_takes_on(given: dict[str, Any], limit: int) -> None:
    options = options_of(load_settings(**given))
    assert options["max_ongoing_requests"] >= limit + 100
    assert options["max_queued_requests"] > 0
    assert options["backpressure_config"] == {"status_code": 429, "retry_after_s": 1}


def test_replicas_that_end_get_the_drain_timeout_and_time_to_close() -> None:
    assert options_of(load_settings(drain_timeout=50))["graceful_shutdown_timeout_s"] > 50


def test_replicas_are_told_what_was_set_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_MODEL_PATH", "/one:/two")
    monkeypatch.setenv("VULTUS_KEYS", "")
    settings = load_settings(pack="permissive", dialects="none", max_picture_bytes="1MiB", ray_cpus=2)
    given = given_of(settings)
    assert set(given) == {"model_path", "pack", "dialects", "max_picture_bytes", "ray_cpus", "streams"}
    assert given["streams"] == 2
    monkeypatch.delenv("VULTUS_MODEL_PATH")
    assert load_settings(**given) == settings.model_copy(update={"streams": 2})


def test_keys_and_the_service_it_stands_in_for_arrive_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_KEYS", "phone:v1:" + 64 * "0")
    monkeypatch.setenv("VULTUS_COMPAT", "insightface-rest")
    monkeypatch.setenv("DET_THRESH", "0.7")
    settings = load_settings()
    given = given_of(settings)
    for name in ("VULTUS_KEYS", "VULTUS_COMPAT", "DET_THRESH"):
        monkeypatch.delenv(name)
    assert load_settings(**given).model_dump() == settings.model_dump() | {"streams": 1}


def test_streams_that_are_set_count() -> None:
    assert given_of(load_settings(streams=3, ray_cpus=2))["streams"] == 3


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"workers": "2"}, "workers"),
        ({"runtime": "onnx", "device": "cuda"}, "ray_gpus"),
        ({"ray_replicas": "3", "ray_max_replicas": "2"}, "ray_max_replicas"),
        ({"ray_gpus": "1.5"}, "ray_gpus"),
        ({"tls_cert": __file__}, "ssl_certfile"),
        ({"nonsense": "1"}, "nonsense"),
    ],
)
def test_what_does_not_go_together_is_told_where_the_application_is_built(given: dict[str, str], name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        app(given)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda _: None)
    with pytest.raises(ExtraMissing, match=r"vultus\[ray\]"):
        app({})
