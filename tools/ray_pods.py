"""Print the pods that a RayService makes, for whoever knows the schema of pods and not that of RayServices."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


def pods_of(service: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The head's pod, then one of each group of workers."""
    cluster = service["spec"]["rayClusterConfig"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        name = group.get("groupName", "head")
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, **group["template"]}


def main() -> None:
    """Read the files named on the command line, write one stream of YAML documents."""
    for name in sys.argv[1:]:
        service = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
        yaml.safe_dump_all(pods_of(service), sys.stdout, explicit_start=True)


if __name__ == "__main__":
    main()
