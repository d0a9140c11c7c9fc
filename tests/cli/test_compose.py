"""Compose and env files, read as compose reads them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from vultus.cli.compose import Service, read_services
from vultus.errors import SettingsError

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("A", "B", "UNSET"):
        monkeypatch.delenv(name, raising=False)


def compose(folder: Path, text: str, **files: str) -> list[Service]:
    for name, content in files.items():
        (folder / f".{name}").write_text(content, "utf-8")
    file = folder / "docker-compose.yml"
    file.write_text(text, "utf-8")
    return read_services(file)


def only(folder: Path, text: str, **files: str) -> Service:
    [service] = compose(folder, "services:\n  one:\n" + text, **files)
    return service


def test_an_env_file_is_one_service(tmp_path: Path) -> None:
    file = tmp_path / "service.env"
    file.write_text("# comment\nexport A=1\nB='two words' # more\nC=\"3\"\nEMPTY=\nALONE\n", "utf-8")
    [service] = read_services(file)
    assert service.name == ""
    assert service.environment == {"A": "1", "B": "two words", "C": "3", "EMPTY": ""}


def test_values_are_the_text_they_are(tmp_path: Path) -> None:
    environment = only(
        tmp_path, "    environment: {A: true, B: 0.60, C: 010, D: 640,  E: on, F: 2024-01-01, G: '1', H: 22:22}\n"
    ).environment
    assert environment == {
        "A": "true",
        "B": "0.60",
        "C": "010",
        "D": "640",
        "E": "on",
        "F": "2024-01-01",
        "G": "1",
        "H": "22:22",
    }


def test_a_list_and_names_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "from here")
    text = "    environment: ['A', 'B', 'C=x=y', 'D=']\n"
    assert only(tmp_path, text, env="B=beside\n").environment == {"A": "from here", "B": "beside", "C": "x=y", "D": ""}
    assert only(tmp_path, "    environment:\n      A:\n      UNSET:\n").environment == {"A": "from here"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "1"),
        ("$A", "1"),
        ("x${A}y$A", "x1y1"),
        ("${A:-d}", "1"),
        ("${UNSET:-d}", "d"),
        ("${UNSET-d}", "d"),
        ("${B:-d}", "d"),
        ("${B-d}", ""),
        ("${A:+d}", "d"),
        ("${UNSET:+d}", ""),
        ("${UNSET:-${A}}", "1"),
        ("${UNSET}", ""),
        ("$$A", "$A"),
        ("${A:?needed}", "1"),
    ],
)
def test_references(tmp_path: Path, text: str, value: str) -> None:
    assert only(tmp_path, f"    environment: {{X: '{text}'}}\n", env="A=1\nB=\n").environment["X"] == value


def test_the_shell_goes_before_the_file_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "shell")
    assert only(tmp_path, "    image: ${A}\n", env="A=file\n").image == "shell"


def test_a_reference_that_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs the variable UNSET: say it"):
        only(tmp_path, "    image: ${UNSET:?say it}\n")


@pytest.mark.parametrize("entry", [".one", "[.one]", "[{path: .one}]", "[.one, {path: .absent, required: false}]"])
def test_env_files_lie_beside_and_give_way(tmp_path: Path, entry: str) -> None:
    text = f"    env_file: {entry}\n    environment: {{B: mine}}\n"
    assert only(tmp_path, text, one="A=1\nB=2\n").environment == {"A": "1", "B": "mine"}


def test_an_env_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="absent cannot be read"):
        only(tmp_path, "    env_file: .absent\n")


def test_merged_mappings(tmp_path: Path) -> None:
    text = "x-all: &all {A: 1, B: 2}\nservices:\n  one:\n    environment:\n      <<: *all\n      B: 3\n"
    assert compose(tmp_path, text)[0].environment == {"A": "1", "B": "3"}


def test_ports_images_and_folders(tmp_path: Path) -> None:
    service = only(
        tmp_path,
        "    image: some/image:1\n    build: {context: ./core, dockerfile: D}\n"
        "    ports: ['18081:18080', '127.0.0.1:5000:3000/tcp', 8000, {target: 5555}, '8000-8001:9000-9001']\n"
        "    volumes: ['./models:/models:ro', 'named:/cache', {type: bind, source: /images, target: /pictures}]\n",
    )
    assert service.image == "some/image:1 ./core D"
    assert service.ports == (18080, 3000, 8000, 5555)
    assert service.mounts == {
        PurePosixPath("/models"): tmp_path / "models",
        PurePosixPath("/pictures"): Path("/images"),
    }
    assert service.outside("/models/onnx") == tmp_path / "models" / "onnx"
    assert service.outside("/modelsandmore") is None
    assert service.outside("/cache") is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [", "is not YAML"),
        ("just text", "has no services"),
        ("services: []", "has no services"),
        ("services: {one: 7}", "services.one is not a mapping"),
    ],
)
def test_what_is_no_compose_file_is_told(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        compose(tmp_path, text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        read_services(tmp_path / "absent.yml")
    (tmp_path / "latin.env").write_bytes(b"A=\xe9\n")
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_services(tmp_path / "latin.env")
