"""``vultus models build``: everything that a server would otherwise do at its start, done beforehand."""

from __future__ import annotations

import time
from dataclasses import dataclass

from vultus.cli.arguments import AsJson
from vultus.cli.options import with_settings
from vultus.cli.output import print_json, print_line, print_table
from vultus.cli.progress import watched
from vultus.cli.session import log_as_notes
from vultus.runtime.choose import kept_engines
from vultus.settings import SERVER_GROUPS, Settings

COLUMNS = ("network", "input", "seconds")


@dataclass(frozen=True, slots=True)
class Built:
    """A network that was built and has run.

    Attributes:
        network: Catalogue name.
        width, height: Of its input, pixels.
        seconds: That took, for all profiles that use it so.
    """

    network: str
    width: int
    height: int
    seconds: float


@with_settings(*SERVER_GROUPS)
def build(settings: Settings, as_json: AsJson = False) -> None:
    """Fetch, verify, rewrite, build and run once what a server with these settings loads.

    Every network at every shape that the APIs offered may use. TensorRT's engines take minutes and are kept below the
    model cache, by version, GPU and file: the server then starts at once. Others compile anew at each start; for those
    this shows that every network can be had and run.
    """
    from vultus.engine import FaceEngine
    from vultus.server.dialects import served_profiles

    with log_as_notes(), FaceEngine(settings) as engine:
        seconds: dict[tuple[str, int, int], float] = {}
        steps = engine.warm_ups(*served_profiles(engine), every_shape=True)
        for step in watched(steps, len(steps), "networks and shapes"):
            began = time.perf_counter()
            step.run()
            key = step.network, step.width, step.height
            seconds[key] = seconds.get(key, 0.0) + time.perf_counter() - began
        runtime = engine.runtime
        how = {"runtime": runtime.name, "device": runtime.device, "precision": runtime.precision}
    built = [Built(*key, taken) for key, taken in seconds.items()]
    kept = kept_engines(settings)
    if as_json:
        print_json({**how, "kept": str(kept) if kept else None, "networks": built})
        return
    print_table(COLUMNS, [(each.network, f"{each.width} x {each.height}", f"{each.seconds:.2f}") for each in built])
    print_line(f"{how['runtime']} on {how['device']}, {how['precision']}")
    print_line(f"engines are kept in {kept}" if kept else "nothing is kept: this device compiles at each start")
