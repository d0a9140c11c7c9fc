"""What it takes to hand pixels from process to process through Ray Serve.

``python -m benchmarks.ray_hop ADDRESS SECONDS``: a process of its own, for it joins the cluster; prints milliseconds a
call, by shape, as JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import numpy as np
import ray
from ray import serve
from ray.serve.handle import DeploymentHandle

from vultus.types import Image

SHAPES = ((640, 640, 3), (112, 112, 3))
"""Of a detector's input and of an embedder's."""


class Echo:
    """Stands for a network in a replica of its own that computes nothing."""

    async def __call__(self, pixels: Image) -> int:
        """Something that depends on what was sent."""
        return int(pixels[-1, -1, -1])


def milliseconds(handle: DeploymentHandle[Echo], shape: tuple[int, int, int], seconds: float) -> float:
    """The median of calls one after the other."""
    pixels = np.full(shape, 7, np.uint8)
    taken = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        if handle.remote(pixels).result() != pixels[0, 0, 0]:
            raise RuntimeError("something else came back")
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e3


def main() -> None:
    """Measure, print, and take the application away."""
    address, seconds = sys.argv[1], float(sys.argv[2])
    ray.init(address=address, namespace="serve", log_to_driver=False)
    application = serve.deployment(num_replicas=1, ray_actor_options={"num_cpus": 0})(Echo).bind()
    try:
        handle = serve.run(application, name="hop", route_prefix=None)
        for shape in SHAPES:
            milliseconds(handle, shape, min(seconds, 1))  # warm-up
        print(json.dumps({"x".join(map(str, shape)): milliseconds(handle, shape, seconds) for shape in SHAPES}))
    finally:
        serve.delete("hop")
        ray.shutdown()


if __name__ == "__main__":
    main()
