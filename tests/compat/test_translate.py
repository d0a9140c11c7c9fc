"""Environments of other products, translated as their contracts say."""

from __future__ import annotations

from typing import Any

import pytest

from vultus.compat import PRODUCTS, Translation, translate

pytestmark = pytest.mark.unit


def translated(product: str, *given: str, **environment: str) -> Translation:
    """With settings given for Vultus itself, on a machine without any of the folders."""
    return translate(PRODUCTS[product], environment, frozenset(given), is_folder=lambda _: False)


def test_insightface_rest_without_variables_has_its_defaults() -> None:
    found = translated("insightface-rest")
    assert found.values == {
        "host": "0.0.0.0",
        "port": 18080,
        "dialects": ("insightface-rest",),
        "pack": "buffalo_sc",
        "detector": "scrfd_10g_gnkps",
        "embedder": "glintr100_insightface_rest",
        "canvas": 640,
        "ifr_flags": ("extract_embedding",),
        "ifr_threshold": 0.6,
        "model_path": ("/models",),
    }
    assert found.origins == {}
    assert not found.problems


@pytest.mark.parametrize(
    ("variables", "setting", "value"),
    [
        ({"DET_NAME": "yolov5l-face"}, "detector", "yolov5l-face"),
        ({"REC_NAME": "w600k_r50"}, "embedder", "w600k_r50"),
        ({"rec_name": "w600k_r50"}, "embedder", "w600k_r50"),
        ({"REC_NAME": ""}, "embedder", "glintr100_insightface_rest"),
        ({"REC_NAME": "None"}, "embedder", "None"),
        ({"GA_NAME": "genderage_v1"}, "attributes", ("genderage_v1",)),
        (
            {"GA_NAME": "genderage_v1", "MASK_DETECTOR": "mask_detector"},
            "attributes",
            ("genderage_v1", "mask_detector"),
        ),
        ({"GA_NAME": "None", "MASK_DETECTOR": "mask_detector"}, "attributes", ("mask_detector",)),
        ({"GA_NAME": "none"}, "attributes", None),
        ({"MAX_SIZE": "320,320"}, "canvas", 320),
        ({"MAX_SIZE": "[1024, 1024]"}, "canvas", 1024),
        ({"MAX_SIZE": "650, 640"}, "canvas", 640),
        ({"DEF_DET_THRESH": "0.7"}, "ifr_threshold", "0.7"),
        ({"DET_THRESH": "0.7"}, "ifr_threshold", "0.7"),
        ({"DEF_RETURN_LANDMARKS": "True"}, "ifr_flags", ("return_landmarks", "extract_embedding")),
        ({"DEF_EXTRACT_EMBEDDING": "0"}, "ifr_flags", ()),
        ({"DEF_EXTRACT_EMBEDDING": "no", "DEF_EXTRACT_GA": "on"}, "ifr_flags", ("extract_ga",)),
        ({"DEF_API_VER": "1"}, "ifr_form", "1"),
        ({"DEF_API_VER": "2"}, "ifr_form", "2"),
        ({"DEF_API_VER": "anything"}, "ifr_form", "2"),
        ({}, "ifr_form", None),
        ({"LOG_LEVEL": "WARNING"}, "log_level", "warning"),
        ({"MODELS_DIR": "/srv/models"}, "model_path", "/srv/models"),
        ({"PORT": "9000"}, "port", 18080),
        ({"INFERENCE_BACKEND": "onnx"}, "runtime", None),
        ({"INFERENCE_BACKEND": "trt"}, "runtime", "onnx"),
        ({"INFERENCE_BACKEND": "TRT"}, "device", "tensorrt"),
        ({"INFERENCE_BACKEND": "trt", "FORCE_FP16": "True"}, "precision", "auto"),
        ({"FORCE_FP16": "True"}, "precision", None),
        ({"NUM_WORKERS": "4"}, "workers", "4"),
        ({}, "workers", None),
    ],
)
def test_variables_of_insightface_rest(variables: dict[str, str], setting: str, value: Any) -> None:
    found = translated("insightface-rest", **variables)
    assert not found.problems
    assert found.values.get(setting) in ((value,) if value is not None else (None, ()))


@pytest.mark.parametrize(
    ("variables", "setting", "value"),
    [
        (
            {},
            "compreface_plugins",
            (
                "facenet.FaceDetector",
                "facenet.Calculator",
                "facenet.LandmarksDetector",
                "agegender.AgeDetector",
                "agegender.GenderDetector",
                "facenet.facemask.MaskDetector",
                "facenet.PoseEstimator",
            ),
        ),
        (
            {"FACE_DETECTION_PLUGIN": "insightface.FaceDetector@retinaface_r50_v1", "EXTRA_PLUGINS": "a.B, c.D\te.F"},
            "compreface_plugins",
            ("insightface.FaceDetector@retinaface_r50_v1", "facenet.Calculator", "a.B", "c.D", "e.F"),
        ),
        ({"IMG_LENGTH_LIMIT": "1024"}, "compreface_length", 1024),
        ({"IMG_LENGTH_LIMIT": "1000"}, "compreface_length", 992),
        ({}, "compreface_length", 640),
        ({"IMG_LENGTH_LIMIT": "0"}, "compreface_length", None),
        ({"GPU_IDX": "-1"}, "device", None),
        ({"GPU_IDX": "-1"}, "runtime", None),
        ({"GPU_IDX": "0"}, "device", "cuda:0"),
        ({"GPU_IDX": "1"}, "device", "cuda:1"),
        ({"GPU_IDX": "1"}, "runtime", "onnx"),
        ({"GPU_IDX": "1"}, "precision", None),
        ({"UWSGI_PROCESSES": "2"}, "workers", None),
        ({"UWSGI_PROCESSES": "4"}, "workers", "4"),
        ({"ML_PORT": "3300"}, "port", "3300"),
        ({}, "port", 3000),
        ({"LOGGING_LEVEL_NAME": "ERROR"}, "log_level", "error"),
        ({"APP_VERSION_STRING": "1.2.0"}, "compreface_build", "1.2.0"),
        ({}, "compreface_build", "dev"),
    ],
)
def test_variables_of_compreface(variables: dict[str, str], setting: str, value: Any) -> None:
    found = translated("compreface", **variables)
    assert not found.problems
    assert found.values.get(setting) == value


def test_an_empty_list_of_extra_plugins_is_the_default_as_there() -> None:
    assert translated("compreface", EXTRA_PLUGINS="").values == translated("compreface").values


def test_the_other_two() -> None:
    assert translated("arcface-api").values["pack"] == "buffalo_l"
    triton = translated("face-triton", FASTAPI_PORT="5004").values
    assert (triton["port"], triton["detector"], triton["embedder"]) == ("5004", "det_10g", "w600k_r50")


@pytest.mark.parametrize(
    ("product", "name", "value", "word"),
    [
        ("insightface-rest", "NUM_WORKERS", "4", "VULTUS_WORKERS=1"),
        ("insightface-rest", "DET_BATCH_SIZE", "8", "DET_BATCH_SIZE"),
        ("insightface-rest", "GA_MODEL", "genderage_v1", "GA_NAME"),
        ("insightface-rest", "MAX_SIZE", "650,650", "rounded down to 640"),
        ("insightface-rest", "MAX_SIZE", "640,480", "square"),
        ("insightface-rest", "DET_THRESH", "0.7", "DEF_DET_THRESH"),
        ("insightface-rest", "PORT", "9000", "18080"),
        ("insightface-rest", "MXNET_SOMETHING", "1", "MXNET_SOMETHING"),
        ("insightface-rest", "INFERENCE_BACKEND", "trt", "nobody has run this version of Vultus on a GPU"),
        ("insightface-rest", "INFERENCE_BACKEND", "trt", "VULTUS_IFR_COLOR=bgr"),
        ("insightface-rest", "ROOT_IMAGES_DIR", "/nowhere", "/nowhere"),
        ("compreface", "IMG_LENGTH_LIMIT", "0", "VULTUS_COMPREFACE_LENGTH"),
        ("compreface", "IMG_LENGTH_LIMIT", "1000", "rounded down to 992"),
        ("compreface", "CALCULATION_PLUGIN", "insightface.Calculator", "VULTUS_COMPREFACE_COLOR"),
        ("compreface", "UWSGI_PROCESSES", "8", "VULTUS_WORKERS=1"),
        ("compreface", "GPU_IDX", "0", "nobody has run this version of Vultus on a GPU"),
        ("arcface-api", "CUDA_VISIBLE_DEVICES", "0", "VULTUS_DEVICE=cuda"),
        ("face-triton", "TRITON_HTTP_PORT", "9000", "Triton"),
    ],
)
def test_what_differs_is_remarked(product: str, name: str, value: str, word: str) -> None:
    [remark] = translated(product, **{name: value}).about_found
    assert remark.startswith(name)
    assert word in remark


@pytest.mark.parametrize(
    ("product", "variables"),
    [
        ("insightface-rest", {"NUM_WORKERS": "1", "DET_BATCH_SIZE": "1", "FORCE_FP16": "False", "PORT": "18080"}),
        ("insightface-rest", {"MAX_SIZE": "640,640", "INFERENCE_BACKEND": "onnx", "FACE_MODEL_CLASS": "face_model"}),
        ("insightface-rest", {"FORCE_FP16": "True"}),
        ("compreface", {"UWSGI_PROCESSES": "1", "UWSGI_THREADS": "1", "IMG_LENGTH_LIMIT": "640", "GPU_IDX": "-1"}),
        ("arcface-api", {"PYTHONPATH": "/anything"}),
        ("face-triton", {"TRITON_HTTP_PORT": "8000", "SKIP_TRITON": ""}),
    ],
)
def test_defaults_and_what_makes_no_difference_are_not_remarked(product: str, variables: dict[str, str]) -> None:
    found = translated(product, **variables)
    assert found.about_found == ()
    assert found.problems == ()


@pytest.mark.parametrize(
    ("product", "name", "value", "word"),
    [
        ("insightface-rest", "INFERENCE_BACKEND", "triton", "no engine for Triton"),
        ("insightface-rest", "INFERENCE_BACKEND", "mxnet", "onnx, trt or triton"),
        ("insightface-rest", "MAX_SIZE", "640", "640,640"),
        ("insightface-rest", "MAX_SIZE", "big,bigger", "640,640"),
        ("insightface-rest", "DEF_EXTRACT_GA", "perhaps", "true or false"),
        ("insightface-rest", "FACE_MODEL_CLASS", "mine", "another pipeline"),
        ("insightface-rest", "MODELS", "{}", "REC_NAME"),
        ("insightface-rest", "NUM_WORKERS", "many", "whole number"),
        ("compreface", "UWSGI_PROCESSES", "2.5", "whole number"),
        ("compreface", "GPU_IDX", "first", "whole number"),
        ("compreface", "IMG_LENGTH_LIMIT", "big", "whole number"),
        ("compreface", "LOGGING_LEVEL_NAME", "loud", "must be one of"),
    ],
)
def test_what_cannot_be_is_a_problem_that_names_variable_and_value(
    product: str, name: str, value: str, word: str
) -> None:
    [problem] = translated(product, **{name: value}).problems
    assert problem.startswith(f"{name}: ")
    assert word in problem
    assert f"(got {value!r})" in problem


@pytest.mark.parametrize(
    ("product", "name", "value", "setting"),
    [("insightface-rest", "INFERENCE_BACKEND", "triton", "runtime"), ("compreface", "GPU_IDX", "first", "device")],
)
def test_an_error_is_none_where_its_setting_is_given_for_vultus(
    product: str, name: str, value: str, setting: str
) -> None:
    found = translated(product, setting, **{name: value})
    assert found.problems == ()
    assert found.about_found == (f"{name} does not count, as {setting} is given for Vultus itself",)


def test_a_gpu_is_the_one_that_is_named_for_vultus() -> None:
    found = translated("insightface-rest", "device", INFERENCE_BACKEND="trt")
    assert (found.values["runtime"], found.values["precision"]) == ("onnx", "auto")
    assert "device" not in found.values
    assert translated("compreface", "runtime", GPU_IDX="1").values["device"] == "cuda:1"


def test_what_does_not_count_decides_none_of_its_settings() -> None:
    found = translated("insightface-rest", "runtime", INFERENCE_BACKEND="trt")
    assert not {"runtime", "device", "precision"} & found.values.keys()
    assert not {"runtime", "device"} & translated("compreface", "device", GPU_IDX="1").values.keys()


def test_two_variables_that_contradict_each_other_are_both_named() -> None:
    [problem] = translated("insightface-rest", DEF_DET_THRESH="0.6", DET_THRESH="0.7").problems
    assert "DEF_DET_THRESH=0.6" in problem
    assert "DET_THRESH=0.7" in problem
    assert not translated("insightface-rest", DEF_DET_THRESH="0.7", DET_THRESH="0.7").problems
    assert not translated("insightface-rest", "ifr_threshold", DEF_DET_THRESH="0.6", DET_THRESH="0.7").problems


def test_what_is_given_for_vultus_is_left_alone() -> None:
    found = translated("insightface-rest", "embedder", "port", REC_NAME="w600k_r50")
    assert not {"embedder", "port"} & found.values.keys()
    assert found.values["detector"] == "scrfd_10g_gnkps"


def test_a_pack_given_for_vultus_goes_before_networks_of_the_product() -> None:
    found = translated("insightface-rest", "pack", REC_NAME="w600k_r50", GA_NAME="genderage_v1")
    assert not {"pack", "detector", "embedder"} & found.values.keys()
    assert found.values["attributes"] == ("genderage_v1",)
    assert "REC_NAME does not count, as pack is given for Vultus itself" in found.remarks


def test_values_are_traced_to_the_variables_they_came_from() -> None:
    found = translated("insightface-rest", GA_NAME="a", MASK_DETECTOR="b", REC_NAME="c")
    assert found.origins == {"attributes": "GA_NAME, MASK_DETECTOR", "embedder": "REC_NAME"}


@pytest.mark.parametrize(
    ("folders", "variables", "root"),
    [
        ({"/images"}, {}, "/images"),
        (set(), {}, None),
        ({"/images", "/mine"}, {"ROOT_IMAGES_DIR": "/mine"}, "/mine"),
        ({"/images"}, {"ROOT_IMAGES_DIR": "/mine"}, None),
    ],
)
def test_a_folder_of_pictures_counts_where_it_is(
    folders: set[str], variables: dict[str, str], root: str | None
) -> None:
    found = translate(PRODUCTS["insightface-rest"], variables, is_folder=folders.__contains__)
    assert found.values.get("image_root") == root


def test_fetching_is_reminded_of_until_it_is_decided() -> None:
    assert any("VULTUS_FETCH_URLS" in remark for remark in translated("insightface-rest").about_unset)
    assert not any("FETCH" in remark for remark in translated("insightface-rest", "fetch_urls").about_unset)


def test_secrets_are_not_told() -> None:
    found = translated("arcface-api", POSTGRES_PASSWORD="hunter2", DB_URL="postgresql://me:hunter2@db/faces")
    assert len(found.remarks) == 2
    assert "hunter2" not in " ".join(found.remarks)
