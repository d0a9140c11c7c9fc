"""Another product's environment as a source of settings: what goes before what, and who is blamed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vultus.compat import PRODUCTS
from vultus.errors import SettingsError
from vultus.runtime.choose import is_accelerator
from vultus.settings import load_settings, variable_of

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of any product is set on this machine."""
    for name in list(os.environ):
        if any(product.variable(name) for product in PRODUCTS.values()) and not name.startswith("PYTHON"):
            monkeypatch.delenv(name)


def test_without_compat_their_variables_mean_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_settings()
    monkeypatch.setenv("REC_NAME", "glintr100")
    monkeypatch.setenv("INFERENCE_BACKEND", "trt")
    assert load_settings() == before
    assert before.remarks == ()


@pytest.mark.parametrize("product", list(PRODUCTS))
def test_each_product_without_variables_gives_settings(product: str) -> None:
    settings = load_settings(compat=product)
    assert (settings.host, settings.port) == ("0.0.0.0", PRODUCTS[product].port)
    assert settings.dialects == (product,)
    assert (settings.ifr_threshold, settings.ifr_flags) == (0.6, ("extract_embedding",))


def test_argument_then_vultus_then_theirs_then_their_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_COMPAT", "insightface-rest")
    assert load_settings().embedder == "glintr100_insightface_rest"
    monkeypatch.setenv("REC_NAME", "w600k_r50")
    assert load_settings().embedder == "w600k_r50"
    monkeypatch.setenv("VULTUS_EMBEDDER", "w600k_mbf")
    assert load_settings().embedder == "w600k_mbf"
    assert load_settings(embedder="sface").embedder == "sface"
    monkeypatch.setenv("VULTUS_EMBEDDER", "")
    monkeypatch.setenv("REC_NAME", " ")
    assert load_settings().embedder == "glintr100_insightface_rest"


def test_the_argument_decides_whose_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_COMPAT", "compreface")
    monkeypatch.setenv("IMG_LENGTH_LIMIT", "1024")
    monkeypatch.setenv("FASTAPI_PORT", "5004")
    assert (load_settings().port, load_settings().compreface_length) == (3000, 1024)
    settings = load_settings(compat="face-triton")
    assert (settings.port, settings.compreface_length) == (5004, 640)


@pytest.mark.parametrize(
    ("name", "value", "setting"),
    [
        ("MAX_SIZE", "32,32", "canvas"),
        ("DEF_DET_THRESH", "2", "ifr_threshold"),
    ],
)
def test_a_value_out_of_range_is_blamed_on_their_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, setting: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings(compat="insightface-rest")
    assert f"{setting}: " in caught.value.message
    assert f"from {name})" in caught.value.message
    assert variable_of(setting) not in caught.value.message


def test_a_variable_of_vultus_is_blamed_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEF_DET_THRESH", "0.7")
    monkeypatch.setenv("VULTUS_IFR_THRESHOLD", "2")
    with pytest.raises(SettingsError, match="from VULTUS_IFR_THRESHOLD"):
        load_settings(compat="insightface-rest")


def test_all_problems_of_their_variables_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_BACKEND", "triton")
    monkeypatch.setenv("MAX_SIZE", "640")
    with pytest.raises(SettingsError, match=r"INFERENCE_BACKEND: .*; MAX_SIZE: "):
        load_settings(compat="insightface-rest")


def test_tensorrt_there_is_tensorrt_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_BACKEND", "trt")
    settings = load_settings(compat="insightface-rest")
    assert (settings.runtime, settings.device, settings.precision) == ("onnx", "tensorrt", "auto")
    assert is_accelerator(settings)
    monkeypatch.setenv("VULTUS_DEVICE", "tensorrt:1")
    assert load_settings(compat="insightface-rest").device == "tensorrt:1"


def test_a_gpu_there_is_a_gpu_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPU_IDX", "1")
    settings = load_settings(compat="compreface")
    assert (settings.runtime, settings.device, settings.precision) == ("onnx", "cuda:1", "f32")
    assert is_accelerator(settings)


@pytest.mark.parametrize(("product", "name"), [("insightface-rest", "NUM_WORKERS"), ("compreface", "UWSGI_PROCESSES")])
def test_processes_there_are_processes_here(monkeypatch: pytest.MonkeyPatch, product: str, name: str) -> None:
    monkeypatch.setenv(name, "3")
    assert load_settings(compat=product).workers == 3
    monkeypatch.setenv(name, "0")
    with pytest.raises(SettingsError, match=rf"workers: .*from {name}\)"):
        load_settings(compat=product)


def test_giving_the_runtime_is_the_way_out_of_tensorrt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_BACKEND", "trt")
    monkeypatch.setenv("VULTUS_RUNTIME", "openvino")
    settings = load_settings(compat="insightface-rest")
    assert (settings.runtime, settings.device, settings.precision) == ("openvino", "cpu", "f32")
    assert any(remark.startswith("INFERENCE_BACKEND does not count") for remark in settings.remarks)


def test_remarks_go_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UWSGI_THREADS", "8")
    assert [remark.partition(" ")[0] for remark in load_settings(compat="compreface").remarks] == ["UWSGI_THREADS"]


@pytest.mark.parametrize("dialects", ["insightface-rest", "none"])
def test_compat_and_dialects_that_contradict_each_other_are_both_named(
    monkeypatch: pytest.MonkeyPatch, dialects: str
) -> None:
    monkeypatch.setenv("VULTUS_COMPAT", "compreface")
    monkeypatch.setenv("VULTUS_DIALECTS", dialects)
    with pytest.raises(SettingsError, match=r"VULTUS_COMPAT='compreface' and VULTUS_DIALECTS="):
        load_settings()
    monkeypatch.delenv("VULTUS_DIALECTS")
    with pytest.raises(SettingsError, match=r"VULTUS_COMPAT='compreface' and dialects="):
        load_settings(dialects=dialects)


def test_dialects_may_name_more_than_the_one() -> None:
    settings = load_settings(compat="compreface", dialects="arcface-api,compreface")
    assert settings.dialects == ("arcface-api", "compreface")


def test_an_unknown_product_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_COMPAT", "rekognition")
    with pytest.raises(SettingsError, match=r"compat: .*'compreface'.*\(got 'rekognition' from VULTUS_COMPAT\)"):
        load_settings()


def test_folders_of_theirs_are_folders_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("ROOT_IMAGES_DIR", str(tmp_path))
    settings = load_settings(compat="insightface-rest")
    assert settings.model_path == (tmp_path / "models",)
    assert settings.image_root == tmp_path
