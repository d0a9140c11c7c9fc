"""What the networks have to do is recorded as the engine asks it of them; and how a rate of threads is counted."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vultus.bench.bound import SIDE, Bare, Bound, Work, load_network, rate
from vultus.errors import CorruptPicture
from vultus.settings import Settings
from vultus.types import Plan

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]


def bare(**settings: Any) -> Bare:
    return Bare(Settings(**{"runtime": "dummy", "streams": 2, **settings}))


def pixels_of(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB"))


def test_the_networks_inputs_are_recorded_in_order(squares: Squares) -> None:
    png = squares((3, 2), (10, 10))
    with bare() as networks:
        work = networks.work(png)
    assert [(call.model.task, call.pixels.shape) for call in work.calls] == [
        ("detection", (1, 640, 640, 3)),
        ("embedding", (2, 112, 112, 3)),
    ]
    assert (work.faces, work.pictures, work.canvases) == (2, 1, ("640 x 640",))
    np.testing.assert_array_equal(work.rows("detection")[0], pixels_of(png))  # of the canvas's size: it is not scaled


def test_only_what_the_plan_asks_is_recorded(squares: Squares) -> None:
    with bare() as networks:
        work = networks.work(squares((3, 2)), Plan(embeddings=False))
    assert [call.model.task for call in work.calls] == ["detection"]


def test_a_second_canvas_is_part_of_the_work(squares: Squares) -> None:
    with bare(second_canvas=128) as networks:
        work = networks.work(squares((3, 2)))
    assert work.canvases == ("640 x 640", "128 x 128")


def test_a_picture_that_cannot_be_used_ends_the_recording(squares: Squares) -> None:
    with bare() as networks:
        with pytest.raises(CorruptPicture):
            networks.work(squares((3, 2))[:100])
        assert networks.work(squares((3, 2))).faces == 1


def test_the_square_is_filled_up_with_black(squares: Squares) -> None:
    with bare(canvas=320) as networks:
        work = networks.work(squares((3, 2)))
        square = networks.on_square(work)
    assert square is not None
    (small,), (large,) = work.rows("detection"), square.rows("detection")
    assert large.shape == (SIDE, SIDE, 3)
    np.testing.assert_array_equal(large[:320, :320], small)
    assert not large[320:].any()
    assert not large[:, 320:].any()
    np.testing.assert_array_equal(square.rows("embedding"), work.rows("embedding"))
    detection = next(call for call in square.calls if call.model.task == "detection")
    assert (detection.network.spec.input.width, detection.network.spec.input.height) == (SIDE, SIDE)


def test_a_canvas_that_is_larger_has_no_square(squares: Squares) -> None:
    with bare(canvas=1280) as networks:
        assert networks.on_square(networks.work(squares((3, 2)))) is None


def test_one_measurement_is_enough_where_the_shapes_are_the_same(squares: Squares) -> None:
    with bare() as networks:
        bound = networks.bound(networks.work(squares((3, 2))), seconds=0)
    assert bound.square == bound.here > 0


def test_work_is_repeated_as_it_was_asked(squares: Squares) -> None:
    with bare() as networks:
        one, two = networks.work(squares((3, 2))), networks.work(squares((3, 2), (5, 5)))
        both = Work.together([one, two])
        networks.worker(both)()
    assert (both.pictures, both.faces) == (2, 3)
    assert both.calls == (*one.calls, *two.calls)


def test_the_mean_of_bounds() -> None:
    first, second = Bound(("a",), 10, 4), Bound(("a",), 20, 6)
    assert Bound.mean([first, second]) == Bound(("a",), 15, 5)
    assert Bound.mean([Bound(("a",), 10, None)]).square is None


def test_a_network_by_itself_has_the_size_that_was_asked() -> None:
    with bare() as networks:
        network = load_network(networks.engine, networks.engine.model("scrfd_500m_bnkps"), (320, 192))
    assert (network.spec.input.width, network.spec.input.height) == (320, 192)


def test_every_thread_has_a_worker_of_its_own_and_works_at_least_once() -> None:
    workers: dict[int, list[int]] = {}

    def make() -> Callable[[], None]:
        calls: list[int] = []
        workers[threading.get_ident()] = calls
        return lambda: calls.append(1)

    assert rate(make, seconds=0, threads=3) > 0
    assert len(workers) == 3
    assert all(len(calls) == 2 for calls in workers.values())  # one to warm up, one that counts


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_fails_is_no_rate() -> None:
    made = iter([True, False])
    lock = threading.Lock()

    def make() -> Callable[[], None]:
        with lock:
            good = next(made)
        calls: list[int] = []

        def work() -> None:
            calls.append(1)
            if not good and len(calls) == 2:
                raise RuntimeError("broken")

        return work

    with pytest.raises(RuntimeError, match="failed"):
        rate(make, seconds=0, threads=2)
