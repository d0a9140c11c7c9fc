"""``vultus cluster serve``: the application on a cluster, for as long as this process lives."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from vultus import __version__
from vultus.cluster.extra import check_ray
from vultus.cluster.serve import DEPLOYMENT, build
from vultus.errors import AddressUnavailable, ServerUnreachable, SettingsError
from vultus.server.exposure import warn_if_open
from vultus.server.listening import url_of
from vultus.server.logs import log_to_stderr
from vultus.server.tls import server_context
from vultus.settings import Settings

if TYPE_CHECKING:
    from ray.serve import Application
    from ray.serve.config import HTTPOptions

NAME = "vultus"
"""Name of the application on the cluster."""

_PATIENCE = 10.0  # seconds for the head to take a connection

_FIXED = ("host", "port", "ssl_certfile", "ssl_keyfile")  # what proxies that run are not changed in

_MARGIN = 30.0  # seconds after a request's own deadline at which a proxy gives it up: no replica was there to do so

logger = logging.getLogger(__name__)


def serve(settings: Settings, address: str) -> int:
    """Deploy the application with a proxy on every node; remove it when asked to end (SIGINT, SIGTERM).

    Args:
        settings: Those of all replicas; ``host``, ``port`` and ``tls_*`` are the proxies'.
        address: The cluster's, as ``host:port``; ``auto``: that of this machine, or of ``RAY_ADDRESS``.

    Returns:
        Exit code: 0 after a request to end.

    Raises:
        ExtraMissing: Ray is not installed.
        SettingsError: A setting cannot be used, or proxies run already that were started with others.
        ServerUnreachable: There is no cluster, or the replicas do not start; their log says why.
    """
    check_ray()
    if not settings.port:
        raise SettingsError("port: the proxies of all nodes need the same one; 0 picks none")
    server_context(settings)  # better told here than by a proxy that does not start
    import ray

    application = build(settings)
    log_to_stderr(settings.log_level, form=settings.log_format)
    _connect(address)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as the terminal ends it
    try:
        warn_if_open(settings, _ip_of(settings.host))
        _start_proxies(http_options(settings))
        with _deployed(application):
            url = url_of(settings.host, settings.port, is_secure=settings.tls_cert is not None)
            print(f"Vultus {__version__} on {url} of every node (docs: {url}/docs)", flush=True)
            _wait()
    finally:
        ray.shutdown()
    return 0


def http_options(settings: Settings) -> HTTPOptions:
    """What the proxies are told."""
    from ray.serve.config import HTTPOptions

    password = settings.tls_password.read_text(encoding="utf-8").rstrip("\r\n") if settings.tls_password else None
    return HTTPOptions(
        host=settings.host,
        port=settings.port,
        request_timeout_s=settings.request_timeout + _MARGIN if settings.request_timeout else None,
        keep_alive_timeout_s=settings.keep_alive_timeout,
        ssl_certfile=str(settings.tls_cert) if settings.tls_cert else None,
        ssl_keyfile=str(settings.tls_key or settings.tls_cert) if settings.tls_cert else None,
        ssl_keyfile_password=password,
    )


def _start_proxies(options: HTTPOptions) -> None:
    from ray import serve as ray_serve
    from ray.serve.context import _get_global_client

    ray_serve.start(proxy_location="EveryNode", http_options=options)
    client = _get_global_client()  # nothing public tells how proxies that were there already were started
    running = client.http_config if client else options
    if wrong := [name for name in _FIXED if getattr(running, name) != getattr(options, name)]:
        raise SettingsError(
            f"the cluster's proxies run already, with other {', '.join(wrong)}; use the same, or end them by "
            "`serve shutdown`"
        )


@contextlib.contextmanager
def _deployed(application: Application) -> Iterator[None]:
    from ray import serve as ray_serve
    from ray.serve.exceptions import RayServeException

    try:
        try:
            ray_serve.run(application, name=NAME)
        except (RuntimeError, RayServeException) as error:
            raise ServerUnreachable(f"the replicas do not start: {_reason(error)}") from error
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ray_serve.delete(NAME)
        if not ray_serve.status().applications:  # else the proxies would keep their options for whoever comes next
            ray_serve.shutdown()


def _reason(error: Exception) -> str:
    """Why replicas did not start, as the last of them said."""
    from ray import serve as ray_serve

    application = ray_serve.status().applications.get(NAME)
    deployment = application.deployments.get(DEPLOYMENT) if application else None
    return _last_line(deployment.message if deployment and deployment.message else str(error))


def _connect(address: str) -> None:
    import ray

    try:
        _knock(address)
        ray.init(address=address, namespace="serve")
    except (OSError, ValueError, RuntimeError) as error:
        raise ServerUnreachable(f"there is no cluster at {address}: {_last_line(str(error))}") from error


def _knock(address: str) -> None:
    """Raise ``OSError`` where nobody listens: Ray would go on trying for many minutes, and say nothing."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "://" not in host:
        socket.create_connection((host, int(port)), _PATIENCE).close()


def _ip_of(host: str) -> str:
    try:
        return str(socket.getaddrinfo(host, None)[0][4][0])
    except OSError as error:
        raise AddressUnavailable(f"host={host} cannot be listened on: {error.strerror}") from error


def _wait() -> None:
    """Until somebody ends this."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        logger.info("ending: the replicas finish what is under way")


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "nothing is said of why")
