"""``vultus embed``, on the dummy engine."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

pytestmark = pytest.mark.unit

Run = Callable[..., Result]


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_one_picture_gives_a_table(run: Run, two: Path) -> None:
    result = run("embed", two)
    assert result.exit_code == 0, result.output
    headline, columns, *rows = result.stdout.splitlines()
    assert headline == f"{two}: 640 x 480 pixels, 2 faces"
    assert columns.split() == ["face", "score", "left", "top", "size", "norm", "embedding"]
    assert len(rows) == 2
    assert all(row.endswith("... 512") for row in rows)
    assert max(map(len, rows)) <= 80


def test_embeddings_are_unit_vectors_in_both_formats(run: Run, two: Path) -> None:
    [floats] = lines(run("embed", "--json", two))
    [packed] = lines(run("embed", "--json", "--format", "base64", two))
    for number, text in zip(floats["faces"], packed["faces"], strict=True):
        vector = np.array(number["embedding"], np.float32)
        assert vector.shape == (512,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
        assert number["norm"] > 0
        np.testing.assert_array_equal(np.frombuffer(base64.b64decode(text["embedding"]), "<f4"), vector)
        assert {key: number[key] for key in ("box", "score", "norm")} == {
            key: text[key] for key in ("box", "score", "norm")
        }


def test_an_unknown_format_is_wrong_usage(run: Run, one: Path) -> None:
    assert run("embed", "--json", "--format", "hex", one).exit_code == 2


def test_aligned_crops_are_embedded_whole(run: Run, make_picture: Callable[..., Path], one: Path) -> None:
    crop = make_picture("crop.png", [(1, 1)], size=(112, 112))
    result = run("embed", "--json", "--aligned", crop, one)
    assert result.exit_code == 1
    embedded, refused = lines(result)
    [face] = embedded["faces"]
    assert (face["box"], face["score"], len(face["embedding"])) == ([0, 0, 112, 112], 1.0, 512)
    assert refused["error"]["code"] == "crop_size_wrong"


def test_arrays_say_what_json_says(run: Run, two: Path, one: Path, broken: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces.npz"
    result = run("embed", "--json", "--out", out, two, broken, one)
    assert result.exit_code == 1
    records = lines(result)
    faces = [face for record in records for face in record.get("faces", ())]
    with np.load(out, allow_pickle=False) as arrays:
        assert sorted(arrays) == ["boxes", "embeddings", "norms", "paths", "picture", "scores"]
        np.testing.assert_allclose(arrays["embeddings"], [face["embedding"] for face in faces], rtol=1e-6)
        np.testing.assert_allclose(arrays["boxes"], [face["box"] for face in faces])
        np.testing.assert_allclose(arrays["scores"], [face["score"] for face in faces], rtol=1e-6)
        np.testing.assert_allclose(arrays["norms"], [face["norm"] for face in faces], rtol=1e-6)
        assert arrays["paths"].tolist() == [str(two), str(broken), str(one)]
        assert arrays["picture"].tolist() == [0, 0, 2]
        assert arrays["embeddings"].dtype == np.float32


def test_a_picture_named_twice_is_two_pictures(run: Run, one: Path, two: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces.npz"
    assert run("embed", "--out", out, one, two, one).exit_code == 0
    with np.load(out) as arrays:
        assert arrays["picture"].tolist() == [0, 1, 1, 2]
        assert arrays["paths"].tolist() == [str(one), str(two), str(one)]


def test_npy_holds_the_embeddings_alone(run: Run, two: Path, tmp_path: Path) -> None:
    assert run("embed", "--out", tmp_path / "faces.npy", two).exit_code == 0
    assert np.load(tmp_path / "faces.npy").shape == (2, 512)


def test_no_face_gives_arrays_that_can_be_joined_to_others(run: Run, none: Path, tmp_path: Path) -> None:
    assert run("embed", "--out", tmp_path / "faces.npz", none).exit_code == 0
    with np.load(tmp_path / "faces.npz") as arrays:
        assert arrays["embeddings"].shape == (0, 512)
        assert arrays["boxes"].shape == (0, 4)
        assert arrays["picture"].shape == (0,)


def test_the_embedder_can_be_chosen(run: Run, one: Path) -> None:
    [record] = lines(run("embed", "--json", "--embedder", "face_recognition_sface_2021dec", one))
    assert len(record["faces"][0]["embedding"]) == 128


def test_without_a_single_picture_no_file_is_written(run: Run, tmp_path: Path) -> None:
    assert run("embed", "--out", tmp_path / "faces.npz", "missing.jpg").exit_code == 1
    assert not (tmp_path / "faces.npz").exists()


@pytest.mark.parametrize("name", ["faces.csv", "no/such/faces.npz"])
def test_an_output_that_cannot_be_written_is_told_before_the_work(run: Run, one: Path, name: str) -> None:
    result = run("embed", "--out", name, one)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "output_unwritable" in result.stderr
