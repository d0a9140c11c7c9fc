"""The committed tables of networks are what the catalogue and the results say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.models_doc import BEGIN, COLUMNS, END, PAGE, page, read_results, row, tables, told
from vultus.zoo.catalogue import Catalogue, Model

pytestmark = pytest.mark.unit

CATALOGUE = Catalogue.load()


def cells(name: str, measured: dict[str, Any] | None = None) -> dict[str, str]:
    return dict(zip(COLUMNS, row(CATALOGUE.model(name), measured), strict=True))


def measured(ratio: float | None = 1.5, why_not: str = "", figures: dict[str, float] | None = None) -> dict[str, Any]:
    return {"figures": figures or {}, "why_not": why_not, "time_ratio": ratio}


def test_the_committed_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text, CATALOGUE, read_results()), "run: python -m benchmarks.models_doc"


@pytest.mark.parametrize("model", CATALOGUE.models, ids=lambda model: model.name)
def test_each_network_has_a_row_of_all_columns(model: Model) -> None:
    rows = [line for line in tables(CATALOGUE, {}).splitlines() if line.startswith(f"| `{model.name}`")]
    assert len(rows) == 1
    assert rows[0].replace("\\|", "").count("|") == len(COLUMNS) + 1
    assert all(f"`{alias}`" in rows[0] for alias in model.aliases)


def test_only_what_is_between_the_marks_is_written() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    written = page(text, CATALOGUE, {})
    assert written.startswith(f"before\n{BEGIN}\n\n### Detectors\n")
    assert written.endswith(f"{END}\nafter\n")
    assert "old" not in written
    assert page(written, CATALOGUE, {}) == written


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END} {BEGIN}"])
def test_a_page_without_the_marks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        page(text, CATALOGUE, {})


def test_what_the_catalogue_says() -> None:
    shown = cells("yunet")
    assert shown["network"] == "`face_detection_yunet_2023mar` (`yunet`)"
    assert (shown["licence"], shown["commercial use"], shown["input"]) == ("MIT", "yes", "any")
    assert shown["from"] == "[opencv/opencv_zoo](https://github.com/opencv/opencv_zoo)"
    assert shown["hash"] == "sha256 `8f2383e4`"
    assert cells("ultraface")["input"] == "320 x 240"
    assert cells("w600k_mbf")["input"] == "112 x 112"


def test_what_is_published_and_what_is_measured_are_kept_apart() -> None:
    published = cells("w600k_mbf")["published accuracy"]
    assert published
    assert "(measured" not in published


def test_a_network_of_which_no_hash_is_published() -> None:
    nameless = [model for model in CATALOGUE.models if model.checksum is None]
    assert nameless
    assert all(cells(model.name)["hash"] == "none published" for model in nameless)


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        (
            {"noses": 46, "found": 45, "false": 2, "doubled": 0}
            | {"best_threshold": 0.61, "best_found": 44, "best_false": 0, "best_doubled": 1},
            "45 of 46 noses, 2 false, 0 double; at 0.61: 44, 0 false, 1 double",
        ),
        ({"lfw": 0.99567}, "LFW 99.57%"),
        ({"gender": 0.872, "age": 8.75, "adults": 175}, "gender 87.2% of 175 adults; age 8.8 years off, 175 adults"),
        ({"mask": 0.936, "mask_faces": 187}, "mask 93.6% of 187 faces"),
        ({"liveness": 3, "liveness_faces": 3}, "liveness right for 3 of 3 (a smoke test)"),
    ],
)
def test_figures_are_told(figures: dict[str, float], said: str) -> None:
    assert told(measured(figures=figures)) == said


def test_why_there_are_none_is_told() -> None:
    assert told(None) == "not measured yet"
    assert told(measured(None, "its file was not there")) == "not measured: its file was not there"


def test_time_is_a_ratio_to_the_default() -> None:
    assert cells("sface", measured(0.8765))["time"] == "0.88"
    assert cells("w600k_mbf", measured(1.02))["time"] == "1 (default)"
    assert cells("sface", measured(None, "why"))["time"] == cells("sface")["time"] == "-"


def test_results_are_read_where_there_are_any(tmp_path: Path) -> None:
    assert read_results(tmp_path / "models.json") == {}
    (tmp_path / "models.json").write_text(json.dumps({"detail": {"models": {"a": measured(figures={"lfw": 0.9})}}}))
    assert told(read_results(tmp_path / "models.json")["a"]) == "LFW 90.00%"
