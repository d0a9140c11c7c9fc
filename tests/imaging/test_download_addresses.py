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


def test_the_next_address_is_tried(site: Site, names: Names) -> None:
    names(pictures=[["::1", "127.0.0.1"]])  # nobody listens at the first
    assert fetch(site.url(host="pictures")) == BODY


HOSTS = ("pictures.example.org", "*.example.com", "127.0.0.1", "::1")


@pytest.mark.parametrize(
    "host", ["PICTURES.example.org", "pictures.example.org.", "a.example.com", "b.a.example.com", "127.0.0.1"]
)
def test_listed_hosts_are_fetched_from(site: Site, names: Names, host: str) -> None:
    names(**{host.lower(): [["127.0.0.1"]]})
    assert fetch(site.url(host=host), hosts=HOSTS) == BODY


@pytest.mark.parametrize(
    "host",
    ["example.com", "example.org", "badexample.com", "a.example.com.evil.org", "127.0.0.2", "127.1", "2130706433"],
)
def test_hosts_that_are_not_listed_are_not_even_looked_up(site: Site, names: Names, host: str) -> None:
    asked = names()
    message = refusal(site.url(host=host), hosts=HOSTS)
    assert "fetch_hosts" in message
    assert host not in message
    assert not asked


def test_redirects_keep_to_the_listed_hosts(site: Site, names: Names) -> None:
    names(**{"a.example.com": [["127.0.0.1"]], "evil.org": [["127.0.0.1"]]})
    assert "fetch_hosts" in refusal(site.url(f"/to?{site.url(host='evil.org')}", host="a.example.com"), hosts=HOSTS)
    assert len(site.seen) == 1


def test_a_listed_host_must_still_be_public(site: Site, names: Names) -> None:
    names(**{"a.example.com": [["10.0.0.1"]]})
    assert "fetch_private" in refusal(site.url(host="a.example.com"), hosts=HOSTS, allow_private=False)


def test_schemes_can_be_narrowed(site: Site) -> None:
    assert "https only (fetch_schemes)" in refusal(site.url(), schemes=("https",))
    assert not site.seen


def test_unknown_names() -> None:
    assert "cannot be reached" in refusal("http://no-such-host.invalid/")


def test_proxies_of_the_environment_are_not_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would resolve names themselves, past the filter."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(site.url()) == BODY
