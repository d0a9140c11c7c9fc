"""What the changes to graphs for OpenVINO win: each network as published and as Vultus runs it, on one core."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import openvino as ov
from openvino import Layout, Type
from openvino.preprocess import PrePostProcessor

from benchmarks import places
from benchmarks.report import Report, Row
from benchmarks.subject import NETWORKS, Options
from benchmarks.timing import in_turn, paired_ratio, repeat, spread
from vultus.runtime.openvino_graph import improve, take_pixels
from vultus.types import InputSpec
from vultus.zoo.catalogue import Catalogue

PUBLISHED, STANDARD, TAKEN, OURS = (
    "as published, normalised floats",
    "pixels, by OpenVINO's mean and scale",
    "pixels, by Vultus' normalisation",
    "as Vultus runs it",
)


def run(options: Options) -> Report:
    """All forms of a network in turn, on one thread."""
    runs, rounds = options.pick(20, 2), options.pick(9, 2)
    core = ov.Core()
    has = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    precisions = ["f32", *(["bf16"] if "BF16" in has else [])]
    rows: list[Row] = []
    detail: dict[str, object] = {}
    for name in NETWORKS:
        for precision in precisions:
            seconds, difference = _measure(core, name, precision, runs, rounds)
            label = f"{name}, {precision}"
            rows += [Row(f"{label}: {form}", spread(taken).median * 1e3, "ms") for form, taken in seconds.items()]
            for form in (PUBLISHED, STANDARD):
                rows.append(Row(f"{label}: as fast as '{form}', times", paired_ratio(seconds[form], seconds[OURS])))
            rows.append(Row(f"{label}: largest difference, in parts of the largest value", difference))
            detail[label] = seconds
    return Report(
        "graphs",
        f"networks on OpenVINO {ov.__version__}, one row on one thread",
        rows,
        notes=[f"Medians of {runs} runs a round, {rounds} rounds in turn; ratios are medians of the rounds' ratios."],
        models=NETWORKS,
        versions={"openvino": ov.__version__},
        detail=detail,
    )


def _measure(core: ov.Core, name: str, precision: str, runs: int, rounds: int) -> tuple[dict[str, list[float]], float]:
    """Seconds of each form by round, and how far the answers of the last are from those of the first."""
    spec = Catalogue.load().model(name).input
    pixels = np.random.default_rng(1).integers(0, 256, (1, spec.height, spec.width, 3), np.uint8)
    floats = (pixels - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    floats = np.ascontiguousarray(floats.transpose(0, 3, 1, 2))
    makers: dict[str, Callable[[ov.Model], ov.Model]] = {
        PUBLISHED: lambda graph: graph,
        STANDARD: partial(_standard, spec=spec),
        TAKEN: partial(take_pixels, spec=spec),
        OURS: partial(_ours, spec=spec),
    }
    jobs: dict[str, Callable[[], float]] = {}
    answers = {}
    for form, make in makers.items():
        graph = core.read_model(places.network(f"{name}.onnx"))
        graph.reshape(list(spec.shape))
        options = {"INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": 1}
        request = core.compile_model(make(graph), "CPU", options).create_infer_request()
        row = floats if form == PUBLISHED else pixels
        infer = partial(request.infer, [row], share_inputs=True, share_outputs=True)
        infer()
        answers[form] = np.concatenate([np.ravel(output.data) for output in request.output_tensors])
        jobs[form] = partial(_time, infer, runs)
    difference = np.abs(answers[OURS] - answers[PUBLISHED]).max() / np.abs(answers[PUBLISHED]).max()
    return in_turn(jobs, rounds), float(difference)


def _time(infer: Callable[[], object], runs: int) -> float:
    return spread(repeat(infer, runs)).median


def _standard(graph: ov.Model, spec: InputSpec) -> ov.Model:
    """With what OpenVINO offers for the purpose."""
    processor = PrePostProcessor(graph)
    processor.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    processor.input().model().set_layout(Layout("NCHW"))
    processor.input().preprocess().convert_element_type(Type.f32).mean(list(spec.mean)).scale(list(spec.std))
    return processor.build()


def _ours(graph: ov.Model, spec: InputSpec) -> ov.Model:
    improve(graph)
    return take_pixels(graph, spec)
