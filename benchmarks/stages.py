"""Where the time of one picture goes: each stage by itself, on one thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from benchmarks import pictures
from benchmarks.report import Report, Row
from benchmarks.subject import FULL_PLAN, NETWORKS, Options, open_engine
from benchmarks.timing import repeat, spread
from vultus import FaceEngine
from vultus.attributes import ATTRIBUTE_FAMILIES
from vultus.bench.bound import load_network
from vultus.detect import DETECTOR_FAMILIES
from vultus.detect.detector import rescale
from vultus.embed import EMBEDDER_FAMILIES
from vultus.imaging.align import cut_crops
from vultus.imaging.canvas import lay_on_canvas
from vultus.imaging.decode import Limits, decode
from vultus.runtime.network import Network, NetworkSpec, Outputs, Parts
from vultus.runtime.ticket import Ticket
from vultus.server import wire
from vultus.types import Image


class Replay:
    """A network that repeats an answer at no cost: leaves only what surrounds it."""

    def __init__(self, spec: NetworkSpec, outputs: Outputs) -> None:
        self.spec = spec
        self._outputs = outputs

    def run(self, batch: Image, ticket: Ticket) -> Outputs:  # noqa: ARG002 - the protocol's
        """The answer."""
        return self._outputs


def stages(engine: FaceEngine, picture: Path) -> dict[str, Callable[[], object]]:
    """What is done to the picture, stage by stage; every stage gets what the one before really made."""
    profile, ticket = engine.default_profile, Ticket()
    content = picture.read_bytes()
    limits = Limits.from_settings(engine.settings)
    image = decode(content, limits)
    canvas = lay_on_canvas(image, profile.canvas)

    detector = engine.model(profile.detector)
    height, width = canvas.pixels.shape[:2]  # where the aspect is the picture's, less than the profile's canvas
    network = load_network(engine, detector, (width, height))
    answer = Replay(network.spec, network.run(canvas.pixels[np.newaxis], ticket))
    post = DETECTOR_FAMILIES[detector.family](Parts(detector, lambda *_: answer))
    found = rescale(post.detect(canvas.pixels, profile.threshold, profile.nms_threshold, ticket), canvas.scale)

    embedder, landmarks = engine.model(str(profile.embedder)), engine.model(profile.attributes[0])

    def load(name: str, size: tuple[int, int] | None = None) -> Network:
        return load_network(engine, engine.model(name), size)

    embed = EMBEDDER_FAMILIES[embedder.family](Parts(embedder, load))
    read = ATTRIBUTE_FAMILIES[landmarks.family].make(Parts(landmarks, load))
    template, box = embed.crop, read.crop
    aligned, upright = cut_crops(image, found, template), cut_crops(image, found, box)
    faces = [
        {"box": face.box, "score": face.score, "landmarks": face.landmarks, "embedding": face.embedding}
        for face in engine.analyze(image, FULL_PLAN).faces
    ]
    return {
        "decode JPEG": lambda: decode(content, limits),
        "canvas": lambda: lay_on_canvas(image, profile.canvas),
        "detector network": lambda: network.run(canvas.pixels[np.newaxis], ticket),
        "detector post-processing": lambda: post.detect(
            canvas.pixels, profile.threshold, profile.nms_threshold, ticket
        ),
        "align for embedding": lambda: cut_crops(image, found, template),
        "embed": lambda: embed.embed(aligned.pixels, ticket),
        "cut for landmarks": lambda: cut_crops(image, found, box),
        "106 landmarks": lambda: read.read(upright, ticket),
        "encode JSON": lambda: wire.dump(faces, wire.JSON),
        "whole walk": lambda: engine.analyze(content, FULL_PLAN),
    }


def run(options: Options) -> Report:
    """Medians for the one-face and the six-face picture."""
    files = pictures.make()
    rows, detail = [], {}
    cv2.setNumThreads(1)
    with open_engine(streams=1) as engine:
        for name, picture in (("one face", files.one_face), ("six faces", files.six_faces)):
            for stage, job in stages(engine, picture).items():
                seconds = repeat(job, options.pick(200, 5))
                detail[f"{name}: {stage}"] = asdict(spread(seconds))
                rows.append(Row(f"{name}: {stage}", spread(seconds).median * 1e3, "ms"))
    return Report(
        "stages",
        "each stage by itself, one thread, f32",
        rows,
        notes=["The whole walk is run on the worker thread, from the file's bytes; it has no encoding in it."],
        models=NETWORKS,
        detail=detail,
    )
