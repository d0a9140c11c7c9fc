"""Which operators of a graph were computed where: read from the profile that ONNX Runtime writes of a run."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import orjson


def strays(profile: Path, providers: Collection[str]) -> tuple[str, ...]:
    """Operators that a profiled run left to others than these providers.

    Args:
        profile: The file, as ``InferenceSession.end_profiling`` names it: Chrome's trace events, a list of objects of
            which those of the category ``Node`` tell operator and provider.
        providers: ONNX Runtime's names of those that are to compute.

    Returns:
        Each kind once, such as ``Resize on CPUExecutionProvider``, in alphabetical order.

    Raises:
        ValueError: No operator is in it: nothing was profiled.
    """
    events = [event["args"] for event in orjson.loads(profile.read_bytes()) if event.get("cat") == "Node"]
    placed = {(args["op_name"], args["provider"]) for args in events if "provider" in args}
    if not placed:
        raise ValueError(f"{profile.name} tells of no operator")
    return tuple(sorted(f"{operator} on {provider}" for operator, provider in placed if provider not in providers))
