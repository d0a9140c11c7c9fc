"""The service as an application of Ray Serve: ``vultus.cluster.serve:app``, for ``serve run`` and serve.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vultus.cluster.extra import check_ray
from vultus.engine import WORKERS_PER_STREAM
from vultus.errors import SettingsError
from vultus.runtime.choose import is_accelerator, worker_threads
from vultus.server.admission import PICTURES_PER_WORKER
from vultus.server.process import PATIENCE
from vultus.settings import Settings, load_settings

if TYPE_CHECKING:
    from ray.serve import Application

DEPLOYMENT = "Vultus"
"""Name under which a serve.yaml may change the deployment's options."""

_HEADROOM = (
    100  # requests a replica is handed beyond its own limit, at least: those whose bodies come, and those it refuses
)
_RETRY_AFTER = 1  # seconds, in a refusal of Ray's own
_ATTEMPTS = 3  # to start a replica, before the application counts as failed


def app(args: Mapping[str, Any]) -> Application:
    """Build the application; to Ray Serve this is an application builder.

    What is set where it is built (``args``, then the environment) counts for all replicas; for the rest each replica
    reads the environment of its own node.

    Args:
        args: Settings by name, as ``args`` of a serve.yaml or on the command line of ``serve run``.

    Raises:
        ExtraMissing: Ray is not installed.
        SettingsError: A setting cannot be used, or not under Ray.
    """
    settings = load_settings(**args)
    if settings.tls_cert is not None:
        raise SettingsError(
            "tls_cert: Ray's proxies speak HTTP for the replicas; give them the certificate: ssl_certfile and "
            "ssl_keyfile of http_options"
        )
    return build(settings)


def build(settings: Settings) -> Application:
    """The application for these settings; what is not set in them each replica reads from its node's environment.

    Raises:
        ExtraMissing: Ray is not installed.
        SettingsError: A setting cannot be used under Ray.
    """
    check_ray()
    _check(settings)
    from ray import serve

    from vultus.cluster.replica import Replica

    ingress = serve.deployment(**options_of(settings))(serve.ingress()(Replica))
    return ingress.bind(given_of(settings))


def given_of(settings: Settings) -> dict[str, Any]:
    """What replicas are told: all that was set, but for the proxies' part, and how many streams they have."""
    given = {name: getattr(settings, name) for name in settings.model_fields_set if not name.startswith("tls_")}
    return given | {"streams": streams_of(settings)}


def options_of(settings: Settings) -> dict[str, Any]:
    """The deployment's options, by Ray's names.

    A replica refuses by itself what is too much, with 429 and in the form of the API that was asked, so it is handed
    more than it takes on. Only what is beyond that waits in the proxies, and is refused by them, also with 429, where
    that becomes too much as well.
    """
    threads = worker_threads(settings, WORKERS_PER_STREAM * streams_of(settings))
    limit = settings.max_queued_pictures or PICTURES_PER_WORKER * threads
    ongoing = limit + max(limit, _HEADROOM)
    return {
        "name": DEPLOYMENT,
        "ray_actor_options": {"num_cpus": settings.ray_cpus, "num_gpus": settings.ray_gpus},
        **_scale_of(settings, threads),
        "max_ongoing_requests": ongoing,
        "max_queued_requests": ongoing,
        "backpressure_config": {"status_code": 429, "retry_after_s": _RETRY_AFTER},
        "graceful_shutdown_timeout_s": settings.drain_timeout + PATIENCE,
        "max_constructor_retry_count": _ATTEMPTS,
    }


def streams_of(settings: Settings) -> int:
    """Streams of a replica: on a node that several share, the cores that it has reserved and no more."""
    return settings.streams or settings.ray_cpus


def _scale_of(settings: Settings, threads: int) -> dict[str, Any]:
    """How many replicas; with autoscaling as many as keep each one's worker threads, and no queue, busy."""
    if settings.ray_max_replicas <= settings.ray_replicas:
        return {"num_replicas": settings.ray_replicas}
    return {
        "autoscaling_config": {
            "min_replicas": settings.ray_replicas,
            "max_replicas": settings.ray_max_replicas,
            "target_ongoing_requests": threads,
        }
    }


def _check(settings: Settings) -> None:
    if settings.workers > 1:
        raise SettingsError("workers: Ray starts the processes; leave it at 1, and set ray_replicas")
    if settings.runtime == "onnx" and is_accelerator(settings) and not settings.ray_gpus:
        raise SettingsError(f"ray_gpus: Ray hides GPUs that are not reserved; device={settings.device} needs one")
