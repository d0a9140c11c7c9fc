"""Google Drive: where a file really is, past the page that asks whether one wants it although it was not scanned."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin

from vultus.zoo.download import Address, SourceFailed, failure, is_page

if TYPE_CHECKING:
    import requests

DRIVE = "https://drive.google.com"

_TIMEOUT_SECONDS = 30
_PAGE_BYTES = 1 << 18  # such a page has a few kilobytes; what is no such page need not be read
_TEXT_SHOWN = 120
_CONFIRM_COOKIE = "download_warning"  # its value is the token, up to 2022; since then the page holds a form
_QUOTA = ("quota exceeded", "too many users have viewed or downloaded")


class _Page(HTMLParser):
    """The form that a page asks to be sent, and its title."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.title = ""
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("id") == "download-form":
            self.action = given.get("action", "")
        if tag == "input" and self._inside == "form" and self.action and given.get("type") == "hidden":
            self.fields[given.get("name", "")] = given.get("value", "")
        if tag in ("form", "title"):
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data


def find_file(file_id: str, drive: str = DRIVE) -> Address:
    """Where the file of this id can be fetched; what Drive asks about it is answered yes.

    Args:
        file_id: What the file's link has behind ``/d/`` or ``id=``.
        drive: Address of Google Drive.

    Raises:
        SourceFailed: It cannot be had: there is no such file, it is not public, or it was fetched too often today.
    """
    import requests  # here, because a server whose networks are cached never needs it

    ask = f"{drive}/uc?{urlencode({'export': 'download', 'id': file_id})}"
    with requests.Session() as session:
        try:
            found = _look(session, ask)
            if isinstance(found, str):
                found = _look(session, found)
        except requests.RequestException as error:
            raise failure(error) from error
    if isinstance(found, str):
        raise SourceFailed("Google Drive asks again and again whether the file is wanted")
    return found


def _look(session: requests.Session, url: str) -> Address | str:
    """Where the file is, or else the address that Drive asks to go to."""
    with session.get(url, stream=True, timeout=_TIMEOUT_SECONDS) as response:
        cookies = {cookie.name: cookie.value or "" for cookie in session.cookies}
        if not is_page(response):
            response.raise_for_status()
            return Address(response.url, cookies)
        return _confirmed(response, _text(response), cookies)


def _text(response: requests.Response) -> str:
    """The beginning of a page."""
    page = b""
    for chunk in response.iter_content(_PAGE_BYTES):
        page += chunk
        if len(page) >= _PAGE_BYTES:
            break
    return page[:_PAGE_BYTES].decode("utf-8", "replace")


def _confirmed(response: requests.Response, text: str, cookies: dict[str, str]) -> str:
    """The address that means yes.

    Raises:
        SourceFailed: The page asks nothing: it says why the file cannot be had.
    """
    page = _Page()
    page.feed(text)
    if page.action:
        return urljoin(response.url, f"{page.action}?{urlencode(page.fields)}")
    token = next((value for name, value in cookies.items() if name.startswith(_CONFIRM_COOKIE)), None)
    if token is not None:
        return f"{response.url}&{urlencode({'confirm': token})}"
    if any(words in text.lower() for words in _QUOTA):
        raise SourceFailed(
            "Google Drive's quota for this file is used up, too many have fetched it lately; try again tomorrow"
        )
    response.raise_for_status()
    said = " ".join(page.title.split())[:_TEXT_SHOWN]
    raise SourceFailed(f"Google Drive answered with a web page instead of the file{f': {said}' if said else ''}")
