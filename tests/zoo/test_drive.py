"""Google Drive, played by a server on this machine: its pages, cookies, quota and interrupted answers."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from vultus.errors import HashMismatch, ModelUnavailable
from vultus.zoo.catalogue import DriveSource
from vultus.zoo.download import SourceFailed
from vultus.zoo.drive import find_file
from vultus.zoo.sources import fetched
from vultus.zoo.store import Store

pytestmark = pytest.mark.integration

ID = "1ccagW08CyKJoeFAmL2ao7pjwr3_m_Zm1"
CONTENT = bytes(range(256)) * 4096
OCTETS = "application/octet-stream"
FORM = """<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>
<form action="/search"><input type="hidden" name="q" value="not this one"></form>
<form id="download-form" action="{action}" method="get"><input type="submit" value="Download anyway"/>
<input type="hidden" name="id" value="{id}"><input type="hidden" name="export" value="download">
<input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="a&amp;b"></form>
<input type="hidden" name="stray" value="1"></body></html>"""
QUOTA = """<html><head><title>Google Drive - Quota exceeded</title></head><body><p>Sorry, you can't view or download
this file at this time.</p><p>Too many users have viewed or downloaded this file recently.</p></body></html>"""


@dataclass
class Drive:
    """What stands for Google Drive.

    Attributes:
        manner: ``file``: gives the file at once; ``form``, ``cookie``: asks by a page with a form or with a cookie;
            ``asking``: asks whatever is answered; ``quota``, ``error``, ``absent``, ``endless``: other pages.
        cuts: After how many bytes of the file to drop the connection, answer by answer.
        spoilt: Answer the downloads, but not the first question, with a page.
    """

    manner: str = "file"
    cuts: list[int] = field(default_factory=list)
    spoilt: bool = False
    asked: list[tuple[str, dict[str, str], str | None, str | None]] = field(default_factory=list)
    address: str = ""

    def answer(self, path: str, query: dict[str, str], cookie: str | None) -> tuple[int, str, bytes, dict[str, str]]:
        """Status, content type, body and further headers."""
        page = "text/html; charset=utf-8"
        match self.manner:
            case "form" | "asking" if path == "/uc" or self.manner == "asking":
                return 200, page, FORM.format(action=f"{self.address}/download", id=ID).encode(), {}
            case "form" if query.get("uuid") != "a&b" or "q" in query or "stray" in query:
                return 400, page, b"<title>Bad form</title>", {}
            case "cookie" if query.get("confirm") != "tOk3n" or "download_warning_x=tOk3n" not in (cookie or ""):
                return 200, page, b"<title>Sure?</title>", {"Set-Cookie": "download_warning_x=tOk3n; Path=/"}
            case "quota":
                return 200, page, QUOTA.encode(), {}
            case "error":
                return 200, page, b"<html><title>Sign  in -\nGoogle Accounts</title>", {}
            case "absent":
                return 404, page, b"<title>Error 404 (Not Found)!!1</title>", {}
            case "endless":
                return 200, page, b"<p>" + b"x" * (1 << 24), {}
        return (200, page, b"<p>", {}) if self.spoilt and len(self.asked) > 1 else (200, OCTETS, CONTENT, {})


def _handler(drive: Drive) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, wanted, cookie = urlsplit(self.path), self.headers.get("Range"), self.headers.get("Cookie")
            query = {name: values[0] for name, values in parse_qs(path.query).items()}
            drive.asked.append((path.path, query, wanted, cookie))
            status, kind, body, more = drive.answer(path.path, query, cookie)
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and kind == OCTETS else 0
            self.send_response(206 if start else status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body) - start), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            cut = drive.cuts.pop(0) if drive.cuts and kind == OCTETS and len(drive.asked) > 1 else len(body)
            with suppress(ConnectionError):  # whoever asked has read enough
                self.wfile.write(body[start : start + cut])

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the class it overrides
            """Silence."""

    return Handler


@pytest.fixture
def drive() -> Iterator[Drive]:
    state = Drive()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(state)) as http:
        state.address = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield state
        http.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def fetch(drive: Drive, folder: Path, reports: list[tuple[int, int | None]] | None = None) -> bytes:
    report = [] if reports is None else reports
    with fetched(DriveSource(ID), folder, lambda *how: report.append(how), drive=drive.address) as file:
        return file.read_bytes()


def test_a_file_that_is_given_at_once(drive: Drive, folder: Path) -> None:
    reports: list[tuple[int, int | None]] = []
    assert fetch(drive, folder, reports) == CONTENT
    assert drive.asked[0][:2] == ("/uc", {"export": "download", "id": ID})
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    assert list(folder.iterdir()) == []


def test_the_page_s_form_is_sent_with_its_hidden_fields_alone(drive: Drive, folder: Path) -> None:
    drive.manner = "form"
    assert fetch(drive, folder) == CONTENT
    fields = {"id": ID, "export": "download", "confirm": "t", "uuid": "a&b"}
    assert [asked[:2] for asked in drive.asked[1:]] == [("/download", fields)] * 2


def test_a_cookie_s_token_is_sent_back_beside_the_cookie(drive: Drive, folder: Path) -> None:
    drive.manner = "cookie"
    assert fetch(drive, folder) == CONTENT


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        ("quota", "quota for this file is used up"),
        ("error", "a web page instead of the file: Sign in - Google Accounts$"),
        ("absent", "^404 Client Error: Not Found$"),
        ("asking", "asks again and again"),
        ("endless", "a web page instead of the file$"),
    ],
)
def test_other_pages_end_in_a_clear_error(drive: Drive, folder: Path, manner: str, said: str) -> None:
    drive.manner = manner
    with pytest.raises(SourceFailed, match=said):
        fetch(drive, folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("manner", ["file", "form"])
def test_an_interrupted_download_is_taken_up_where_it_broke(drive: Drive, folder: Path, manner: str) -> None:
    drive.manner, drive.cuts = manner, [300_000, 400_000]
    if manner == "file":
        drive.cuts = [300_000]
    assert fetch(drive, folder) == CONTENT
    ranges = [wanted for *_, wanted, _ in drive.asked if wanted]
    assert len(ranges) >= 1
    assert all(0 < int(wanted[6:-1]) <= 700_000 for wanted in ranges)


def test_what_an_earlier_run_left_is_taken_up(drive: Drive, folder: Path) -> None:
    drive.cuts = [300_000, 0]
    with pytest.raises(SourceFailed):
        fetch(drive, folder)
    (part,) = folder.iterdir()
    held = part.stat().st_size
    assert 0 < held <= 300_000
    assert fetch(drive, folder) == CONTENT
    assert drive.asked[-1][2] == f"bytes={held}-"


def test_a_page_in_the_file_s_place_spoils_nothing(drive: Drive, folder: Path) -> None:
    drive.cuts = [300_000, 0]
    with pytest.raises(SourceFailed):
        fetch(drive, folder)
    (part,) = folder.iterdir()
    held = part.read_bytes()
    drive.asked.clear()
    drive.spoilt = True
    with pytest.raises(SourceFailed, match="a web page instead of the file"):
        fetch(drive, folder)
    assert part.read_bytes() == held


def test_nobody_there_is_told_as_such(folder: Path) -> None:
    with pytest.raises(SourceFailed, match="refused"):
        find_file(ID, "http://127.0.0.1:1")


class TestThroughTheStore:
    @pytest.fixture
    def store(self, drive: Drive, tmp_path: Path) -> Store:
        return Store(tmp_path / "cache", drive=drive.address)

    @pytest.mark.parametrize("algorithm", ["md5", "sha256"])
    def test_the_file_is_verified_by_either_hash(
        self, drive: Drive, store: Store, make_model: Any, algorithm: str
    ) -> None:
        drive.manner = "form"
        hashes = {"sha256": None, algorithm: hashlib.new(algorithm, CONTENT).hexdigest()}
        model = make_model(CONTENT, DriveSource(ID), size=None, **hashes)
        assert store.path(model).read_bytes() == CONTENT
        assert store.present(model) == store.find(model) == store.cache / "net.onnx"

    def test_another_file_is_refused(self, store: Store, make_model: Any) -> None:
        model = make_model(b"", DriveSource(ID), sha256=None, md5="0" * 32)
        with pytest.raises(HashMismatch, match=f"the md5 {hashlib.md5(CONTENT).hexdigest()}, but the catalogue says 0"):
            store.path(model)
        assert store.find(model) is None

    def test_a_source_that_fails_is_named_with_its_reason(self, drive: Drive, store: Store, make_model: Any) -> None:
        drive.manner = "quota"
        with pytest.raises(ModelUnavailable, match=f"https://drive.google.com/file/d/{ID}: Google Drive's quota"):
            store.path(make_model(CONTENT, DriveSource(ID)))
