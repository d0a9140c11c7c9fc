"""What of a GPU's speed the engine reaches: networks in the shape of SCRFD-10G and ResNet-50, in fp16, random weights.

No published weights are needed: see ``random_networks``. Answers are checked for the faces that the pictures hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.batching import Load, closed_loop
from benchmarks.places import Missing
from benchmarks.random_networks import CELL, iresnet50, scrfd_10g
from benchmarks.report import Bar, Report, Row
from benchmarks.subject import Options
from benchmarks.timing import in_turn, paired_ratio, seconds, spread
from vultus import FaceEngine, load_settings
from vultus.errors import EngineError
from vultus.imaging.encode import encode_jpeg
from vultus.runtime.accelerator import AcceleratorRuntime, Target
from vultus.runtime.batching import SIZES, WORKER_THREADS
from vultus.runtime.network import Network, Runtime
from vultus.runtime.ticket import Ticket

FACES = 4
"""In each picture."""

SIDE = 640
DETECTOR, EMBEDDER = "random_scrfd_10g", "random_r50"

_ENTRY = """
[models.{name}]
sha256 = "{digest}"
size = {size}
licence = "random weights"
commercial_use = true
source_project = "benchmarks/random_networks.py"
sources = []
"""
_DETECTOR = (
    'task = "detection"\nfamily = "scrfd"\n'
    "input = { width = 640, height = 640, mean = [127.5, 127.5, 127.5], std = [128, 128, 128] }\n"
)
_EMBEDDER = (
    'task = "embedding"\nfamily = "arcface"\nembedding_size = 512\ncrop = { kind = "template", size = 112 }\n'
    "input = { width = 112, height = 112, mean = [127.5, 127.5, 127.5], std = [127.5, 127.5, 127.5] }\n"
)
_PACK = f'\n[packs.random]\nsummary = "Random weights"\ndetector = "{DETECTOR}"\nembedder = "{EMBEDDER}"\n'


def run(options: Options) -> Report:
    """Measure on the first GPU, with ONNX Runtime's CUDA provider.

    Raises:
        Missing: There is no GPU, or ONNX Runtime cannot use it.
    """
    try:
        target = Target.find("cuda", "fp16")
    except EngineError as error:
        raise Missing(f"no GPU: {error.message}") from error
    return measure(target, options)


def measure(target: Target, options: Options, width: float = 1.0, sizes: tuple[int, ...] = SIZES) -> Report:
    """The engine in this process against its networks in full batches, in turn.

    Args:
        target: What computes.
        options: How long.
        width: Part of the networks' channels, for tests.
        sizes: Rows of a batch.
    """
    rounds, duration = options.pick(5, 1), options.pick(10, 1)
    callers = options.pick(WORKER_THREADS, sizes[-1])
    with TemporaryDirectory(prefix="vultus-benchmark-") as name:
        folder = Path(name)
        settings = write_networks(folder, {DETECTOR: scrfd_10g(width), EMBEDDER: iresnet50(width)})

        def exchanged(runtime: Runtime) -> AcceleratorRuntime:
            runtime.close()
            return AcceleratorRuntime(target, folder, sizes)

        # Those of the simulated device: they bring as many worker threads as an accelerator wants.
        chosen = load_settings(runtime="dummy", device="simulated", aspect="square", canvas=SIDE, **settings)
        with FaceEngine(chosen, exchanged) as engine:
            engine.prepare()
            bare = _bare(AcceleratorRuntime(target, folder, sizes), engine, folder)
            picture = make_picture()
            found = len(engine.analyze(picture).faces)
            jobs: Mapping[str, Callable[[], Load | float]] = {
                "engine": lambda: closed_loop(lambda _: engine.analyze(picture), [1] * callers, duration),
                "bare": lambda: spread([bare() for _ in range(options.pick(10, 1))]).median,
            }
            results = in_turn(jobs, rounds)
    loads = [load for load in results["engine"] if isinstance(load, Load)]
    rates = [rate for rate in results["bare"] if isinstance(rate, float)]
    return Report(
        "accelerator",
        f"{target.device}, {target.precision}: SCRFD-10G at {SIDE} x {SIDE} and ResNet-50 with random weights, "
        f"{FACES} faces a picture, in process",
        rows=[
            Row("faces found in a picture", found, "", Bar("==", FACES)),
            Row("bare networks, batches of " + str(sizes[-1]), spread(rates).median, "pictures/s"),
            Row("engine", spread([load.rate for load in loads]).median, "pictures/s"),
            Row("engine / bare networks", paired_ratio([load.rate for load in loads], rates), "", Bar(">=", 0.7)),
            *(
                Row(
                    f"engine, {callers} callers: p{which}",
                    spread([x.percentile(which) for x in loads]).median * 1e3,
                    "ms",
                )
                for which in (50, 99)
            ),
        ],
        notes=["The bare networks take pixels from the processor's memory and hand their outputs back to it, as ours."],
        detail={"engine": [load.rate for load in loads], "bare": rates},
    )


def write_networks(folder: Path, networks: Mapping[str, bytes]) -> dict[str, object]:
    """Write the networks and a catalogue of them; returns the settings with which an engine uses these alone."""
    text = ""
    for (name, content), more in zip(networks.items(), (_DETECTOR, _EMBEDDER), strict=True):
        (folder / f"{name}.onnx").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        text += _ENTRY.format(name=name, digest=digest, size=len(content)) + more
    catalogue = folder / "random.toml"
    catalogue.write_text(text + _PACK)
    return {"models": [catalogue], "pack": "random", "model_path": [folder], "model_cache": folder, "offline": True}


def make_picture() -> bytes:
    """A JPEG of noise, dark but for the cells in which the detector finds a face."""
    pixels = np.random.default_rng(7).integers(0, 96, (SIDE, SIDE, 3), np.uint8)
    for place in range(FACES):
        row, column = (2 + 6 * (place // 2)) * CELL, (3 + 8 * (place % 2)) * CELL
        pixels[row : row + CELL, column : column + CELL] = 255
    return encode_jpeg(pixels)


def _bare(runtime: AcceleratorRuntime, engine: FaceEngine, folder: Path) -> Callable[[], float]:
    """What measures how many pictures a second the networks alone would do, in full batches one after the other."""
    runtime.close()  # its batcher is not wanted

    def load(name: str) -> tuple[Network, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
        model = engine.model(name)
        network = runtime.build(model, folder / f"{name}.onnx", model.input)
        shape = (network.sizes[-1], model.input.height, model.input.width, 3)
        return network, np.random.default_rng(1).integers(0, 256, shape, np.uint8)

    (detector, pictures), (embedder, crops) = load(DETECTOR), load(EMBEDDER)

    def work() -> None:
        detector.run(pictures, Ticket())
        for _ in range(FACES):
            embedder.run(crops, Ticket())

    work()
    return lambda: len(pictures) / seconds(work)
