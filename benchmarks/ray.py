"""The service on two Ray nodes of this machine: where replicas are, who answers, and what a node's death costs."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib import metadata

import numpy as np
from PIL import Image

from benchmarks.places import REPOSITORY
from benchmarks.ray_cluster import Caller, Cluster, Node, answered, post, wait_answers
from benchmarks.report import Bar, Report, Row
from benchmarks.subject import Options

_CALLERS = 4  # for each node


@dataclass(frozen=True, slots=True)
class Placement:
    """Who has replicas, and who answered what.

    Attributes:
        replicas: On the head and on the other node.
        sent: Pictures sent to each one's proxy.
        answered: Of them, by the node's own replica.
    """

    replicas: tuple[int, int]
    sent: tuple[int, int]
    answered: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Death:
    """What became of requests under load when one of two nodes was killed.

    Attributes:
        before, after: Requests that the surviving node's proxy had answered when the other was killed, and after.
        not_good: Of them, with anything but 200.
        lost: Requests to the survivor that got no answer.
        taken_along: Requests to the node that was killed that got no answer.
        newcomer: Replicas on the node that joined afterwards.
    """

    before: int
    after: int
    not_good: int
    lost: int
    taken_along: int
    newcomer: int


def picture() -> bytes:
    """A PNG in which the dummy runtime finds one face."""
    pixels = np.zeros((640, 640, 3), np.uint8)
    pixels[32:64, 32:64] = 255
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, "PNG")
        return file.getvalue()


def place(cluster: Cluster, sent: tuple[int, int]) -> Placement:
    """Send so many pictures to the first two nodes, and look who answered."""
    head, other = cluster.nodes[:2]
    body = picture()
    before = (answered(head), answered(other))
    for node, count in zip((head, other), sent, strict=True):
        for _ in range(count):
            post(node, body).raise_for_status()
    counts = (answered(head) - before[0], answered(other) - before[1])
    return Placement((len(head.replicas()), len(other.replicas())), sent, counts)


def kill(cluster: Cluster, answers: int, **environment: str) -> Death:
    """Load both nodes, kill the second, start a third.

    Args:
        cluster: Its first two nodes have a replica each.
        answers: To the callers of the first, before the second dies and after.
        environment: Further variables of the third.
    """
    head, other = cluster.nodes[:2]
    ours, theirs = _call(head), _call(other)
    wait_answers(ours, answers)
    before = sum(caller.statuses.total() for caller in ours)
    other.kill()
    wait_answers(ours, answers)
    for caller in ours:
        caller.stop()
    for caller in theirs:
        caller.join()  # as there is nobody to connect to
    total = sum(caller.statuses.total() for caller in ours)
    good = sum(caller.statuses[200] for caller in ours)
    cluster.nodes.remove(other)
    newcomer = cluster.add_node(environment)
    cluster.wait_replicas(newcomer, 1)
    return Death(
        before,
        total - before,
        total - good,
        sum(caller.lost for caller in ours),
        sum(caller.lost for caller in theirs),
        len(newcomer.replicas()),
    )


def rows(placement: Placement, death: Death, hops: dict[str, float]) -> list[Row]:
    """The figures."""
    (head, other), (sent, sent_other), (own, own_other) = placement.replicas, placement.sent, placement.answered
    return [
        Row("replicas on the head; a replica has one core", head, "", Bar("==", 1)),
        Row("replicas on the other node", other, "", Bar("==", 1)),
        Row(f"of {sent} pictures sent to the head's proxy, answered by its replica", own, "", Bar("==", sent)),
        Row(f"of {sent_other} sent to the other's, answered by its", own_other, "", Bar("==", sent_other)),
        Row("a node killed under load: the survivor's answers before", death.before),
        Row("the survivor's answers after", death.after),
        Row("the survivor's answers that were not good", death.not_good, "", Bar("==", 0)),
        Row("requests to the survivor that got no answer", death.lost, "", Bar("==", 0)),
        Row(f"requests of {_CALLERS} callers to the killed node that got no answer", death.taken_along),
        Row("replicas on the node that joined afterwards", death.newcomer, "", Bar("==", 1)),
        *(Row(f"handing {shape} pixels to another replica and back", taken, "ms") for shape, taken in hops.items()),
    ]


def run(options: Options) -> Report:
    """Start the cluster, deploy, count, kill."""
    with Cluster() as cluster:
        with cluster.deploy(runtime="dummy") as deployment:
            deployment.wait_up()
            deployment.wait_answering(*cluster.nodes)
            placement = place(cluster, (options.pick(300, 30), options.pick(200, 20)))
            death = kill(cluster, options.pick(2000, 100))
        hops = _hops(cluster, options.pick(10, 1))
    return Report(
        "ray",
        "the service on two Ray nodes of one machine: replica placement, and a node killed under load",
        rows(placement, death, hops),
        notes=[
            "Both nodes are this machine, one core each on paper: throughput would prove nothing, and is not measured. "
            "The runtime is the dummy, which computes next to nothing.",
            "Handing pixels over is what a detector or embedder in a replica of its own would cost on top, each time.",
        ],
        versions={"ray": metadata.version("ray")},
        detail={"placement": asdict(placement), "death": asdict(death), "hop_ms": hops},
    )


def _call(node: Node) -> list[Caller]:
    callers = [Caller(node.url, picture()) for _ in range(_CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        wait_answers([caller], 1)
    return callers


def _hops(cluster: Cluster, seconds: int) -> dict[str, float]:
    """Milliseconds by shape; see ``ray_hop``."""
    command = [sys.executable, "-m", "benchmarks.ray_hop", cluster.address, str(seconds)]
    done = subprocess.run(command, env=cluster.environment, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
