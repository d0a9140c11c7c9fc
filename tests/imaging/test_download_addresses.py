"""Which addresses pictures may be downloaded from."""

import pytest
from tests.imaging.sites import BODY, Names, Site, fetch, refusal

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http:///a.jpg",
        "http://[::1",
        "http://a:99999/",
        "http://a b/",
        "http://.../",
        "http://\0/",
        "http://a/\ud800",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    assert "cannot be reached" in refusal(url)


PRIVATE = [
    "127.0.0.1",
    "localhost",
    "127.1",
    "2130706433",  # 127.0.0.1 as one number
    "0x7f.0.0.1",
    "0.0.0.0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::]",
    "10.0.0.1",
    "192.168.0.1",
    "169.254.169.254",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_refused_however_they_are_written(site: Site, host: str) -> None:
    message = refusal(site.url(host=host), allow_private=False)
    assert "fetch_private" in message
    assert host not in message
    assert not site.seen


# Names: the resolver is ours, and one loopback address plays the public internet.


def test_the_checked_address_is_the_one_connected_to(site: Site, names: Names) -> None:
    asked = names(pictures=[["127.0.0.1"]])
    assert fetch(site.url(host="pictures"), allow_private=False) == BODY
    assert asked == ["pictures"]  # and no resolver would know this name a second time
    assert site.seen[0][1]["host"] == f"pictures:{site.port}"


def test_a_name_that_turns_private_is_refused(site: Site, names: Names) -> None:
    names(pictures=[["127.0.0.1"], ["10.0.0.1"]], other=[["127.0.0.1"]])
    redirected = site.url(f"/to?{site.url(host='other')}", host="pictures")
    assert fetch(redirected, allow_private=False) == BODY
    names(pictures=[["10.0.0.1"]])
    assert "fetch_private" in refusal(site.url(host="pictures"), allow_private=False)


def test_private_addresses_among_public_ones_are_passed_over(site: Site, names: Names) -> None:
    names(pictures=[["10.0.0.1", "::1", "127.0.0.1"]])
    assert fetch(site.url(host="pictures"), allow_private=False) == BODY


def test_redirects_are_checked_like_any_address(site: Site, names: Names) -> None:
    names(pictures=[["127.0.0.1"]], inside=[["192.168.0.1"]])
    message = refusal(site.url(f"/to?{site.url(host='inside')}", host="pictures"), allow_private=False)
    assert "fetch_private" in message
    assert len(site.seen) == 1


def test_the_next_address_is_tried(site: Site, names: Names) -> None:
    names(pictures=[["::1", "127.0.0.1"]])  # nobody listens at the first
    assert fetch(site.url(host="pictures")) == BODY


def test_unknown_names() -> None:
    assert "cannot be reached" in refusal("http://no-such-host.invalid/")


def test_proxies_of_the_environment_are_not_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would resolve names themselves, past the filter."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(site.url()) == BODY
