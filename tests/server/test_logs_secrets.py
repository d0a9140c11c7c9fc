"""What never reaches the log, however much that says: keys, pictures, what is written in them, and embeddings."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from tests.server.fleet import Fleet

from vultus.settings.keys import digest_of

pytestmark = pytest.mark.integration

KEY = "vultus_Xq7MARKkeyMARK0123456789abcdefghijklmnop"
WRONG = "vultus_Xq7MARKwrongMARK0123456789abcdefghijklm"
ARTIST = "Xq7MARK-artist"
ARTIST_TAG = 315
ALONE = "from vultus.server import run as supervisor\n"


def photograph(form: str, side: int = 640) -> bytes:
    """A picture with one bright cell, and a name in its metadata."""
    pixels = Image.new("RGB", (side, side))
    pixels.paste((255, 255, 255), (32, 32, 64, 64))
    with io.BytesIO() as file:
        if form == "TIFF":
            tags = ImageFileDirectory_v2()
            tags[ARTIST_TAG] = ARTIST
            pixels.save(file, form, tiffinfo=tags)
        else:
            exif = Image.Exif()
            exif[ARTIST_TAG] = ARTIST
            pixels.save(file, form, exif=exif)
        return file.getvalue()


@pytest.fixture(scope="module", params=["1", "2"])
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    settings = {
        "workers": request.param,
        "keys": f"a:*:{digest_of(KEY)}:requests=1000/1000",
        "log_level": "debug",
        "access_log": "true",
        "log_format": "json" if request.param == "2" else "text",
        "fetch_urls": "true",
        "fetch_private": "true",
    }
    with Fleet(folder, "" if request.param == "2" else ALONE, **settings) as fleet:
        fleet.wait_for("ready")
        yield fleet


def test_nothing_of_a_request_is_in_the_log(fleet: Fleet) -> None:
    pictures = {form: photograph(form) for form in ("JPEG", "PNG", "TIFF", "WEBP")}
    secrets = [KEY, WRONG, "Xq7MARK", *(base64.b64encode(content).decode()[40:80] for content in pictures.values())]
    with httpx.Client(base_url=fleet.url, timeout=60, headers={"Authorization": f"Bearer {KEY}"}) as client:
        for form, content in pictures.items():
            assert ARTIST.encode() in content
            answer = client.post("/v1/faces", files=[("file", ("Xq7MARK.jpg", content, f"image/{form.lower()}"))])
            [face] = answer.json()["pictures"][0]["faces"]
            secrets += [str(number) for number in face["embedding"][:16] if len(str(number)) > 6]
            torn = client.post("/find_faces", files={"file": content[: len(content) // 2]})
            assert torn.status_code in (200, 400)
        text = base64.b64encode(pictures["JPEG"]).decode()
        bodies = [
            {"images": {"data": [text]}, "embed_only": False},
            {"images": {"data": [text + "Xq7MARK"]}},
            {"images": {"urls": [f"{fleet.url}/Xq7MARK?token=Xq7MARK"]}, "img_req_headers": {"Cookie": "Xq7MARK"}},
            {"Xq7MARK": text},
        ]
        assert [client.post("/extract", json=body).status_code for body in bodies] == [200, 200, 200, 422]
        assert client.post("/v1/faces", json={"threshold": "Xq7MARK"}).status_code == 422
        assert client.post("/v1/faces", content=b'{"Xq7MARK', headers={"content-type": "application/json"}).is_error
        assert client.get("/v1/info", headers={"Authorization": f"Bearer {WRONG}"}).status_code == 401
        assert client.get("/v1/info", headers={"X-Api-Key": KEY, "X-Request-ID": "seen"}).status_code == 200
    assert fleet.end() == 0
    log = "".join(fleet.log)
    assert "ready" in log
    assert len(secrets) > 20
    assert [secret for secret in secrets if secret in log] == []


@pytest.mark.parametrize("entry", [KEY, f"a:v1:{KEY}", f"a:v1:{digest_of(KEY)}:{KEY}"])
def test_a_key_in_the_wrong_place_is_not_repeated(tmp_path: Path, entry: str) -> None:
    fleet = Fleet(tmp_path, keys=entry)
    assert fleet.wait() == 1
    assert fleet.log[-1].startswith("settings_invalid: settings cannot be used: keys: entry 1: ")
    assert "from VULTUS_KEYS" in fleet.log[-1]
    assert not any("Xq7MARK" in line for line in fleet.log)
