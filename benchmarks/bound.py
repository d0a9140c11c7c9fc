"""The bare-network bound: how many pictures a second the networks alone would allow.

Detection and the embeddings of one picture after it are run alternately, as a request does, on as many threads as there
are cores. Networks that alternate evict each other's weights from the caches, so this is less than what the
networks reach each for itself; it is what a server can be compared with.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino as ov

from benchmarks import pictures, places
from benchmarks.report import Report, Row
from benchmarks.subject import Options, load_network, open_engine, read_picture
from benchmarks.timing import in_turn, spread
from vultus import FaceEngine
from vultus.imaging.canvas import lay_on_canvas
from vultus.runtime.cores import available_cores
from vultus.runtime.ticket import Ticket
from vultus.types import Image, Plan, Profile


@dataclass(frozen=True, slots=True)
class Work:
    """What the networks have to do for one picture.

    Attributes:
        canvas: RGB uint8 ``(height, width, 3)``, as the detector sees it.
        crops: RGB uint8 ``(faces, 112, 112, 3)``, as the embedder sees them.
    """

    canvas: Image
    crops: Image


def work_of(engine: FaceEngine, picture: Path, profile: Profile | None = None) -> Work:
    """The real inputs of both networks for a picture: never zeros, which some kernels get through faster."""
    profile = profile or engine.default_profile
    pixels = read_picture(engine, picture)
    faces = engine.analyze(pixels, Plan(crops=True), profile).faces
    return Work(lay_on_canvas(pixels, profile.canvas).pixels, np.array([face.crop for face in faces], np.uint8))


class Bare:
    """The engine's own compiled networks, with u8 input, without anything else of Vultus."""

    def __init__(self, engine: FaceEngine, detector: str, embedder: str, canvas: tuple[int, int]) -> None:
        self._detector = load_network(engine, detector, canvas)
        self._embedder = load_network(engine, embedder)

    def worker(self, work: Work) -> Callable[[], None]:
        """What one thread runs for one picture."""
        ticket = Ticket()

        def picture() -> None:
            self._detector.run(work.canvas[np.newaxis], ticket)
            for index in range(len(work.crops)):
                self._embedder.run(work.crops[index : index + 1], ticket)

        return picture


class Raw:
    """The same files compiled by OpenVINO itself, f32 with float input: a bound that shares no code with Vultus."""

    def __init__(self, detector: str, embedder: str, canvas: tuple[int, int]) -> None:
        self._core = ov.Core()
        self._detector = self._compile(places.network(f"{detector}.onnx"), canvas)
        self._embedder = self._compile(places.network(f"{embedder}.onnx"), (112, 112))

    def worker(self, work: Work) -> Callable[[], None]:
        """What one thread runs for one picture."""
        detect, embed = self._detector.create_infer_request(), self._embedder.create_infer_request()
        canvas = _floats(work.canvas[np.newaxis], 128.0)
        crops = [_floats(work.crops[index : index + 1], 127.5) for index in range(len(work.crops))]

        def picture() -> None:
            detect.infer([canvas], share_inputs=True, share_outputs=True)
            for crop in crops:
                embed.infer([crop], share_inputs=True, share_outputs=True)

        return picture

    def _compile(self, path: Path, size: tuple[int, int]) -> ov.CompiledModel:
        model = self._core.read_model(path)
        model.reshape([1, 3, size[1], size[0]])
        cores = available_cores()
        options = {"NUM_STREAMS": cores, "INFERENCE_NUM_THREADS": cores, "INFERENCE_PRECISION_HINT": "f32"}
        return self._core.compile_model(model, "CPU", options)


def pictures_per_second(make_worker: Callable[[], Callable[[], None]], seconds: float, threads: int = 0) -> float:
    """Rate of ``threads`` threads (0: one per core), each calling a worker of its own for so many seconds."""
    barrier = threading.Barrier(threads or available_cores())
    rates: list[float] = []

    def loop() -> None:
        picture = make_worker()
        picture()
        barrier.wait(120)  # a thread that failed must not hang the others
        done, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds or not done:
            picture()
            done += 1
        rates.append(done / spent)

    pool = [threading.Thread(target=loop) for _ in range(barrier.parties)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    if len(rates) != barrier.parties:
        raise RuntimeError("a thread of the bound failed; see its traceback above")
    return sum(rates)


def run(options: Options) -> Report:
    """Both bounds in turn, for one face and for the mosaic."""
    files = pictures.make()
    rows: list[Row] = []
    detail: dict[str, object] = {}
    seconds = options.pick(5, 1)
    with open_engine() as engine:
        profile = engine.default_profile
        size = (profile.canvas.width, profile.canvas.height)
        bare = Bare(engine, profile.detector, str(profile.embedder), size)
        raw = Raw(profile.detector, str(profile.embedder), size)
        for name, picture in (("one face", files.one_face), ("mosaic", files.mosaic)):
            work = work_of(engine, picture)
            jobs = {
                "bare": lambda work=work: pictures_per_second(lambda: bare.worker(work), seconds),
                "raw": lambda work=work: pictures_per_second(lambda: raw.worker(work), seconds),
            }
            rates = in_turn(jobs, options.pick(5, 1))
            label = f"{name}, {len(work.crops)} faces, {size[0]} x {size[1]}"
            rows.append(Row(f"{label}: Vultus' compiled networks", spread(rates["bare"]).median, "pictures/s"))
            rows.append(Row(f"{label}: OpenVINO alone, float input", spread(rates["raw"]).median, "pictures/s"))
            detail[name] = rates
    return Report(
        "bound",
        "networks alone, detection and embeddings alternately, one thread per core, f32",
        rows,
        notes=["Medians over rounds in turn. What a server reaches is compared with this in the benchmark `http`."],
        models=[profile.detector, str(profile.embedder)],
        detail=detail,
    )


def _floats(pixels: Image, std: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    scaled = (pixels.transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / np.float32(std)
    return np.ascontiguousarray(scaled, np.float32)
