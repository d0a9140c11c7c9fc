"""Certificates of a made-up authority, as files."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)


class Certificates:
    """A server's certificate for 127.0.0.1, its key, and what clients have to trust.

    Attributes:
        cert, key, locked_key: Files; the password of the last is ``PASSWORD``.
        both: A file with certificate and key.
    """

    PASSWORD = "open, sesame"

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        issued = self._authority.issue_cert("127.0.0.1", "localhost")
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        key = issued.private_key_pem.bytes()
        encryption = BestAvailableEncryption(self.PASSWORD.encode())
        locked = load_pem_private_key(key, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        self.cert, self.key, self.locked_key, self.both, self.password_file = (
            folder / name for name in ("cert.pem", "key.pem", "locked.pem", "both.pem", "password")
        )
        self.cert.write_bytes(chain)
        self.key.write_bytes(key)
        self.locked_key.write_bytes(locked)
        self.both.write_bytes(key + chain)
        self.password_file.write_text(self.PASSWORD + "\n", encoding="utf-8")

    @property
    def trusting(self) -> ssl.SSLContext:
        """Of a client that trusts the authority, and nobody else."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._authority.configure_trust(context)
        return context
