"""The environment of the FastAPI and Triton similarity service."""

from __future__ import annotations

from types import MappingProxyType

from vultus.compat.rows import honoured, ignored
from vultus.compat.table import Product

_NO_TRITON = "there is no Triton beside it; clients that talk to Triton itself are not served"

PRODUCT = Product(
    name="face-triton",
    title="FastAPI and Triton similarity service",
    port=3000,
    images=("fr-triton", "frtriton", "face-triton"),
    defaults=MappingProxyType({"pack": "buffalo_sc", "detector": "det_10g", "embedder": "w600k_r50"}),
    variables=(
        ignored("TRITON_REPO", _NO_TRITON, default="/app/model_repository"),
        ignored("TRITON_HTTP_PORT", _NO_TRITON, default="8000"),
        ignored("TRITON_GRPC_PORT", _NO_TRITON, default="8001"),
        ignored("TRITON_METRICS_PORT", "metrics are at `/metrics` of the one port", default="8002"),
        honoured("FASTAPI_PORT", "port", "the port", default="3000"),
        ignored("SKIP_TRITON", "both endpoints always compute; there they answer 503 then"),
    ),
)
