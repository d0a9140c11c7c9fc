"""The tables: each variable of each product's contract has a row that says what the contract asks for."""

from __future__ import annotations

import pytest

from vultus.compat import PRODUCTS, Reading, Variable
from vultus.settings import Settings
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.unit

# Name, what the product does without it, and the settings it decides, if any: from the tables of the contracts.
Row = tuple[str, str, str | None]  # several settings with commas, the decisive one first

CONTRACTS: dict[str, list[Row]] = {
    "insightface-rest": [
        ("INFERENCE_BACKEND", "onnx", "runtime,device,precision"),
        ("DET_NAME", "scrfd_10g_gnkps", "detector"),
        ("REC_NAME", "glintr100", "embedder"),
        ("GA_NAME", "", "attributes"),
        ("MASK_DETECTOR", "", "attributes"),
        ("MAX_SIZE", "640,640", "canvas"),
        ("REC_BATCH_SIZE", "1", None),
        ("DET_BATCH_SIZE", "1", None),
        ("FORCE_FP16", "false", None),
        ("TRITON_URI", "", None),
        ("DEF_RETURN_FACE_DATA", "false", "ifr_flags"),
        ("DEF_RETURN_LANDMARKS", "false", "ifr_flags"),
        ("DEF_EXTRACT_GA", "false", "ifr_flags"),
        ("DEF_DETECT_MASKS", "false", "ifr_flags"),
        ("DEF_EXTRACT_EMBEDDING", "true", "ifr_flags"),
        ("DEF_DET_THRESH", "0.6", "ifr_threshold"),
        ("DEF_IMG_REQ_HEADERS", "", None),
        ("DEF_SSLV3_HACK", "false", None),
        ("LOG_LEVEL", "INFO", "log_level"),
        ("ROOT_IMAGES_DIR", "/images", "image_root"),
        ("PORT", "18080", None),
        ("NUM_WORKERS", "", "workers"),
        ("MODELS_DIR", "/models", "model_path"),
        ("USE_NVJPEG", "false", None),
        ("FACE_MODEL_CLASS", "face_model", None),
        ("IFR_VERSION", "0.9.5.0", None),
        ("TRT_VERSION", "", None),
        ("TENSORRT_VERSION", "", None),
        ("MODELS", "", None),
        ("DEFAULTS", "", None),
        ("GA_MODEL", "", None),
        ("DET_THRESH", "0.6", "ifr_threshold"),
        ("DEF_API_VER", "", "ifr_form"),
        *((name, "", None) for name in ("GA_IGNORE", "REC_IGNORE", "MASK_IGNORE", "DEVICE", "KEEP_ALL", "MODEL")),
        *((name, "", None) for name in ("SELECT_LARGEST", "MIN_FACE_SIZE", "MTCNN_FACTOR", "FACE_SIZE")),
        ("MXNET_CUDNN_AUTOTUNE_DEFAULT", "", None),
    ],
    "compreface": [
        ("FACE_DETECTION_PLUGIN", "facenet.FaceDetector", "compreface_plugins"),
        ("CALCULATION_PLUGIN", "facenet.Calculator", "compreface_plugins"),
        (
            "EXTRA_PLUGINS",
            "facenet.LandmarksDetector,agegender.AgeDetector,agegender.GenderDetector,facenet.facemask.MaskDetector,"
            "facenet.PoseEstimator",
            "compreface_plugins",
        ),
        ("IMG_LENGTH_LIMIT", "640", "compreface_length"),
        ("GPU_IDX", "-1", "device,runtime"),
        ("ML_PORT", "3000", "port"),
        ("LOGGING_LEVEL_NAME", "debug", "log_level"),
        ("FLASK_ENV", "production", None),
        ("APP_VERSION_STRING", "dev", "compreface_build"),
        ("BE_VERSION", "", None),
        ("INTEL_OPTIMIZATION", "false", None),
        ("RUN_MODE", "false", None),
        ("UWSGI_PROCESSES", "", "workers"),
        ("UWSGI_THREADS", "", None),
        ("CUDA", "", None),
        ("MXNET_CPU_WORKER_NTHREADS", "", None),
        ("MXNET_ENGINE_TYPE", "", None),
        ("MXNET_CUDNN_AUTOTUNE_DEFAULT", "", None),
        ("TF_FORCE_GPU_ALLOW_GROWTH", "", None),
        ("SKIP_TESTS", "", None),
        ("BASE_IMAGE", "", None),
    ],
    "arcface-api": [
        ("PYTHONPATH", "/app", None),
        ("PYTHONUNBUFFERED", "1", None),
        ("PYTHONDONTWRITEBYTECODE", "1", None),
        *((name, "", None) for name in ("CUDA_VISIBLE_DEVICES", "DB_URL")),
        *((name, "", None) for name in ("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB")),
    ],
    "face-triton": [
        ("TRITON_REPO", "/app/model_repository", None),
        ("TRITON_HTTP_PORT", "8000", None),
        ("TRITON_GRPC_PORT", "8001", None),
        ("TRITON_METRICS_PORT", "8002", None),
        ("FASTAPI_PORT", "3000", "port"),
        ("SKIP_TRITON", "", None),
    ],
}
ALL = [(product, *row) for product, rows in CONTRACTS.items() for row in rows]
VARIABLES = [(product.name, variable) for product in PRODUCTS.values() for variable in product.variables]


@pytest.mark.parametrize(("product", "name", "default", "setting"), ALL)
def test_each_variable_of_the_contract_has_a_row(product: str, name: str, default: str, setting: str | None) -> None:
    variable = PRODUCTS[product].variable(name)
    assert variable is not None
    assert variable.default == default
    assert variable.settings == tuple(setting.split(",") if setting else ())


@pytest.mark.parametrize(("product", "variable"), VARIABLES, ids=lambda item: getattr(item, "name", item))
def test_each_row_makes_sense(product: str, variable: Variable) -> None:
    assert variable.note
    assert not variable.note.endswith(".")
    assert "|" not in variable.note
    assert set(variable.settings) | variable.unset.values.keys() <= Settings.model_fields.keys()
    assert [other.name for name, other in VARIABLES if name == product].count(variable.name) == 1
    assert all(value == value.lower() for value in variable.harmless)


@pytest.mark.parametrize(("product", "variable"), VARIABLES, ids=lambda item: getattr(item, "name", item))
def test_the_verdict_of_a_row_is_that_of_its_values(product: str, variable: Variable) -> None:
    usual = {"INFERENCE_BACKEND": "onnx", "MAX_SIZE": "320,320", "GPU_IDX": "-1", "LOG_LEVEL": "DEBUG"}
    value = usual.get(variable.name) or ("true" if variable.default in ("true", "false") else variable.default or "7")
    reading = variable.read(value)
    assert reading.verdict == variable.verdict
    assert reading.values.keys() <= set(variable.settings)


@pytest.mark.parametrize(
    ("product", "port"),
    [("insightface-rest", 18080), ("compreface", 3000), ("arcface-api", 5555), ("face-triton", 3000)],
)
def test_each_product_is_reached_as_in_its_container(product: str, port: int) -> None:
    everywhere = PRODUCTS[product].everywhere
    assert (everywhere["host"], everywhere["port"]) == ("0.0.0.0", port)
    assert everywhere["dialects"] == (product,)


def test_the_networks_that_the_tables_name_are_in_the_catalogue() -> None:
    catalogue = Catalogue.load()
    for product in PRODUCTS.values():
        catalogue.pack(product.defaults.get("pack", "small"))
        readings = [Reading(values=product.defaults), *(variable.unset for variable in product.variables)]
        for reading in readings:
            for setting in ("detector", "embedder"):
                if setting in reading.values:
                    catalogue.model(reading.values[setting])  # an unknown one raises


def test_a_default_network_is_that_of_the_product_itself() -> None:
    catalogue = Catalogue.load()
    for product in PRODUCTS.values():
        for variable in product.variables:
            for setting in {"detector", "embedder"} & set(variable.settings):
                model = catalogue.model(variable.unset.values[setting])
                assert variable.default in (model.name, *model.local_names), variable.name


def test_variables_of_insightface_rest_may_be_written_in_any_case() -> None:
    assert PRODUCTS["insightface-rest"].variable("rec_name") is PRODUCTS["insightface-rest"].variable("REC_NAME")
    assert PRODUCTS["compreface"].variable("gpu_idx") is None
