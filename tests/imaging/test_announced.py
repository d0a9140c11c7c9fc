from __future__ import annotations

import io

import pytest
from PIL import Image

from vultus.imaging.announced import announced_load, announced_pixels

pytestmark = pytest.mark.unit

LIMIT = 10**6


def encoded(kind: str, width: int = 60, height: int = 40) -> bytes:
    with io.BytesIO() as file:
        Image.new("RGB", (width, height), "red").save(file, kind)
        return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
def test_a_header_tells_how_many_pixels_follow(kind: str) -> None:
    assert announced_pixels(encoded(kind), LIMIT) == 60 * 40


@pytest.mark.parametrize("kind", ["TIFF", "ICO"])
def test_what_only_decoding_would_tell_counts_as_the_most_there_may_be(kind: str) -> None:
    assert announced_pixels(encoded(kind), LIMIT) == LIMIT


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_that_will_be_refused_counts_nothing(kind: str) -> None:
    assert announced_pixels(encoded(kind), 60 * 40 - 1) == 0


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n____JUNK" + bytes(20)])
def test_what_is_no_picture_counts_nothing(data: bytes) -> None:
    assert announced_pixels(data, LIMIT) == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_header_counts_as_the_most_there_may_be(kind: str) -> None:
    assert announced_pixels(encoded(kind)[:18], LIMIT) == LIMIT


@pytest.mark.parametrize(("kind", "weight"), [("JPEG", 1), ("PNG", 2), ("GIF", 2), ("BMP", 2), ("WEBP", 4)])
def test_formats_weigh_what_their_decoders_hold(kind: str, weight: int) -> None:
    assert announced_load(encoded(kind), LIMIT) == weight * 60 * 40


def test_a_jpeg_that_is_decoded_as_a_whole_weighs_double() -> None:
    with io.BytesIO() as file:
        Image.new("RGB", (60, 40)).save(file, "JPEG", progressive=True)
        assert announced_load(file.getvalue(), LIMIT) == 2 * 60 * 40


def test_what_is_no_picture_weighs_nothing() -> None:
    assert announced_load(b"no picture", LIMIT) == 0
