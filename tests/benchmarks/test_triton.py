from __future__ import annotations

import numpy as np
import pytest

from benchmarks.triton import HERE, WAYS, Subject, cosine, crops_a_second, same_answers, settings
from benchmarks.triton_server import Triton
from vultus.cluster.triton.server import Ports, Program, TritonServer
from vultus.runtime.network import NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.types import Image, InputSpec

pytestmark = pytest.mark.unit

PIXELS = np.full((1, 2, 3, 3), 7, np.uint8)


class Made:
    """A network that answers with a constant."""

    spec = NetworkSpec("made", InputSpec(3, 2), ("a", "b"))

    def __init__(self, *answer: float) -> None:
        self._answer = np.array([answer], np.float32)
        self.runs = 0

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        assert batch is PIXELS
        self.runs += 1
        return self._answer, self._answer[:, :1]


def test_answers_are_compared_output_by_output_and_the_worst_counts() -> None:
    here = Made(1, 0)
    subject = Subject("made", PIXELS, {HERE: here, **dict.fromkeys(WAYS, Made(1, 1))})
    assert subject.label == "made 3 x 2"
    rows = same_answers(subject)
    assert [row.value for row in rows] == pytest.approx([0.5**0.5] * len(WAYS))
    assert [row.met for row in rows] == [False] * len(WAYS)


def test_cosine_is_that_of_all_values_together() -> None:
    assert cosine(np.array([[3.0, 0.0]], np.float32), np.array([[3.0, 4.0]], np.float32)) == pytest.approx(0.6)


def test_every_caller_asks_and_every_row_counts() -> None:
    network = Made(1)
    rate = crops_a_second(network, PIXELS, 0.01)
    assert network.runs >= 1
    assert rate > 0


@pytest.mark.parametrize(
    ("way", "url"), [("gRPC", "grpc://127.0.0.1:2"), ("HTTP, shared memory", "http://127.0.0.1:1")]
)
def test_each_way_has_settings_of_its_own(way: str, url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("models")
    (folder / "made").mkdir()
    (folder / "made" / "config.pbtxt").touch()
    server = Triton(TritonServer(Program(folder / "tritonserver"), folder, ports=Ports(1, 2, 3)), folder / "log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VULTUS_MODEL_PATH", str(folder))
        found = settings(server, *WAYS[way])
    assert (found.runtime, found.triton_url) == ("triton", url)
    assert found.triton_mem == ("system" if "shared" in way else "off")
