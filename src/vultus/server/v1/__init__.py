"""The native API, version 1."""

from vultus.server.v1.routes import router as router
