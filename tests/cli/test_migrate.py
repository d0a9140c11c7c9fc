"""``vultus migrate check``: what becomes of an environment, and how it is told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from vultus.cli.app import app
from vultus.compat import PRODUCTS
from vultus.zoo.catalogue import Catalogue

pytestmark = pytest.mark.unit

Check = Callable[..., Any]

COMPOSE = """
services:
  faces:
    image: registry.example/insightface-rest:0.9.5.0
    ports: ["18081:18080"]
    volumes: ["./models:/models"]
    environment:
      INFERENCE_BACKEND: ${BACKEND:-onnx}
      DET_NAME: scrfd_500m_bnkps
      REC_NAME: w600k_mbf
      NUM_WORKERS: 4
      MASK_DETECTOR: ""
      SOMETHING_ELSE: confidential
  db:
    image: postgres:16
    environment: {POSTGRES_USER: me, POSTGRES_PASSWORD: confidential, POSTGRES_DB: faces}
"""


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if any(product.variable(name) for product in PRODUCTS.values()) and not name.startswith("PYTHON"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("BACKEND", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text, "utf-8")
        return tmp_path / name

    return write


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["migrate", "check", *map(str, arguments)])


def checked(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    result = run(*arguments, "--json")
    return result.exit_code, json.loads(result.stdout)["services"]


def rows(service: dict[str, Any]) -> dict[str, tuple[str, dict[str, str | None]]]:
    return {row["name"]: (row["verdict"], row["settings"]) for row in service["variables"]}


def test_a_compose_file(write: Callable[[str, str], Path]) -> None:
    code, [service] = checked(write("compose.yaml", COMPOSE))
    assert (code, service["problems"]) == (0, [])
    assert (service["service"], service["product"]) == ("faces", "insightface-rest")
    assert rows(service) == {
        "INFERENCE_BACKEND": ("honoured", {"VULTUS_RUNTIME": None, "VULTUS_DEVICE": None, "VULTUS_PRECISION": None}),
        "DET_NAME": ("honoured", {"VULTUS_DETECTOR": "scrfd_500m_bnkps"}),
        "REC_NAME": ("honoured", {"VULTUS_EMBEDDER": "w600k_mbf"}),
        "NUM_WORKERS": ("honoured", {"VULTUS_WORKERS": "4"}),
        "MASK_DETECTOR": ("ignored", {}),
        "SOMETHING_ELSE": ("ignored", {}),
    }
    assert service["environment"]["VULTUS_PORT"] == "18080"
    assert service["environment"]["VULTUS_MODEL_PATH"] == "/models"
    assert "VULTUS_IMAGE_ROOT" not in service["environment"]


def test_weights_are_looked_for_in_mounted_folders(write: Callable[[str, str], Path], tmp_path: Path) -> None:
    file = write("compose.yaml", COMPOSE)
    model = Catalogue.load().model("w600k_mbf")
    here = tmp_path / "models" / "onnx" / model.name / f"{model.name}.onnx"
    here.parent.mkdir(parents=True)
    with here.open("wb") as empty:
        empty.truncate(model.size)  # for its length only: what it holds is verified when it is used
    _, [service] = checked(file)
    found = {weight["name"]: weight for weight in service["networks"]}
    assert found["w600k_mbf"]["path"] == str(here)
    assert found["scrfd_500m_bnkps"]["path"] is None
    assert found["scrfd_500m_bnkps"]["can_be_fetched"]
    assert "non-commercial" in found["w600k_mbf"]["licence"]


def test_nothing_confidential_is_shown(write: Callable[[str, str], Path]) -> None:
    assert "confidential" not in run(write("compose.yaml", COMPOSE)).stdout
    secret = write("secret.env", "DB_URL=postgresql://me:confidential@db\nPOSTGRES_PASSWORD=confidential\n")
    assert "confidential" not in run(secret, "--product", "arcface-api").output


def test_the_text_names_all_that_matters(write: Callable[[str, str], Path]) -> None:
    result = run(write("compose.yaml", COMPOSE))
    assert result.exit_code == 0
    for part in ("faces: InsightFace-REST", "NUM_WORKERS", "honoured", "VULTUS_WORKERS", "VULTUS_DETECTOR="):
        assert part in result.stdout
    assert "VULTUS_COMPAT=insightface-rest\n" in result.stdout
    assert "VULTUS_EMBEDDER=w600k_mbf\n" in result.stdout
    assert "note: pictures by address" in result.stdout


def test_an_error_is_told_and_ends_with_1(write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKEND", "triton")
    file = write("compose.yaml", COMPOSE)
    code, [service] = checked(file)
    assert code == 1
    assert rows(service)["INFERENCE_BACKEND"][0] == "error"
    assert service["problems"][0].startswith("INFERENCE_BACKEND: ")
    assert [weight["name"] for weight in service["networks"]] == ["scrfd_500m_bnkps", "w600k_mbf"]
    text = run(file).stdout
    assert "error: INFERENCE_BACKEND" in text
    assert "VULTUS_COMPAT=" not in text


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("DET_NAME=yolov5l_face_of_mine", "VULTUS_DETECTOR: no network is called 'yolov5l_face_of_mine'"),
        ("GA_NAME=some_ga", "VULTUS_ATTRIBUTES: no network is called 'some_ga'"),
        ("MAX_SIZE=32,32", "MAX_SIZE: "),
        ("DET_THRESH=0.7\nDEF_DET_THRESH=0.6", "contradict each other"),
        ("VULTUS_LICENSE_POLICY=permissive", "license_policy = permissive refuses"),
        ("VULTUS_OFFLINE=true", "cannot be fetched"),
        ("VULTUS_PACK=small_one", "no pack is called 'small_one'"),
    ],
)
def test_what_prevents_the_start(write: Callable[[str, str], Path], line: str, complaint: str) -> None:
    file = write("faces.env", f"INFERENCE_BACKEND=onnx\nNUM_WORKERS=1\n{line}\n")
    code, [service] = checked(file)
    assert code == 1
    assert any(complaint in problem for problem in service["problems"]), service["problems"]


def test_settings_of_vultus_in_the_file_count(write: Callable[[str, str], Path]) -> None:
    _, [service] = checked(
        write("a.env", "VULTUS_COMPAT=insightface-rest\nREC_NAME=w600k_r50\nVULTUS_PACK=permissive\n")
    )
    assert rows(service)["VULTUS_PACK"] == ("honoured", {"VULTUS_PACK": "permissive"})
    assert rows(service)["REC_NAME"] == ("ignored", {"VULTUS_EMBEDDER": None})
    assert {weight["name"] for weight in service["networks"]} == {
        "face_detection_yunet_2023mar",
        "face_recognition_sface_2021dec",
    }


@pytest.mark.parametrize(
    ("text", "product"),
    [
        (
            "services: {a: {image: 'exadel/compreface-core:1.2.0'}, b: {image: 'exadel/compreface-api:1.2.0'}}",
            "compreface",
        ),
        ("services: {a: {build: {context: ./embedding-calculator}}, b: {image: nginx}}", "compreface"),
        (
            "services: {a: {image: mine, environment: {REC_NAME: a, DET_NAME: b}}, b: {image: nginx}}",
            "insightface-rest",
        ),
        ("services: {a: {image: mine, environment: [VULTUS_COMPAT=face-triton]}, b: {image: nginx}}", "face-triton"),
        ("services: {a: {image: mine, environment: {FASTAPI_PORT: 3000}}}", "face-triton"),
    ],
)
def test_the_product_is_guessed(write: Callable[[str, str], Path], text: str, product: str) -> None:
    _, [service] = checked(write("compose.yml", text))
    assert (service["service"], service["product"]) == ("a", product)


def test_the_product_may_be_said(write: Callable[[str, str], Path]) -> None:
    file = write("compose.yml", "services: {a: {image: mine}}")
    _, [service] = checked(file, "--product", "arcface-api")
    assert service["environment"]["VULTUS_PACK"] == "buffalo_l"
    assert service["environment"]["VULTUS_PORT"] == "5555"


@pytest.mark.parametrize(
    ("text", "options", "complaint"),
    [
        ("services: {a: {image: nginx}, b: {image: postgres}}", [], "nothing here looks like"),
        ("services: {a: {image: nginx}}", [], "--product"),
        ("services: {a: {image: nginx}}", ["--product", "rekognition"], "there is no product rekognition"),
    ],
)
def test_what_is_not_known_is_wrong_usage(
    write: Callable[[str, str], Path], text: str, options: list[str], complaint: str
) -> None:
    result = run(write("compose.yml", text), *options)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_a_port_that_is_published_but_not_listened_on_is_noted(write: Callable[[str, str], Path]) -> None:
    _, [service] = checked(write("c.yml", "services: {a: {image: compreface-core, ports: ['3000:3300']}}"))
    assert any("3300" in note and "3000" in note for note in service["notes"])
    _, [service] = checked(
        write("c.yml", "services: {a: {image: compreface-core, ports: ['3000:3300'], environment: {ML_PORT: 3300}}}")
    )
    assert not any("3300" in note for note in service["notes"])


def test_help_tells_the_exit_codes() -> None:
    output = CliRunner(env={"COLUMNS": "220"}).invoke(app, ["migrate", "check", "--help"]).output
    assert "Exit codes: 0 it would start; 1 a variable is an error" in output
