"""What is measured with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vultus.bench.pictures import MOST_PICTURES, cuts_of, given_case, made_cases, own_cuts, portrait
from vultus.engine import FaceEngine
from vultus.errors import NoFaceFound, PictureUnreachable, SettingsError
from vultus.imaging.decode import decode
from vultus.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.unit
def test_the_portrait_is_that_of_the_documentation() -> None:
    assert portrait() == (ROOT / "docs" / "images" / "portrait.jpg").read_bytes()


@pytest.mark.unit
def test_pictures_are_made_in_every_size_with_every_number_of_faces() -> None:
    cases = list(made_cases(own_cuts(), [1, 12], [(640, 480), (320, 200)]))
    assert [case.name for case in cases] == [
        *("1 face, 640 x 480", "12 faces, 640 x 480"),
        *("1 face, 320 x 200", "12 faces, 320 x 200"),
    ]
    shapes = [decode(case.contents[0]).shape for case in cases]
    assert shapes == [(480, 640, 3), (480, 640, 3), (200, 320, 3), (200, 320, 3)]


@pytest.mark.unit
def test_faces_that_have_no_room_are_refused() -> None:
    with pytest.raises(SettingsError, match="no room"):
        list(made_cases(own_cuts(), [1000], [(320, 240)]))


@pytest.mark.integration
def test_the_made_pictures_hold_the_faces_they_are_said_to_hold(shared_models: Path) -> None:
    cases = list(made_cases(own_cuts(), [1, 10, 100], [(1280, 720)]))
    with FaceEngine(load_settings(model_path=shared_models, offline=True)) as engine:
        found = [len(engine.detect(case.contents[0])) for case in cases]
    assert found == [1, 10, 100]


@pytest.mark.unit
def test_given_pictures_are_taken_as_they_are(tmp_path: Path) -> None:
    paths = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    for path in paths:
        path.write_bytes(path.name.encode())
    case = given_case(paths)
    assert (case.name, case.contents, case.faces) == ("2 pictures", (b"a.jpg", b"b.jpg"), None)
    assert given_case(paths[:1]).name == "a.jpg"
    with pytest.raises(PictureUnreachable, match=r"nothing\.jpg"):
        given_case([tmp_path / "nothing.jpg"])
    with pytest.raises(SettingsError, match=str(MOST_PICTURES)):
        given_case(paths[:1] * (MOST_PICTURES + 1))


@pytest.mark.unit
def test_faces_are_cut_where_the_engine_finds_them(tmp_path: Path, squares: Callable[..., bytes]) -> None:
    path = tmp_path / "two.png"
    path.write_bytes(squares((3, 2), (10, 11)))
    (tmp_path / "none.png").write_bytes(squares())
    with FaceEngine(Settings(runtime="dummy", streams=1)) as engine:
        cuts = cuts_of([path], engine)
        with pytest.raises(NoFaceFound):
            cuts_of([tmp_path / "none.png"], engine)
    # Of the dummy a face is the 32 x 32 cell that is bright.
    boxes = sorted(box for _, box in cuts)
    np.testing.assert_allclose(boxes, [(64, 96, 96, 128), (352, 320, 384, 352)], atol=1e-3)
