"""Who is let in: each dialect refuses in its own words, nothing is read of who is refused, and what is open is open."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.server.house import tell

from vultus.errors import RateLimited, SettingsError, Unauthorized
from vultus.server.access import Guard, Keyring, area_of, charge_pictures, read_keys
from vultus.server.app import create_app
from vultus.server.metrics import Metrics
from vultus.settings import Settings
from vultus.settings.keys import digest_of

pytestmark = pytest.mark.unit

Squares = Callable[..., bytes]

ALL, NATIVE, FRS, SCRAPER, SLOW = (f"vultus_{name}_0123456789abcdefghijklm" for name in "abcde")
KEYS = (
    f"all:*:{digest_of(ALL)}",
    f"native:v1:{digest_of(NATIVE)}",
    f"frs:compreface+arcface-api:{digest_of(FRS)}",
    f"scraper:metrics:{digest_of(SCRAPER)}",
    f"slow:v1:{digest_of(SLOW)}:requests=0.001/2:pictures=0.001/3",
)
PATHS = {
    "/v1/faces": "v1",
    "/v1/nothing": "v1",
    "/metrics": "metrics",
    "/extract": "insightface-rest",
    "/find_faces": "compreface",
    "/find_faces/": "compreface",
    "/detect": "arcface-api",
    "/docs": None,
    "/openapi.json": None,
    "/no/such/path": None,
}


@pytest.fixture(scope="module")
def guarded(start_app: Callable[..., Any]) -> Any:
    return start_app(keys=KEYS)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("path", [*PATHS, "/v1", "/healthcheck/../find_faces", "/LIVE", "//live"])
def test_without_a_key_nothing_but_probes_is_answered(guarded: Any, path: str) -> None:
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        answer = guarded.request(method, path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="vultus"'
        assert answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/live", "/ready", "/health", "/healthcheck", "/healthcheck/"])
def test_probes_need_no_key_and_mind_none(guarded: Any, path: str) -> None:
    assert guarded.get(path).status_code == 200
    assert guarded.get(path, headers=bearer("wrong")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        bearer(ALL),
        {"Authorization": f"bearer  {ALL} "},
        {"X-Api-Key": ALL},
        {"Authorization": "Basic dTpw", "X-Api-Key": ALL},
        {"Authorization": "Bearer another", "X-Api-Key": ALL},
        {"Authorization": f"Bearer {ALL}", "X-Api-Key": "another"},
    ],
)
def test_a_key_is_sent_either_way(guarded: Any, squares: Squares, headers: dict[str, str]) -> None:
    answer = guarded.post("/v1/faces", content=squares((1, 1)), headers={"content-type": "image/png"} | headers)
    assert answer.status_code == 200
    assert len(answer.json()["pictures"][0]["faces"]) == 1


@pytest.mark.parametrize(
    "headers",
    [
        bearer("wrong"),
        bearer(ALL[:-1]),
        bearer(ALL + "x"),
        bearer(ALL.upper()),
        bearer(digest_of(ALL)),
        bearer("\N{SNOWMAN}".encode().decode("latin-1")),
        {"X-Api-Key": ""},
        {"Authorization": "Bearer "},
    ],
)
def test_a_wrong_key_is_called_so(guarded: Any, headers: dict[str, str]) -> None:
    answer = guarded.get("/v1/info", headers={name: value.encode("latin-1") for name, value in headers.items()})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="vultus", error="invalid_token"'


@pytest.mark.parametrize("headers", [{}, {"Authorization": f"Basic {ALL}"}, {"Authorization": ALL}, {"Cookie": ALL}])
def test_what_is_sent_otherwise_is_no_key(guarded: Any, headers: dict[str, str]) -> None:
    answer = guarded.get("/v1/info", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="vultus"')


@pytest.mark.parametrize(("path", "area"), PATHS.items())
def test_a_key_opens_what_it_is_for(guarded: Any, path: str, area: str | None) -> None:
    scopes: dict[str, set[str | None]] = {
        ALL: {*PATHS.values()},
        NATIVE: {"v1"},
        FRS: {"compreface", "arcface-api"},
        SCRAPER: {"metrics"},
    }
    for key, scope in scopes.items():
        answer = guarded.get(path, headers=bearer(key))
        if area is None or area in scope:
            assert answer.status_code in (200, 404, 405)
        else:
            assert answer.status_code == 403
            assert answer.headers["www-authenticate"].endswith('error="insufficient_scope"')


def test_each_dialect_refuses_in_its_own_words(guarded: Any) -> None:
    native = guarded.get("/v1/info")
    assert native.headers["content-type"] == "application/problem+json"
    assert {"status": 401, "code": "key_invalid"}.items() <= native.json().items()
    assert guarded.get("/v1/info", headers=bearer(FRS)).json()["code"] == "key_scope_missing"
    said = "an API key is needed: send it as Authorization: Bearer KEY, or as X-Api-Key: KEY"
    assert guarded.post("/extract", json={}).json() == {"detail": said}
    assert guarded.post("/find_faces").json() == {"message": f"401 Unauthorized: {said}", "code": "key_invalid"}
    assert guarded.post("/detect").json() == {"error": said}
    assert guarded.post("/embedding").json() == {"detail": said}


def test_in_either_form_the_arcface_api_tells_it_by_the_status(start_app: Callable[..., Any]) -> None:
    nested = start_app(keys=KEYS, arcface_api_form="nested")
    assert nested.post("/detect").status_code == 401


def test_nothing_of_a_body_is_read_before_the_key_is_accepted() -> None:
    app = create_app(Settings(runtime="dummy", keys=KEYS))

    async def must_not_be_read() -> None:
        raise AssertionError

    unread = {"type": "wait", "for": must_not_be_read}
    refused = asyncio.run(tell(app, [unread]))
    assert refused[0]["status"] == 401
    wrong_scope = asyncio.run(tell(app, [unread], headers=[(b"x-api-key", SCRAPER.encode())]))
    assert wrong_scope[0]["status"] == 403


def test_every_key_is_compared_whichever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def compare(given: str, kept: str) -> bool:
        compared.append(kept)
        return given == kept

    keyring = Keyring(Settings(keys=KEYS), Metrics(lambda: 0, lambda: True))
    monkeypatch.setattr(hmac, "compare_digest", compare)
    for key in (ALL, NATIVE, SLOW, "unknown"):
        compared.clear()
        scope = {"headers": [(b"x-api-key", key.encode())]}
        if key == "unknown":
            with pytest.raises(Unauthorized):
                keyring.find(scope)
        else:
            keyring.find(scope)
        assert compared == [entry.split(":")[2] for entry in KEYS]


def test_too_many_requests_are_refused_until_later(start_app: Callable[..., Any], squares: Squares) -> None:
    client = start_app(keys=KEYS)
    headers = bearer(SLOW) | {"content-type": "image/png"}
    assert client.post("/extract", headers=headers).status_code == 403  # costs nothing
    assert client.get("/v1/info", headers=headers).status_code == 200
    assert client.post("/v1/faces", content=squares((1, 1)), headers=headers).status_code == 200
    refused = client.post("/v1/faces", content=squares((1, 1)), headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) == pytest.approx(1000, abs=60)
    assert client.get("/v1/info", headers=bearer(NATIVE)).status_code == 200  # another key's affair
    told = client.get("/metrics", headers=bearer(SCRAPER)).text
    assert 'vultus_key_requests_total{key="slow",outcome="accepted"} 2.0' in told
    assert 'vultus_key_requests_total{key="slow",outcome="rate_limited"} 1.0' in told
    assert 'vultus_key_requests_total{key="slow",outcome="key_scope_missing"} 1.0' in told


def test_too_many_pictures_are_refused_before_they_are_worked_on(
    start_app: Callable[..., Any], squares: Squares
) -> None:
    client = start_app(keys=[f"a:*:{digest_of(ALL)}:pictures=0.001/3"])
    two = [("file", squares((1, 1))), ("file", squares((2, 2)))]
    assert client.post("/v1/faces", files=two, headers=bearer(ALL)).status_code == 200
    refused = client.post("/v1/faces", files=two, headers=bearer(ALL))
    assert refused.status_code == 429
    assert client.post("/v1/faces", files=two[:1], headers=bearer(ALL)).status_code == 200
    in_their_words = client.post("/find_faces", files=two[:1], headers=bearer(ALL))
    assert in_their_words.status_code == 429
    assert in_their_words.json()["message"].startswith("429 Too Many Requests: the API key may send 0.001/3 pictures")
    told = client.get("/metrics", headers=bearer(ALL))
    assert told.status_code == 429  # nothing is left
    assert int(told.headers["retry-after"]) > 900


def test_refusals_are_counted(start_app: Callable[..., Any]) -> None:
    client = start_app(keys=KEYS)
    client.get("/v1/info")
    client.get("/v1/info", headers=bearer("wrong"))
    client.get("/v1/info", headers=bearer(FRS))
    told = client.get("/metrics", headers=bearer(SCRAPER)).text
    assert 'vultus_refusals_total{reason="key_invalid"} 2.0' in told
    assert 'vultus_refusals_total{reason="key_scope_missing"} 1.0' in told
    assert 'vultus_requests_total{route="unmatched",status="401"} 2.0' in told


def test_workers_have_a_share_each() -> None:
    entry = f"a:*:{digest_of(ALL)}:requests=0.001/8"
    metrics = Metrics(lambda: 0, lambda: True)
    whole, quarter = (Keyring(Settings(keys=(entry,), workers=workers), metrics) for workers in (1, 4))
    scope = {"headers": [(b"x-api-key", ALL.encode())]}

    def taken(keyring: Keyring) -> int:
        for count in range(100):
            try:
                keyring.find(scope).request()
            except RateLimited:
                return count
        raise AssertionError

    assert (taken(whole), taken(quarter)) == (8, 2)


def test_what_is_keyless_is_open_to_any_key_and_none(start_app: Callable[..., Any], squares: Squares) -> None:
    client = start_app(keys=KEYS, keyless="insightface-rest,metrics")
    for headers in ({}, bearer("wrong"), bearer(NATIVE), bearer(SLOW), bearer(SLOW), bearer(SLOW)):
        assert client.post("/extract", json={"images": {"data": []}}, headers=headers).status_code == 200
    assert client.get("/metrics").status_code == 200
    assert client.get("/v1/info").status_code == 401
    assert client.post("/find_faces").status_code == 401


def test_which_paths_are_open_is_a_setting(start_app: Callable[..., Any]) -> None:
    client = start_app(keys=KEYS, open_paths="/live,/docs,/openapi.json,/static-offline-docs/*")
    page = client.get("/docs")
    assert page.status_code == 200
    assert client.get("/openapi.json").status_code == 200
    assert "/static-offline-docs/swagger-ui.css" in page.text
    assert client.get("/static-offline-docs/swagger-ui.css").status_code == 200
    for path in ("/ready", "/health", "/docs2", "/static-offline-docs", "/static-offline-docs/../v1/info"):
        assert client.get(path).status_code == 401
    assert client.get("/health", headers=bearer(FRS)).status_code == 200  # nobody's own: any key will do


def test_the_document_tells_how_keys_are_sent_where_they_are(guarded: Any, client: Any) -> None:
    told = guarded.get("/openapi.json", headers=bearer(ALL)).json()
    schemes = told["components"]["securitySchemes"]
    assert schemes["bearer"] == {"type": "http", "scheme": "bearer"}
    assert schemes["key"] == {"type": "apiKey", "in": "header", "name": "X-Api-Key"}
    assert told["security"] == [{"bearer": []}, {"key": []}]
    assert "security" not in client.get("/openapi.json").json()


def test_where_keys_are_off_there_is_no_guard() -> None:
    def layers(settings: Settings) -> list[object]:
        return [layer.cls for layer in create_app(settings).user_middleware]

    assert Guard not in layers(Settings(runtime="dummy"))
    assert Guard in layers(Settings(runtime="dummy", keys=KEYS))


def test_without_keys_pictures_are_charged_to_nobody() -> None:
    from starlette.requests import Request

    charge_pictures(Request({"type": "http", "headers": []}), 1000)


def test_browsers_may_ask_whether_they_may_ask_and_read_refusals(guarded: Any) -> None:
    preflight = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    asked = guarded.request(
        "OPTIONS", "/v1/faces", headers=preflight | {"Access-Control-Request-Headers": "authorization"}
    )
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-headers"] == "authorization"
    refused = guarded.post("/v1/faces", headers={"Origin": "https://a.example"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "*")


@pytest.mark.parametrize(
    ("path", "area"), [("/v1", "v1"), ("/v1/", "v1"), ("/v1x", None), ("/metrics/", None), ("/a", "mine"), ("/", None)]
)
def test_the_area_of_a_path(path: str, area: str | None) -> None:
    assert area_of(path, {"/a": "mine"}) == area


def test_keys_come_from_the_settings_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# of the cameras\n{KEYS[1]}\n\n{KEYS[2]}\n", encoding="utf-8")
    assert [key.name for key in read_keys(Settings(keys=KEYS[:1], keys_file=file))] == ["all", "native", "frs"]
    assert [key.name for key in read_keys(Settings(keys_file=file))] == ["native", "frs"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no key in"),
        (b"# nobody\n", "no key in"),
        (b"secret-of-mine\n", "line 1: not NAME:SCOPES:SHA256"),
        (KEYS[0].encode(), "stands here twice"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_file_that_is_none_of_keys_is_refused_and_lets_nobody_in(
    tmp_path: Path, content: bytes, complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content)
    with caplog.at_level(logging.DEBUG), pytest.raises(SettingsError, match=complaint) as caught:
        create_app(Settings(runtime="dummy", keys=KEYS[:1], keys_file=file))
    assert "keys_file" in caught.value.message
    assert "secret-of-mine" not in caught.value.message


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.touch()
    settings = Settings(keys_file=file)
    file.unlink()
    with pytest.raises(SettingsError, match=r"keys_file: .* cannot be read: No such file"):
        read_keys(settings)
