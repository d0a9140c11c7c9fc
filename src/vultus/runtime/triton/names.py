"""What networks are called on a server: one rule for who writes its repository and who asks it."""

from __future__ import annotations

from vultus.types import InputSpec
from vultus.zoo.catalogue import Model


def model_name(model: Model, spec: InputSpec) -> str:
    """Name of the server's model: a detector has one for each canvas."""
    return f"{model.name}_{spec.width}x{spec.height}" if model.task == "detection" else model.name
