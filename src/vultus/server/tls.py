"""TLS: the certificate that a server shows."""

from __future__ import annotations

import ssl
from pathlib import Path

from vultus.errors import SettingsError
from vultus.settings import Settings


def server_context(settings: Settings) -> ssl.SSLContext | None:
    """What connections are secured with; ``None``: they are not.

    Versions and ciphers are those that Python holds for safe (TLS 1.2 and newer).

    Raises:
        SettingsError: Certificate, key and password do not fit together, or a file cannot be read.
    """
    if settings.tls_cert is None:
        return None
    files = {"tls_cert": settings.tls_cert, "tls_key": settings.tls_key}
    for name, file in files.items():
        if file is not None:
            _read(name, file)  # OpenSSL does not say which one it could not read
    password = b""  # an empty one, for OpenSSL would otherwise ask for it at the terminal
    if settings.tls_password is not None:
        password = _read("tls_password", settings.tls_password).rstrip(b"\r\n")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, lambda: password)
    except (OSError, ValueError) as error:  # an SSLError is an OSError; ValueError: the password is too long
        named = " and ".join(f"{name}={file}" for name, file in files.items() if file is not None)
        reason = getattr(error, "reason", None) or error.__class__.__name__
        raise SettingsError(
            f"{named}: not a certificate and its private key in PEM, or tls_password is wrong ({reason})"
        ) from None  # the error's own words are OpenSSL's, and may quote the password's length at most
    return context


def _read(name: str, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{name}: {file} cannot be read: {error.strerror}") from error
