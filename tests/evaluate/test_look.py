"""Running the engine over pictures, on the dummy engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vultus import FaceEngine
from vultus.errors import CorruptPicture, PictureError, PictureUnreachable, RequestError, WrongCropSize
from vultus.evaluate.look import central, embed_crops, embed_faces, look, stack
from vultus.settings import Settings
from vultus.types import Analysis, Face, Plan

pytestmark = pytest.mark.unit

PLAN = Plan(embeddings=False)


@pytest.fixture(scope="module")
def engine() -> Iterator[FaceEngine]:
    with FaceEngine(Settings(runtime="dummy", streams=2)) as opened:
        yield opened


def draw(path: Path, *cells: tuple[int, int], side: int = 640, value: int = 255) -> Path:
    """A black picture with a face in each 32 x 32 cell (column, row) of a canvas of 640."""
    pixels = np.zeros((side, side, 3), np.uint8)
    for column, row in cells:
        pixels[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32] = value
    Image.fromarray(pixels).save(path)
    return path


def test_pictures_come_in_order_and_what_cannot_be_used_among_them(engine: FaceEngine, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(draw(tmp_path / "a.png", (1, 1)).read_bytes()[:60])
    two = draw(tmp_path / "b.png", (1, 1), (5, 5))
    first, second, third = look(engine, engine.default_profile, PLAN, [two, broken, tmp_path / "none.png"])
    assert isinstance(first, Analysis)
    assert len(first.faces) == 2
    assert isinstance(second, CorruptPicture)
    assert isinstance(third, PictureUnreachable)


def test_what_no_picture_is_to_blame_for_is_raised(engine: FaceEngine, tmp_path: Path) -> None:
    plan = Plan(embeddings=False, attributes=frozenset({"shoe_size"}))
    with pytest.raises(RequestError, match="shoe_size"):
        list(look(engine, engine.default_profile, plan, [draw(tmp_path / "a.png", (1, 1))]))


def test_a_border_is_put_around(engine: FaceEngine, tmp_path: Path) -> None:
    # 576 + 2 * 32 is the canvas: the face of cell (3, 2) moves by one cell.
    path = draw(tmp_path / "a.png", (3, 2), side=576)
    (analysis,) = look(engine, engine.default_profile, PLAN, [path], pad=32)
    assert isinstance(analysis, Analysis)
    assert (analysis.width, analysis.height) == (640, 640)
    assert analysis.faces[0].box.tolist() == [128, 96, 160, 128]


def test_a_border_around_what_cannot_be_read(engine: FaceEngine, tmp_path: Path) -> None:
    (error,) = look(engine, engine.default_profile, PLAN, [tmp_path / "none.png"], pad=32)
    assert isinstance(error, PictureError)


def crop(path: Path, side: int = 112) -> Path:
    Image.fromarray(np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)).save(path)
    return path


def test_crops_are_embedded_as_they_are(engine: FaceEngine, tmp_path: Path) -> None:
    paths = [crop(tmp_path / "a.png"), draw(tmp_path / "b.png", side=112)]
    vectors = stack(list(embed_crops(engine, engine.default_profile, paths)))
    np.testing.assert_array_equal(vectors, engine.embed_crops(paths))


def test_whole_photographs_are_not_taken_for_crops(engine: FaceEngine, tmp_path: Path) -> None:
    with pytest.raises(WrongCropSize, match=r"a\.png.*112x112.*250x250"):
        list(embed_crops(engine, engine.default_profile, [crop(tmp_path / "a.png", 250)]))


def test_a_picture_that_cannot_be_used_is_named(engine: FaceEngine, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(crop(tmp_path / "a.png").read_bytes()[:60])
    for embed in (embed_crops, embed_faces):
        with pytest.raises(CorruptPicture, match=r"broken\.png"):
            list(embed(engine, engine.default_profile, [broken]))


def test_the_face_in_the_middle_is_whom_the_photograph_is_of(engine: FaceEngine, tmp_path: Path) -> None:
    both, alone = draw(tmp_path / "a.png", (1, 1), (10, 10)), draw(tmp_path / "b.png", (10, 10))
    none = draw(tmp_path / "c.png")
    first, second, third = embed_faces(engine, engine.default_profile, [both, alone, none])
    assert first is not None
    assert second is not None
    np.testing.assert_allclose(first, second, atol=1e-6)
    assert third is None


def test_central() -> None:
    faces = tuple(Face(np.array([left, 40, left + 20, 60], np.float32), 0.9) for left in (0, 35, 70))
    assert central(Analysis(100, 100, faces)) is faces[1]
    assert central(Analysis(100, 100, ())) is None


def test_stack_has_zeros_where_no_face_was() -> None:
    assert stack([None, np.array([0.6, 0.8], np.float32)]).tolist() == [
        [0, 0],
        [pytest.approx(0.6), pytest.approx(0.8)],
    ]
    assert stack([None]).tolist() == [[0]]
