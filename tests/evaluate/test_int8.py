"""Int8 forms on trial: what they are calibrated on, and that only those within limits are kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vultus.errors import OutputUnwritable, PictureError, SettingsError
from vultus.evaluate import int8
from vultus.evaluate.drift import Drift, Limits
from vultus.evaluate.int8 import LIMITS, chosen, gather, limits_for, split, trial
from vultus.settings import Settings, load_settings
from vultus.types import Profile
from vultus.zoo.catalogue import Catalogue
from vultus.zoo.quantized import Quantized, Record, file_name, read_record, source_of
from vultus.zoo.store import digest_of

pytestmark = pytest.mark.unit

NEAR = Drift([], 100, 0, np.array([0.98, 1.0]), np.array([0.95]), 9.0, 0.01, 0.05, 0.03)


def test_every_third_picture_is_held_out() -> None:
    paths = [Path(str(number)) for number in range(7)]
    calibrating, judging = split(paths)
    assert [path.name for path in judging] == ["1", "4"]
    assert [path.name for path in calibrating] == ["0", "2", "3", "5", "6"]


def test_few_pictures_serve_for_both() -> None:
    paths = [Path(str(number)) for number in range(5)]
    assert split(paths) == (paths, paths)


def test_detector_and_embedder_are_chosen_with_companions_but_no_attributes() -> None:
    catalogue = Catalogue.load()
    profile = Profile("p", "mtcnn", "w600k_mbf", ("2d106det",))
    assert [model.name for model in chosen(profile, catalogue, ())] == [
        "mtcnn",
        "w600k_mbf",
        "mtcnn_rnet",
        "mtcnn_onet",
    ]
    assert [model.name for model in chosen(profile, catalogue, ["w600k_mbf"])] == ["w600k_mbf"]
    for name in ("2d106det", "scrfd_500m_bnkps"):
        with pytest.raises(SettingsError, match=f"{name} is not in use"):
            chosen(profile, catalogue, [name])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(runtime="dummy", streams=1, model_cache=tmp_path / "cache", offline=True)


def draw(path: Path, faces: int) -> Path:
    """A picture in which the dummy detector finds so many faces: white cells of 32 x 32."""
    pixels = np.zeros((640, 640, 3), np.uint8)
    for place in range(faces):
        pixels[:32, 64 * place : 64 * place + 32] = 255
    Image.fromarray(pixels).save(path)
    return path


def test_networks_are_watched_at_what_the_engine_asks(settings: Settings, tmp_path: Path) -> None:
    paths = [
        draw(tmp_path / "a.png", 2),
        tmp_path / "none.png",
        draw(tmp_path / "b.png", 3),
        draw(tmp_path / "c.png", 0),
    ]
    failed: list[tuple[PictureError, Path]] = []
    steps = list(gather(settings, paths, lambda error, path: failed.append((error, path))))
    seen = [{sample.model.name: sample.seen for sample in step} for step in steps]
    first, last = {"scrfd_500m_bnkps": 1, "w600k_mbf": 2}, {"scrfd_500m_bnkps": 3, "w600k_mbf": 5}
    assert seen == [first, first, {"scrfd_500m_bnkps": 2, "w600k_mbf": 5}, last]
    assert [path for _, path in failed] == [paths[1]]
    shapes = {sample.model.name: {row.shape for row in sample.rows} for sample in steps[-1]}
    assert shapes == {"scrfd_500m_bnkps": {(640, 640, 3)}, "w600k_mbf": {(112, 112, 3)}}


def test_of_many_inputs_each_has_the_same_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "MOST_ROWS", 10)
    model = Catalogue.load().model("w600k_mbf")
    rows = np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1)
    picked: Counter[int] = Counter()
    choice = np.random.default_rng(0)
    for _ in range(1000):
        sample = int8._adding(int8._adding(int8.Sample(model, [], 0), rows[:25], choice), rows[25:], choice)
        assert (len(sample.rows), sample.seen) == (10, 40)
        picked.update({int(row[0, 0, 0]) for row in sample.rows})
    # Binomial, n = 1000, p = 1/4: the standard deviation is 13.7; five of them are never met by chance.
    assert all(abs(picked[number] - 250) < 70 for number in range(40))


def test_one_face_in_a_hundred_may_be_found_by_one_run_alone() -> None:
    assert [limits_for(replace(NEAR, paired=faces)).other_faces for faces in (1, 199, 250)] == [1, 1, 2]
    assert limits_for(NEAR, replace(LIMITS, other_faces=0)).other_faces == 0


@pytest.fixture
def made(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """What the quantizer was asked; it writes five bytes."""
    asked: list[Any] = []

    def quantize(model: Any, source: Path, target: Path, rows: Any, shape: Any) -> None:
        asked.append((model.name, source, list(rows), shape))
        target.write_bytes(b"int8!")

    monkeypatch.setattr(int8, "quantize", quantize)
    monkeypatch.setattr("vultus.evaluate.int8.Store.path", lambda _, model: tmp_path / model.file)
    return asked


def sample_of(name: str = "w600k_mbf") -> int8.Sample:
    return int8.Sample(Catalogue.load().model(name), [np.zeros((112, 112, 3), np.uint8)], 1)


def test_what_is_within_limits_is_kept_with_its_figures(settings: Settings, made: list[Any], tmp_path: Path) -> None:
    sample = sample_of()
    with trial(settings, LIMITS) as on_trial:
        record = on_trial.make(sample, sample.rows)
        tried = Quantized.from_settings(on_trial.settings).find(sample.model)
        assert tried is not None
        assert tried.parent.parent == settings.model_cache
        assert Quantized.from_settings(settings).find(sample.model) is None  # not yet
        assert on_trial.settings.precision == "int8"
        verdict = on_trial.judge(sample.model, record, NEAR)
    place = settings.model_cache / file_name(sample.model)
    assert [(name, source, shape) for name, source, _, shape in made] == [
        ("w600k_mbf", tmp_path / "w600k_mbf.onnx", (112, 112, 3))
    ]
    assert verdict.path == place == Quantized.from_settings(settings).find(sample.model)
    known = read_record(place)
    assert known is not None
    assert (known.source, known.sha256) == (source_of(sample.model), digest_of(place, "sha256"))
    assert known.rows == 1
    assert known.drift["cosine, mean"] == {"value": pytest.approx(0.99), ">=": LIMITS.mean_cosine}
    assert {"vultus", "onnx", "onnxruntime"} == known.versions.keys()
    assert sorted(path.name for path in settings.model_cache.iterdir()) == [place.with_suffix(".json").name, place.name]


@pytest.mark.parametrize(
    ("limits", "drift"),
    [
        (LIMITS, replace(NEAR, cosines=np.array([0.97, 0.98]))),
        (LIMITS, replace(NEAR, cosines=np.array([0.89] + [1.0] * 50))),
        (LIMITS, replace(NEAR, overlaps=np.array([0.89]))),
        (LIMITS, replace(NEAR, landmarks_share=0.07)),
        (LIMITS, replace(NEAR, similarity_change=0.11)),
        (LIMITS, replace(NEAR, other_faces=2)),
        (replace(LIMITS, mean_cosine=0.995), NEAR),
    ],
)
def test_of_what_is_beyond_a_limit_nothing_is_kept(
    limits: Limits, drift: Drift, settings: Settings, made: list[Any]
) -> None:
    sample = sample_of()
    with trial(settings, limits) as on_trial:
        verdict = on_trial.judge(sample.model, on_trial.make(sample, sample.rows), drift)
        assert Quantized.from_settings(on_trial.settings).find(sample.model) is None
    assert verdict.path is None
    assert len(verdict.drift.broken(verdict.limits)) == 1
    assert list(settings.model_cache.iterdir()) == []


def test_a_form_that_was_kept_before_outlives_a_worse_one(settings: Settings, made: list[Any]) -> None:
    sample = sample_of()
    with trial(settings, LIMITS) as on_trial:
        on_trial.judge(sample.model, on_trial.make(sample, sample.rows), NEAR)
    with trial(settings, LIMITS) as on_trial:
        on_trial.judge(sample.model, on_trial.make(sample, sample.rows), replace(NEAR, other_faces=9))
    assert Quantized.from_settings(settings).find(sample.model) is not None


def test_forms_kept_before_take_part_in_a_trial_of_others(settings: Settings, made: list[Any]) -> None:
    embedder, detector = sample_of(), sample_of("scrfd_500m_bnkps")
    with trial(settings, LIMITS) as on_trial:
        on_trial.judge(embedder.model, on_trial.make(embedder, embedder.rows), NEAR)
    with trial(settings, LIMITS) as on_trial:
        on_trial.make(detector, detector.rows)
        found = Quantized.from_settings(on_trial.settings)
        assert found.find(embedder.model) == settings.model_cache / file_name(embedder.model)
        assert found.find(detector.model) is not None


def test_a_cache_that_cannot_be_made_is_told(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputUnwritable, match="set model_cache"),
        trial(settings.model_copy(update={"model_cache": tmp_path / "file" / "cache"}), LIMITS),
    ):
        pytest.fail("there is no such folder")


def test_limits_are_met_by_no_drift_at_all() -> None:
    none = Drift([], 1, 0, np.ones(1), np.ones(1), 0.0, 0.0, 0.0, 0.0)
    assert none.broken(limits_for(none)) == []
    assert Record("net", "", "", 1).drift == {}
