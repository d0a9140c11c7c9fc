"""The bare-network bound through OpenVINO alone, and through Vultus' own graphs, for the benchmark pictures."""

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


class Published:
    """The published files as OpenVINO compiles them, with float input: a bound that shares no code with Vultus.

    Args:
        detector, embedder: Their catalogue names.
        work: For the shape of the detector's input.
        precision: What is computed in.
        streams: Rows of one network that are computed at once, on all cores; ``None``: one a core.
    """

    def __init__(
        self, detector: str, embedder: str, work: Work, precision: str = "f32", streams: int | None = None
    ) -> None:
        self._core = ov.Core()
        self._precision = precision
        self._streams = streams or available_cores()
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

    def pictures_per_second(self, work: Work, seconds: float, callers: int = 1) -> float:
        """This bound, measured for so many seconds with so many threads a stream."""
        return rate(lambda: self.worker(work), seconds, callers * self._streams)

    def _compile(self, path: Path, size: tuple[int, int]) -> ov.CompiledModel:
        model = self._core.read_model(path)
        model.reshape([1, 3, size[1], size[0]])
        options = {
            "NUM_STREAMS": self._streams,
            "INFERENCE_NUM_THREADS": available_cores(),
            "INFERENCE_PRECISION_HINT": self._precision,
        }
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
            published = Published(profile.detector, str(profile.embedder), work)
            label = f"{name}, {work.faces} faces, {', '.join(work.canvases)}"
            jobs = {
                f"{label}{callers}: {whose}": partial(measure, work, seconds, callers=count)
                for count, callers in ((1, ""), (2, ", two callers a core"))
                for whose, measure in (
                    ("OpenVINO alone, float input", published.pictures_per_second),
                    ("Vultus' own graphs", bare.pictures_per_second),
                )
            }
            rates = in_turn(jobs, options.pick(5, 1))
            rows += [Row(what, spread(taken).median, "pictures/s") for what, taken in rates.items()]
            detail |= rates
    return Report(
        "bound",
        "networks alone, detection and embeddings alternately, one thread per core and two, f32",
        rows,
        notes=["Medians over rounds in turn. What a server reaches is compared with this in the benchmark `http`."],
        models=[profile.detector, str(profile.embedder)],
        detail=detail,
    )


def _floats(pixels: Image, std: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    scaled = (pixels.transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / np.float32(std)
    return np.ascontiguousarray(scaled, np.float32)
