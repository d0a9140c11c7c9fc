"""ONNX Runtime's PRelu on a CPU: an embedder as published against the same without that operator."""

from __future__ import annotations

from functools import partial

import numpy as np
import onnxruntime as ort

from benchmarks import places
from benchmarks.report import Report, Row
from benchmarks.subject import Options
from benchmarks.timing import in_turn, paired_ratio, repeat, spread
from vultus.runtime.graph import without_prelu
from vultus.runtime.onnx import has_slow_prelu

NETWORK = "w600k_mbf"


def run(options: Options) -> Report:
    """Time both in turn, each on one thread."""
    runs, rounds = options.pick(20, 3), options.pick(9, 2)
    data = places.network(f"{NETWORK}.onnx").read_bytes()
    values = np.random.default_rng(1).normal(0, 1, (1, 3, 112, 112)).astype(np.float32)
    sessions = {"published": _open(data), "rewritten": _open(without_prelu(data))}
    answers = {name: session.run(None, {session.get_inputs()[0].name: values})[0] for name, session in sessions.items()}

    def time(session: ort.InferenceSession) -> float:
        name = session.get_inputs()[0].name
        return spread(repeat(lambda: session.run(None, {name: values}), runs)).median

    seconds = in_turn({name: partial(time, session) for name, session in sessions.items()}, rounds)
    habit = "rewrites" if has_slow_prelu() else "does not rewrite"
    return Report(
        "prelu",
        f"{NETWORK} on ONNX Runtime {ort.__version__}, one thread, f32: Relu(x) - s * Relu(-x) in place of PRelu(x, s)",
        rows=[
            Row("as published", spread(seconds["published"]).median * 1e3, "ms"),
            Row("rewritten", spread(seconds["rewritten"]).median * 1e3, "ms"),
            Row("rewritten: times as fast", paired_ratio(seconds["published"], seconds["rewritten"])),
            Row("largest difference of an answer", float(np.abs(answers["published"] - answers["rewritten"]).max())),
        ],
        notes=[f"On this version the onnx runtime {habit}. PRelu is slow on CPUs from 1.27 on, and fast before."],
        models=(NETWORK,),
        versions={"onnxruntime": ort.__version__},
        detail={"seconds": seconds},
    )


def _open(graph: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
