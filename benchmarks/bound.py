"""The bare-network bound (``vultus.bench.bound``), and the same through OpenVINO alone, for the benchmark pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import openvino as ov

from benchmarks import pictures, places
from benchmarks.report import Report, Row
from benchmarks.subject import Options, settings_of
from benchmarks.timing import in_turn, spread
from vultus.bench.bound import Bare, Work, rate
from vultus.runtime.cores import available_cores
from vultus.types import Image


class Raw:
    """The same files compiled by OpenVINO itself, f32 with float input: a bound that shares no code with Vultus."""

    def __init__(self, detector: str, embedder: str, work: Work) -> None:
        self._core = ov.Core()
        (canvas,) = work.rows("detection")
        self._detector = self._compile(places.network(f"{detector}.onnx"), (canvas.shape[1], canvas.shape[0]))
        self._embedder = self._compile(places.network(f"{embedder}.onnx"), (112, 112))

    def worker(self, work: Work) -> Callable[[], None]:
        """What one thread runs for one picture."""
        detect, embed = self._detector.create_infer_request(), self._embedder.create_infer_request()
        (canvas,) = (_floats(row[np.newaxis], 128.0) for row in work.rows("detection"))
        crops = [_floats(row[np.newaxis], 127.5) for row in work.rows("embedding")]

        def picture() -> None:
            detect.infer([canvas], share_inputs=True, share_outputs=True)
            for crop in crops:
                embed.infer([crop], share_inputs=True, share_outputs=True)

        return picture

    def pictures_per_second(self, work: Work, seconds: float) -> float:
        """This bound, measured for so many seconds."""
        return rate(lambda: self.worker(work), seconds, available_cores())

    def _compile(self, path: Path, size: tuple[int, int]) -> ov.CompiledModel:
        model = self._core.read_model(path)
        model.reshape([1, 3, size[1], size[0]])
        cores = available_cores()
        options = {"NUM_STREAMS": cores, "INFERENCE_NUM_THREADS": cores, "INFERENCE_PRECISION_HINT": "f32"}
        return self._core.compile_model(model, "CPU", options)


def run(options: Options) -> Report:
    """Both bounds in turn, for one face and for the mosaic."""
    files = pictures.make()
    rows: list[Row] = []
    detail: dict[str, object] = {}
    seconds = options.pick(5, 1)
    with Bare(settings_of()) as bare:
        profile = bare.engine.default_profile
        for name, picture in (("one face", files.one_face), ("mosaic", files.mosaic)):
            work = bare.work(picture)
            raw = Raw(profile.detector, str(profile.embedder), work)
            jobs = {
                "bare": partial(bare.pictures_per_second, work, seconds),
                "raw": partial(raw.pictures_per_second, work, seconds),
            }
            rates = in_turn(jobs, options.pick(5, 1))
            label = f"{name}, {work.faces} faces, {', '.join(work.canvases)}"
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
