"""The environment of InsightFace-REST, from the first deploy scripts to 0.9.5."""

from __future__ import annotations

import json
from functools import partial
from types import MappingProxyType

from vultus.compat.rows import OFF, ON, UNPROVEN, honoured, ignored, is_on, log_level, processes, refused
from vultus.compat.table import Product, Reading, Variable

_TENSORRT = "ONNX Runtime's TensorRT computes on the first GPU, in fp16 as there on any that is fast at it"
_SWAPPED = (
    "its own TensorRT engine has exchanged red and blue since late 2023; if embeddings stored by it are to stay, set "
    "VULTUS_IFR_COLOR=bgr"
)
_NO_TRITON = "there is no engine for Triton; set it to `onnx`, or give `VULTUS_RUNTIME`"
_OLDER = "gone since 2022; faces are chosen by `limit_faces` and `min_face_size` of the request"
_NO_BATCHES = "rows of a picture are computed on all cores whatever their number; on a GPU batches form by themselves"


def _embedder(name: str) -> str:
    """Its ``glintr100`` is an export of its own: vectors stored with it are compared with nothing else."""
    return "glintr100_insightface_rest" if name == "glintr100" else name


def _backend(value: str) -> Reading:
    match value.lower():
        case "onnx":
            return Reading()  # any engine computes the ONNX files
        case "trt":
            # There, too, half precision is what a GPU that is fast at it gets, whatever FORCE_FP16 says.
            values = {"runtime": "onnx", "device": "tensorrt", "precision": "auto"}
            return Reading(values=values, remark=f"{_TENSORRT}; {UNPROVEN}; {_SWAPPED}")
        case "triton":
            return Reading("error", remark=_NO_TRITON)
    raise ValueError("must be onnx, trt or triton")


def _canvas(value: str) -> Reading:
    asked = _sides(value)
    width, height = (side - side % 32 for side in asked)
    side = max(width, height)
    if width != height:
        remark = f"the detector's canvas is square here: {side} x {side} pixels instead of {width} x {height}"
    else:
        remark = "" if (width, height) == asked else f"rounded down to {side},{side}, multiples of 32"
    return Reading(values={"canvas": side}, remark=remark)


def _sides(value: str) -> tuple[int, int]:
    try:
        width, height = (int(side) for side in (json.loads(value) if "[" in value else value.split(",")))
    except (ValueError, TypeError):
        raise ValueError("must be a width and a height, such as 640,640") from None
    return width, height


def _network(value: str) -> Reading:
    return Reading(values={} if value.lower() == "none" else {"attributes": (value,)})


def _flag(flag: str, value: str) -> Reading:
    return Reading(values={"ifr_flags": (flag,) if is_on(value) else ()})


def _switch(flag: str, *, default: bool = False) -> Variable:
    return Variable(
        f"DEF_{flag.upper()}",
        "honoured",
        f"`{flag}` of requests that do not say",
        partial(_flag, flag),
        default=str(default).lower(),
        settings=("ifr_flags",),
        unset=Reading(values={"ifr_flags": (flag,) if default else ()}),
    )


def _attribute(name: str, what: str) -> Variable:
    note = f"{what}; `none` in any letter case: none"
    return Variable(name, "honoured", note, _network, settings=("attributes",))


PRODUCT = Product(
    name="insightface-rest",
    title="InsightFace-REST",
    port=18080,
    images=("insightface-rest", "insightface_rest"),
    any_case=True,
    defaults=MappingProxyType({"pack": "buffalo_sc"}),  # no attribute networks: there, none is loaded unless named
    reminders=MappingProxyType(
        {"fetch_urls": "pictures by address are refused, which InsightFace-REST fetches: set VULTUS_FETCH_URLS=true"}
    ),
    variables=(
        Variable(
            "INFERENCE_BACKEND",
            "honoured",
            f"`onnx`: any engine here runs the ONNX files. `trt`: {_TENSORRT}, with a warning: {UNPROVEN}; "
            f"{_SWAPPED}; `VULTUS_DEVICE=tensorrt:1` is the second GPU, `VULTUS_DEVICE=cuda` needs no TensorRT. "
            f"`triton`: an error: {_NO_TRITON}",
            _backend,
            default="onnx",
            settings=("runtime", "device", "precision"),
        ),
        honoured(
            "DET_NAME",
            "detector",
            "passed on",
            default="scrfd_10g_gnkps",
            unset=Reading(values={"detector": "scrfd_10g_gnkps"}),
        ),
        honoured(
            "REC_NAME",
            "embedder",
            "passed on, the default too, for stored embeddings depend on it; its own export of `glintr100` is called "
            "`glintr100_insightface_rest` here",
            default="glintr100",
            parse=_embedder,
            unset=Reading(values={"embedder": _embedder("glintr100")}),
        ),
        _attribute("GA_NAME", "network for gender and age"),
        _attribute("MASK_DETECTOR", "network for masks"),
        ignored("GA_MODEL", "the sample files set it, but InsightFace-REST never read it; `GA_NAME` is the real one"),
        Variable(
            "MAX_SIZE",
            "honoured",
            "width and height, rounded down to a multiple of 32 with a warning; if they differ the larger counts, with "
            "a warning, for the canvas is square",
            _canvas,
            default="640,640",
            settings=("canvas",),
            unset=Reading(values={"canvas": 640}),
        ),
        ignored("REC_BATCH_SIZE", _NO_BATCHES, default="1"),
        ignored("DET_BATCH_SIZE", _NO_BATCHES, default="1"),
        ignored(
            "FORCE_FP16",
            "TensorRT computes in fp16 without it, and a CPU not even with it; `VULTUS_PRECISION=f32` is exact",
            default="false",
            harmless=(*OFF, *ON),
        ),
        ignored("TRITON_URI", "there is no engine for Triton, and InsightFace-REST does not use it either"),
        _switch("return_face_data"),
        _switch("return_landmarks"),
        _switch("extract_embedding", default=True),
        _switch("extract_ga"),
        _switch("detect_masks"),
        honoured(
            "DEF_DET_THRESH",
            "ifr_threshold",
            "`threshold` of requests that do not say",
            default="0.6",
            unset=Reading(values={"ifr_threshold": 0.6}),
        ),
        ignored(
            "DEF_IMG_REQ_HEADERS",
            "there are no default headers to fetch with; send `img_req_headers` with the request",
            is_secret=True,
        ),
        ignored("DEF_SSLV3_HACK", "certificates and ciphers are not weakened", default="false", harmless=OFF),
        honoured("LOG_LEVEL", "log_level", "by Python's names", default="INFO", parse=log_level),
        honoured(
            "ROOT_IMAGES_DIR",
            "image_root",
            "folder that clients may name files below; ignored with a warning where there is no such folder",
            default="/images",
            is_folder=True,
            unset=Reading(values={"image_root": "/images"}),
        ),
        ignored(
            "PORT", "InsightFace-REST listens on 18080 whatever it says; set `VULTUS_PORT` for another", default="18080"
        ),
        processes(
            "NUM_WORKERS",
            "as many processes; above 1 with a warning, for each holds the networks once more and one alone serves "
            "requests side by side on all cores",
        ),
        honoured(
            "MODELS_DIR",
            "model_path",
            "its `onnx/<name>/<name>.onnx` are used; `models.json` is not read, and engines of TensorRT are not",
            default="/models",
            unset=Reading(values={"model_path": ("/models",)}),
        ),
        ignored("USE_NVJPEG", "pictures are decoded on the CPU", default="false", harmless=OFF),
        refused("FACE_MODEL_CLASS", "another pipeline cannot be loaded; remove the variable", default="face_model"),
        ignored("IFR_VERSION", "`/info` tells the version of Vultus", default="0.9.5.0"),
        ignored("TRT_VERSION", "`/info` tells no version of TensorRT"),
        ignored("TENSORRT_VERSION", "`/info` tells no version of TensorRT"),
        refused("MODELS", "a group of settings in one is not read; set each by its own variable, such as `REC_NAME`"),
        refused("DEFAULTS", "a group of settings in one is not read; set each by its own, such as `DEF_DET_THRESH`"),
        Variable(
            "DET_THRESH",
            "honoured",
            "with a warning: from December 2022 on InsightFace-REST ignored it in favour of `DEF_DET_THRESH`",
            lambda value: Reading(
                values={"ifr_threshold": value},
                remark="honoured, though InsightFace-REST reads only DEF_DET_THRESH since December 2022",
            ),
            default="0.6",
            settings=("ifr_threshold",),
        ),
        honoured(
            "DEF_API_VER",
            "ifr_form",
            "form of answers to requests without `api_ver`: `1`, any other is `2`; not set, they tell their age",
            parse=lambda value: "1" if value == "1" else "2",
        ),
        ignored("GA_IGNORE", "leave `GA_NAME` empty instead", harmless=OFF),
        ignored("REC_IGNORE", "set `DEF_EXTRACT_EMBEDDING=false` instead", harmless=OFF),
        ignored("MASK_IGNORE", "leave `MASK_DETECTOR` empty instead", harmless=OFF),
        ignored("DEVICE", "set `VULTUS_DEVICE` instead", harmless=("cpu",)),
        ignored("KEEP_ALL", _OLDER, harmless=ON),
        ignored("SELECT_LARGEST", _OLDER),
        ignored("MIN_FACE_SIZE", _OLDER),
        ignored("MTCNN_FACTOR", "there is no MTCNN"),
        ignored("MXNET_*", "there is no MXNet"),
        ignored("MODEL", "of version 0.1; set `REC_NAME` instead"),
        ignored("FACE_SIZE", "of version 0.1; crops have the size the network wants", harmless=("112,112",)),
    ),
)
