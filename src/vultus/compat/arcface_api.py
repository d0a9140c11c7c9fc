"""The environment of the InsightFace ArcFace API, whose code reads no variable; its images set some."""

from __future__ import annotations

from types import MappingProxyType

from vultus.compat.rows import UNPROVEN, ignored
from vultus.compat.table import NOTHING, Product, Variable

_NO_DATABASE = "there is no database; faces were stored by early versions only"

_PYTHONS_OWN = "Python itself reads it, here as there; its images set it"

PRODUCT = Product(
    name="arcface-api",
    title="InsightFace ArcFace API",
    port=5555,
    images=("arcface-api", "insightface-api", "insightface-arcface"),
    defaults=MappingProxyType({"pack": "buffalo_l"}),
    variables=(
        Variable("PYTHONPATH", "honoured", _PYTHONS_OWN, lambda _: NOTHING, default="/app"),
        Variable("PYTHONUNBUFFERED", "honoured", _PYTHONS_OWN, lambda _: NOTHING, default="1"),
        Variable("PYTHONDONTWRITEBYTECODE", "honoured", _PYTHONS_OWN, lambda _: NOTHING, default="1"),
        ignored(
            "CUDA_VISIBLE_DEVICES",
            "CUDA itself reads it, here as there, but it does not choose the GPU: the CPU computes unless "
            f"VULTUS_RUNTIME=onnx and VULTUS_DEVICE=cuda are set; {UNPROVEN}",
        ),
        ignored("DB_URL", _NO_DATABASE, is_secret=True),
        ignored("POSTGRES_USER", _NO_DATABASE),
        ignored("POSTGRES_PASSWORD", _NO_DATABASE, is_secret=True),
        ignored("POSTGRES_DB", _NO_DATABASE),
    ),
)
