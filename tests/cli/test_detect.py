"""``vultus detect``, on the dummy engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

pytestmark = pytest.mark.unit

Run = Callable[..., Result]
MakePicture = Callable[..., Path]


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def boxes(record: dict[str, Any]) -> list[list[float]]:
    return [face["box"] for face in record["faces"]]


def test_one_picture_gives_a_table(run: Run, two: Path) -> None:
    result = run("detect", two)
    assert result.exit_code == 0, result.output
    headline, columns, *rows = result.stdout.splitlines()
    assert headline == f"{two}: 640 x 480 pixels, 2 faces"
    assert columns.split() == ["face", "score", "left", "top", "right", "bottom", "size"]
    assert sorted(row.split()[2:] for row in rows) == [
        ["320", "320", "352", "352", "32", "x", "32"],
        ["96", "64", "128", "96", "32", "x", "32"],
    ]
    assert result.stderr == ""


def test_a_picture_without_faces_is_no_failure(run: Run, none: Path) -> None:
    result = run("detect", none)
    assert (result.exit_code, result.stdout) == (0, f"{none}: 640 x 480 pixels, 0 faces\n")


def test_json_tells_all(run: Run, one: Path) -> None:
    result = run("detect", "--json", one)
    [record] = lines(result)
    assert (record["path"], record["width"], record["height"]) == (str(one), 640, 480)
    [face] = record["faces"]
    assert face["box"] == [96, 64, 128, 96]
    assert face["score"] == 1.0
    assert np.shape(face["landmarks"]) == (5, 2)
    assert set(face) == {"box", "score", "landmarks"}


def test_landmarks106_are_computed_on_request(run: Run, one: Path) -> None:
    [record] = lines(run("detect", "--json", "--landmarks106", one))
    assert np.shape(record["faces"][0]["attributes"]["landmarks106"]) == (106, 2)


def test_facts_are_told_on_request(run: Run, one: Path) -> None:
    networks = "genderage_v1,mask_detector"
    [record] = lines(
        run("detect", "--json", "--attributes", networks, "--facts", "gender, mask", "--landmarks106", one)
    )
    told = record["faces"][0]["attributes"]
    assert set(told) == {"gender", "mask", "landmarks106"}
    assert told["gender"] in (0, 1)
    assert told["mask"]["mask"] + told["mask"]["no_mask"] == pytest.approx(1)


def test_a_fact_that_no_network_tells_ends_the_command(run: Run, one: Path, two: Path) -> None:
    result = run("detect", "--landmarks106", "--pack", "buffalo_sc", "--detector", "scrfd_500m_bnkps", one, two)
    assert result.exit_code == 2
    assert "landmarks106" in result.stderr
    assert result.stderr.count("error:") == 1


def test_faces_are_limited_as_asked(run: Run, make_picture: MakePicture) -> None:
    # Twice the size of the canvas: each face is one cell of 32 there, 64 here.
    large = make_picture(
        "large.png", [(0, 0), (1, 0), (0, 1), (1, 1), (8, 8), (9, 8), (8, 9), (9, 9)], size=(1280, 960)
    )
    assert len(lines(run("detect", "--json", large))[0]["faces"]) == 2
    assert len(lines(run("detect", "--json", "--max-faces", 1, large))[0]["faces"]) == 1
    assert len(lines(run("detect", "--json", "--min-face-size", 64, large))[0]["faces"]) == 2
    assert lines(run("detect", "--json", "--min-face-size", 65, large))[0]["faces"] == []


def test_settings_reach_the_engine(run: Run, make_picture: MakePicture, monkeypatch: pytest.MonkeyPatch) -> None:
    grey = make_picture("grey.png", [(3, 2)], value=230)  # a score of 230 / 255 = 0.902
    assert len(lines(run("detect", "--json", grey))[0]["faces"]) == 1
    monkeypatch.setenv("VULTUS_THRESHOLD", "0.95")
    assert len(lines(run("detect", "--json", grey))[0]["faces"]) == 0
    assert len(lines(run("detect", "--json", "--threshold", 0.9, grey))[0]["faces"]) == 1


def test_a_folder_gives_a_line_a_picture_and_a_total(run: Run, album: Path) -> None:
    result = run("detect", album)
    assert result.exit_code == 1
    shown = [line.split() for line in result.stdout.splitlines()]
    assert shown == [
        ["1", "face", "640", "x", "480", str(album / "a.png")],
        ["2", "faces", "640", "x", "480", str(album / "c.PNG")],
    ]
    error, total = result.stderr.splitlines()
    assert error.startswith(f"error: {album / 'b.jpg'}: ")
    assert error.endswith("(picture_corrupt)")
    assert total.startswith("3 pictures, 3 faces, 1 failed in ")


def test_a_folder_as_json_has_a_line_for_every_picture_in_order(run: Run, album: Path) -> None:
    result = run("detect", "--json", "--recursive", album)
    assert result.exit_code == 1
    records = lines(result)
    assert [Path(record["path"]).name for record in records] == ["a.png", "b.jpg", "c.PNG", "d.png"]
    assert records[1]["error"]["code"] == "picture_corrupt"
    assert boxes(records[3]) == [[224, 224, 256, 256]]
    assert "error" not in result.stderr


def test_many_pictures_stay_in_order(run: Run, make_picture: MakePicture) -> None:
    paths = [make_picture(f"{column:02}.png", [(column, 3)]) for column in range(20)]
    records = lines(run("detect", "--json", *paths))
    assert [boxes(record) for record in records] == [[[32 * c, 96, 32 * c + 32, 128]] for c in range(20)]


def test_missing_names_are_told_and_the_others_done(run: Run, one: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run("detect", "--json", "missing.jpg", "empty", one)
    assert result.exit_code == 1
    records = lines(result)
    assert [record.get("error", {}).get("code") for record in records] == [
        "picture_unreachable",
        "picture_unreachable",
        None,
    ]
    assert len(records[2]["faces"]) == 1


def test_nothing_to_do_is_told_without_an_engine(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_RUNTIME", "onnx")  # offline and without weights, this engine could not start
    result = run("detect", "missing.jpg")
    assert result.exit_code == 1
    assert result.stderr == "error: missing.jpg: there is no such file or folder (picture_unreachable)\n"


def test_a_picture_may_come_from_standard_input(run: Run, one: Path) -> None:
    [record] = lines(run("detect", "--json", "-", stdin=one.read_bytes()))
    assert (record["path"], boxes(record)) == ("-", [[96, 64, 128, 96]])


def test_nothing_on_standard_input_is_an_empty_picture(run: Run) -> None:
    result = run("detect", "--json", "-", stdin=b"")
    assert result.exit_code == 1
    assert lines(result)[0]["error"]["code"] == "picture_empty"


def test_more_bytes_than_allowed_are_refused_from_files_and_standard_input(run: Run, one: Path) -> None:
    result = run("detect", "--json", "--max-picture-bytes", 100, one, "-", stdin=one.read_bytes())
    assert [record["error"]["code"] for record in lines(result)] == ["picture_bytes_exceeded"] * 2


def test_a_missing_network_is_exit_code_3(run: Run, one: Path) -> None:
    result = run("detect", "--json", "--runtime", "openvino", one)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert json.loads(result.stderr)["error"]["code"] == "model_unavailable"


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.webp"])
def test_faces_are_drawn_into_a_file(run: Run, one: Path, tmp_path: Path, name: str) -> None:
    result = run("detect", "--draw", tmp_path / name, one)
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / name) as drawn, Image.open(one) as original:
        assert drawn.size == original.size
        before, after = np.asarray(original).astype(int), np.asarray(drawn.convert("RGB")).astype(int)
    changed = np.abs(after - before).max(axis=2) > 60
    assert changed[60:100, 92:132].any()
    assert not changed[300:, 300:].any()


def test_a_folder_is_drawn_into_a_folder(run: Run, album: Path, tmp_path: Path) -> None:
    result = run("detect", "--recursive", "--draw", tmp_path / "out", album)
    assert result.exit_code == 1
    drawn = sorted(path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.*"))
    assert drawn == [Path("a.png"), Path("c.PNG"), Path("inner/d.png")]


def test_a_picture_that_cannot_be_drawn_fails_alone_and_keeps_its_line(
    run: Run, one: Path, make_picture: MakePicture, tmp_path: Path
) -> None:
    wide = make_picture("wide.webp", [], size=(16_383, 1))
    wide = wide.rename(tmp_path / "wide.jpg")  # as JPEG it can be drawn, whatever it really is
    long = make_picture("long.png", [], size=(70_000, 1)).rename(tmp_path / "long.jpg")  # longer than JPEG allows
    result = run("detect", "--json", "--draw", tmp_path / "out", wide, long, one)
    assert result.exit_code == 1
    assert [Path(record["path"]).name for record in lines(result)] == ["wide.jpg", "long.jpg", "one.png"]
    failure = json.loads(result.stderr.splitlines()[0])
    assert (failure["path"], failure["error"]["code"]) == (str(long), "picture_format_unsupported")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["one.png", "wide.jpg"]


def test_standard_input_can_be_drawn(run: Run, one: Path, tmp_path: Path) -> None:
    assert run("detect", "--draw", tmp_path / "out.png", "-", stdin=one.read_bytes()).exit_code == 0
    assert (tmp_path / "out.png").exists()


def test_a_drawing_that_cannot_be_written_is_told_before_the_work(run: Run, one: Path) -> None:
    result = run("detect", "--json", "--draw", "no/such/out.png", one)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert json.loads(result.stderr)["error"]["code"] == "output_unwritable"


def test_no_names_is_wrong_usage(run: Run) -> None:
    assert run("detect").exit_code == 2
