"""The server as a process: socket, log, signals, exit code."""

from __future__ import annotations

import logging
import signal
import socket
import sys

import uvicorn

from vultus import __version__
from vultus.engine import FaceEngine
from vultus.errors import AddressUnavailable, VultusError
from vultus.server.app import create_app
from vultus.settings import Settings

_GRACE = 30  # seconds that requests under way get when the server is asked to end
_BACKLOG = 2048

logger = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """Serve until asked to end (SIGINT, SIGTERM), then finish what is under way.

    Returns:
        Exit code: 0 after a request to end, 1 where a bug prevented the start; the log has its trace.

    Raises:
        AddressUnavailable: The host and port cannot be listened on.
        VultusError: What else prevented the start; it is not logged.
    """
    _log_to_stderr(settings.log_level)
    for remark in settings.remarks:
        logger.warning("%s", remark)
    failures: list[BaseException] = []

    def give_up(error: BaseException) -> None:
        failures.append(error)
        server.should_exit = True

    app = create_app(settings, on_ready=_announce_ready, on_failure=give_up)
    listener = _listen(settings.host, settings.port)
    address = _address(settings.host, listener.getsockname()[1])
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="auto",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_GRACE,
    )
    server = uvicorn.Server(config)
    with listener:
        print(f"Vultus {__version__} on {address} (docs: {address}/docs)", flush=True)
        _ignore_late_signals()
        server.run(sockets=[listener])
    for failure in failures:
        if isinstance(failure, VultusError):
            raise failure
    return 1 if failures else 0


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        AddressUnavailable: It cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except (OSError, ValueError) as error:  # ValueError: what cannot be a host's name at all
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise AddressUnavailable(
            f"cannot listen on {_address(host, port)}: {reason}; choose another host or port"
        ) from error


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _ignore_late_signals() -> None:
    """Uvicorn raises a signal it has obeyed once more when it is done; by then there is nothing left to end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)


def _announce_ready(engine: FaceEngine) -> None:
    profile = engine.default_profile
    logger.info("ready: %s on %s, %s", engine.runtime.name, engine.runtime.device, engine.runtime.precision)
    for name in (profile.detector, profile.embedder, *profile.attributes):
        if name:
            model = engine.model(name)
            use = {True: "commercial use allowed", False: "no commercial use", None: "commercial use not stated"}
            logger.log(
                logging.INFO if model.commercial_use else logging.WARNING,
                "network %s: licence %s; %s",
                model.name,
                model.licence,
                use[model.commercial_use],
            )


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(
        stream=sys.stderr, level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    # What uvicorn says about starting and stopping is said better here.
    logging.getLogger("uvicorn").setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
