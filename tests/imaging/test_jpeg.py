"""JPEG pixels against the other decoders built on libjpeg; what is forgiven, and what is not."""

import io
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageOps

from vultus.errors import CorruptPicture, TooManyPixels, TooManyScans, UnsupportedFormat
from vultus.imaging.jpeg import decode_jpeg, is_streamed

pytestmark = pytest.mark.unit

PIXELS = 10**6
EOI = b"\xff\xd9"


def photograph(width: int = 97, height: int = 61) -> Image.Image:
    noise = np.random.default_rng(7).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))


def jpeg(mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    photograph().convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


def by_pillow(data: bytes) -> np.ndarray:
    return np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def insert(data: bytes, before: bytes, extra: bytes) -> bytes:
    place = data.index(before)
    return data[:place] + extra + data[place:]


def replace_at(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]


VARIANTS = {
    "444": jpeg(subsampling=0),
    "422": jpeg(subsampling=1),
    "420": jpeg(subsampling=2),
    "411": simplejpeg.encode_jpeg(np.array(photograph()), 80, "RGB", "411"),
    "440": simplejpeg.encode_jpeg(np.array(photograph()), 80, "RGB", "440"),
    "progressive": jpeg(progressive=True),
    "restarts": jpeg(restart_marker_blocks=3),
    "grey": jpeg("L"),
    "grey progressive": jpeg("L", progressive=True),
    "stored as RGB": jpeg(keep_rgb=True),
    "low quality": jpeg(quality=3),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_pixels_equal_those_of_pillow_and_opencv(name: str) -> None:
    data = VARIANTS[name]
    image = decode_jpeg(data, PIXELS).pixels
    np.testing.assert_array_equal(image, by_pillow(data))
    np.testing.assert_array_equal(image, np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)))
    assert image.flags.c_contiguous
    assert image.flags.writeable


@pytest.mark.parametrize("progressive", [False, True])
def test_cmyk_is_converted_as_pillow_does(progressive: bool) -> None:
    data = jpeg("CMYK", progressive=progressive)
    np.testing.assert_array_equal(decode_jpeg(data, PIXELS).pixels, by_pillow(data))


def test_ycck_is_converted_as_pillow_does() -> None:
    cmyk = np.ascontiguousarray(255 - np.array(photograph().convert("CMYK")))
    data = simplejpeg.encode_jpeg(cmyk, 90, "CMYK", "420")
    assert simplejpeg.decode_jpeg_header(data)[2] == "YCCK"
    np.testing.assert_array_equal(decode_jpeg(data, PIXELS).pixels, by_pillow(data))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation: int, mode: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = jpeg(mode, exif=exif)
    image = decode_jpeg(data, PIXELS).pixels
    np.testing.assert_array_equal(image, by_pillow(data))
    assert image.flags.c_contiguous


def test_hostile_exif_is_no_fault_of_the_picture() -> None:
    for block in (b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", bytes(range(256))):
        data = jpeg(exif=b"Exif\0\0" + block)
        np.testing.assert_array_equal(decode_jpeg(data, PIXELS).pixels, decode_jpeg(jpeg(), PIXELS).pixels)


MENDED: dict[str, Callable[[bytes], bytes]] = {
    "behind the end": lambda data: data + b"\xff\xd8 some vendor's trailer" * 9,
    "zeros before the end": lambda data: data[:-2] + bytes(2) + EOI,
    "bytes before the end": lambda data: data[:-2] + b"\x12\x34" * 100 + EOI,
    "bytes between header segments": lambda data: insert(data, b"\xff\xdb", b"\x12\x34" * 9),
    "fill bytes between header segments": lambda data: insert(data, b"\xff\xdb", b"\xff" * 5),
    "bytes in both places": lambda data: insert(data, b"\xff\xc4", b"\0" * 7)[:-2] + b"\x12" * 300 + EOI,
    "JFIF revision": lambda data: replace_at(data, data.index(b"JFIF\0") + 5, b"\x03"),
    "scan parameters": lambda data: replace_at(data, data.index(b"\xff\xda") + 11, bytes(3)),
}


@pytest.mark.parametrize("fault", MENDED)
def test_faults_that_touch_no_pixel_are_forgiven(fault: str) -> None:
    data = MENDED[fault](jpeg())
    np.testing.assert_array_equal(decode_jpeg(data, PIXELS).pixels, by_pillow(jpeg()))


def test_grey_with_a_needless_sampling_factor() -> None:
    """A lone component may be declared 2 x 2; it means nothing."""
    data = jpeg("L")
    place = data.index(b"\xff\xc0") + 11
    np.testing.assert_array_equal(decode_jpeg(replace_at(data, place, b"\x22"), PIXELS).pixels, by_pillow(data))


@pytest.mark.parametrize("name", VARIANTS)
def test_truncation_is_never_a_picture(name: str) -> None:
    """Nor, in a sequential JPEG, with an end marker put behind what is left."""
    data = VARIANTS[name]
    for length in {len(data) * percent // 100 for percent in range(1, 100, 3)} | {len(data) - 2, len(data) - 1}:
        with pytest.raises((CorruptPicture, UnsupportedFormat, IndexError)):
            decode_jpeg(data[:length], PIXELS)
        if length < len(data) - 10 and "progressive" not in name:
            with pytest.raises((CorruptPicture, UnsupportedFormat, IndexError)):
                decode_jpeg(data[:length] + EOI, PIXELS)


def test_a_progressive_picture_may_stop_at_a_coarser_stage() -> None:
    """Each scan covers the whole picture: ended after one of them, it is complete by the standard."""
    data = jpeg(progressive=True)
    closed = data[: data.rindex(b"\xff\xda")] + EOI
    np.testing.assert_array_equal(decode_jpeg(closed, PIXELS).pixels, by_pillow(closed))
    with pytest.raises(CorruptPicture):
        decode_jpeg(closed[:-2], PIXELS)


def test_an_end_met_in_search_of_a_restart_marker_is_a_truncation() -> None:
    data = jpeg(restart_marker_blocks=3)
    cut = data.index(b"\xff\xd3")
    with pytest.raises(CorruptPicture):
        decode_jpeg(data[:cut] + b"\x12\x34" * 50 + EOI, PIXELS)


def test_damaged_entropy_data_is_corrupt() -> None:
    data = jpeg()
    place = data.index(b"\xff\xda") + 100
    with pytest.raises(CorruptPicture):
        decode_jpeg(replace_at(data, place, b"\xff\xd0" * 20), PIXELS)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data, frame: replace_at(data, frame + 4, b"\x0c"),  # 12 bits a sample
        lambda data, frame: replace_at(data, frame + 1, b"\xc3"),  # lossless
        lambda data, frame: replace_at(data, frame + 1, b"\xc5"),  # hierarchical
        lambda data, frame: replace_at(data, frame + 11, b"\x31\x12\x11"),  # chroma sampled 3 to 1
    ],
)
def test_rare_kinds_are_named_unsupported(damage: Callable[[bytes, int], bytes]) -> None:
    data = jpeg(subsampling=0)
    with pytest.raises(UnsupportedFormat, match="baseline"):
        decode_jpeg(damage(data, data.index(b"\xff\xc0")), PIXELS)


def test_scans_without_number_are_refused() -> None:
    """Each scan costs a pass over the picture: a small file could keep a core busy for hours."""
    data = jpeg(progressive=True)
    last = data.rindex(b"\xff\xda")
    flood = data[:last] + data[last:-2] * 600 + EOI
    with pytest.raises(TooManyScans, match="max_jpeg_scans") as raised:
        decode_jpeg(flood, PIXELS)
    assert raised.value.limit == "max_jpeg_scans"


def test_the_limit_on_scans_is_the_callers() -> None:
    data = jpeg(progressive=True)
    scans = data.count(b"\xff\xda")
    assert decode_jpeg(data, PIXELS, max_scans=scans).width
    with pytest.raises(TooManyScans):
        decode_jpeg(data, PIXELS, max_scans=scans - 1)


def test_a_header_of_countless_segments_is_refused() -> None:
    data = jpeg()
    with pytest.raises(CorruptPicture, match="segments"):
        decode_jpeg(data[:2] + b"\xff\xfe\0\2" * 20_000 + data[2:], PIXELS)


def test_fill_bytes_before_a_marker_are_passed_over() -> None:
    data = jpeg()
    filled = data[:2] + b"\xff" * 100_000 + data[2:]
    np.testing.assert_array_equal(decode_jpeg(filled, PIXELS).pixels, by_pillow(data))


@pytest.mark.parametrize("profile", [b"ICC_PROFILE\0\0\0", b"ICC_PROFILE\0\1\2half of it", b"ICC_PROFILE\0"])
def test_a_damaged_profile_touches_no_pixel(profile: bytes) -> None:
    data = jpeg()
    segment = b"\xff\xe2" + (len(profile) + 2).to_bytes(2) + profile
    np.testing.assert_array_equal(decode_jpeg(data[:2] + segment + data[2:], PIXELS).pixels, by_pillow(data))


@pytest.mark.parametrize(
    ("how", "expected"),
    [({}, True), ({"progressive": True}, False), ({"mode": "L"}, True), ({"mode": "CMYK"}, False)],
)
def test_what_is_decoded_row_by_row_is_known(how: dict[str, Any], expected: bool) -> None:
    mode = how.pop("mode", "RGB")
    with io.BytesIO() as file:
        Image.new(mode, (64, 64)).save(file, "JPEG", **how)
        assert is_streamed(file.getvalue()) is expected
        assert is_streamed(file.getvalue()[:30]) is False


def test_size_is_checked_before_decoding() -> None:
    data = jpeg()
    assert decode_jpeg(data, 97 * 61).pixels.shape == (61, 97, 3)
    with pytest.raises(TooManyPixels):
        decode_jpeg(data, 97 * 61 - 1)
    frame = data.index(b"\xff\xc0") + 5
    with pytest.raises(TooManyPixels, match="65500 x 65500"):
        decode_jpeg(replace_at(data, frame, (65500).to_bytes(2) * 2), 50_000_000)


@pytest.mark.parametrize(
    "data", [b"\xff\xd8\xff", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\xff\xd8" * 9]
)
def test_no_scan_is_corrupt(data: bytes) -> None:
    with pytest.raises((CorruptPicture, IndexError)):
        decode_jpeg(data, PIXELS)


@pytest.mark.parametrize(("least", "shape"), [(0, (480, 640)), (321, (480, 640)), (320, (240, 320)), (100, (120, 160))])
def test_a_picture_may_be_decoded_smaller(least: int, shape: tuple[int, int]) -> None:
    """By halves, as long as its longer side has the pixels that are wanted; close to what Pillow makes of the whole."""
    smooth = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8), (0, 0), 12)
    with io.BytesIO() as file:
        Image.fromarray(smooth).save(file, "JPEG", quality=95)
        decoded = decode_jpeg(file.getvalue(), PIXELS, least)
    assert (decoded.width, decoded.height) == (640, 480)
    assert decoded.pixels.shape == (*shape, 3)
    expected = Image.fromarray(smooth).resize(shape[::-1], Image.Resampling.BOX)
    assert np.abs(decoded.pixels.astype(int) - np.asarray(expected)).mean() < 1.5


def test_a_turned_picture_decoded_smaller_tells_its_upright_size() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    with io.BytesIO() as file:
        Image.new("RGB", (642, 482)).save(file, "JPEG", exif=exif)
        decoded = decode_jpeg(file.getvalue(), PIXELS, 320)
    assert (decoded.width, decoded.height) == (482, 642)
    assert decoded.pixels.shape == (321, 241, 3)
