"""The environment of CompreFace's core service."""

from __future__ import annotations

import re
from types import MappingProxyType

from vultus.compat.rows import OFF, ON, UNPROVEN, honoured, ignored, log_level, processes, whole
from vultus.compat.table import Product, Reading, Variable

_EXTRAS = (
    "facenet.LandmarksDetector,agegender.AgeDetector,agegender.GenderDetector,"
    "facenet.facemask.MaskDetector,facenet.PoseEstimator"
)
_SWAPPED = (
    "CompreFace computed embeddings of its InsightFace builds with red and blue exchanged; if the same network is used "
    "here and stored embeddings are to stay, set VULTUS_COMPREFACE_COLOR=bgr"
)
_CUDA = "ONNX Runtime's CUDA computes on the GPU of that number, in single precision as there"
_NO_MXNET = "there is neither MXNet nor TensorFlow to tune"
_SMALLEST = 64  # below, rounding is no help


def _plugins(value: str, remark: str = "") -> Reading:
    return Reading(values={"compreface_plugins": tuple(re.split(r"[\s,]+", value.strip(" ,\t\n")))}, remark=remark)


def _calculator(value: str) -> Reading:
    return _plugins(value, _SWAPPED if value.startswith("insightface.") else "")


def _length(value: str) -> Reading:
    wanted = whole(value)
    if wanted == 0:
        remark = "pictures cannot be looked at whole, whatever their size; VULTUS_COMPREFACE_LENGTH raises the limit"
        return Reading("ignored", remark=remark)
    length = wanted - wanted % 32 if wanted >= _SMALLEST else wanted
    remark = "" if length == wanted else f"rounded down to {length}, a multiple of 32"
    return Reading(values={"compreface_length": length}, remark=remark)


def _gpu(value: str) -> Reading:
    index = whole(value)
    if index < 0:
        return Reading()
    return Reading(values={"device": f"cuda:{index}", "runtime": "onnx"}, remark=f"{_CUDA}; {UNPROVEN}")


def _plugin(name: str, what: str, default: str) -> Variable:
    read = _calculator if name == "CALCULATION_PLUGIN" else _plugins
    return Variable(
        name, "honoured", what, read, default=default, settings=("compreface_plugins",), unset=_plugins(default)
    )


PRODUCT = Product(
    name="compreface",
    title="CompreFace core",
    port=3000,
    images=("compreface-core", "embedding-calculator"),
    defaults=MappingProxyType({}),
    variables=(
        _plugin("FACE_DETECTION_PLUGIN", "the detector, with or without `@model`", "facenet.FaceDetector"),
        _plugin(
            "CALCULATION_PLUGIN",
            "the calculator; one of `insightface` is warned about, as colours were exchanged there "
            "(`VULTUS_COMPREFACE_COLOR`)",
            "facenet.Calculator",
        ),
        _plugin(
            "EXTRA_PLUGINS",
            "further plugins, separated by commas or blanks; empty is not set, as there: "
            "give `VULTUS_COMPREFACE_PLUGINS` for fewer",
            _EXTRAS,
        ),
        Variable(
            "IMG_LENGTH_LIMIT",
            "honoured",
            "rounded down to a multiple of 32 with a warning; `0` (no limit) is ignored with a warning",
            _length,
            default="640",
            settings=("compreface_length",),
            unset=Reading(values={"compreface_length": 640}),
        ),
        Variable(
            "GPU_IDX",
            "honoured",
            f"below 0: the CPU. From 0 on: {_CUDA}, with a warning: {UNPROVEN}; all networks are computed there, also "
            "those of TensorFlow's plugins, which ignored it",
            _gpu,
            default="-1",
            settings=("device", "runtime"),
        ),
        honoured("ML_PORT", "port", "here it is the server's port, as its name says", default="3000"),
        honoured(
            "LOGGING_LEVEL_NAME", "log_level", "by Python's names; not set, `info`", default="debug", parse=log_level
        ),
        ignored("FLASK_ENV", "there is one kind of log", default="production"),
        honoured(
            "APP_VERSION_STRING",
            "compreface_build",
            "`build_version` of `/status`",
            default="dev",
            unset=Reading(values={"compreface_build": "dev"}),
        ),
        ignored("BE_VERSION", "versions of the rest of CompreFace are not compared"),
        ignored("INTEL_OPTIMIZATION", "it has no effect there either", default="false", harmless=OFF),
        ignored("RUN_MODE", "of CompreFace's own start script", default="false", harmless=(*OFF, *ON)),
        processes(
            "UWSGI_PROCESSES",
            "as many processes, but 2, as its compose file says, is 1; above that with a warning, for each holds the "
            "networks once more and one alone serves requests side by side on all cores",
            usual="2",
        ),
        ignored("UWSGI_THREADS", "requests are served side by side by one process", harmless=("1",)),
        ignored("CUDA", "it picks MXNet's package when the image is built; `GPU_IDX` tells whether a GPU is wanted"),
        ignored("MXNET_CPU_WORKER_NTHREADS", _NO_MXNET),
        ignored("MXNET_ENGINE_TYPE", _NO_MXNET),
        ignored("MXNET_CUDNN_AUTOTUNE_DEFAULT", _NO_MXNET),
        ignored("TF_FORCE_GPU_ALLOW_GROWTH", _NO_MXNET),
        ignored("MAX_DETECTION_SIZE", "CompreFace never had it; `IMG_LENGTH_LIMIT` is the real one"),
        ignored("SKIP_TESTS", "of the build of the image"),
        ignored("BASE_IMAGE", "of the build of the image"),
    ),
)
