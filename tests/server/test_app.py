from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest

from vultus.errors import SettingsError, UnknownModel
from vultus.server.app import create_app
from vultus.settings import Settings

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("POST", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1/faces", 405, "method_not_allowed"),
        ("DELETE", "/live", 405, "method_not_allowed"),
        ("POST", "/v1/faces", 415, "media_type_unsupported"),
    ],
)
def test_every_error_is_a_problem(client: Any, method: str, path: str, status: int, code: str) -> None:
    answer = client.request(method, path, headers={"x-request-id": "mine"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"] == "mine"
    assert {"type", "title", "detail"} <= problem.keys()


def test_a_refused_method_names_the_allowed(client: Any) -> None:
    assert client.get("/v1/faces").headers["allow"] == "POST"


def test_pages_of_any_origin_may_ask_without_credentials(client: Any) -> None:
    answer = client.get("/live", headers={"origin": "https://example.org"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    preflight = client.request(
        "OPTIONS",
        "/v1/faces",
        headers={
            "origin": "https://example.org",
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
        },
    )
    assert preflight.status_code == 200
    assert "POST" in preflight.headers["access-control-allow-methods"]


def preflight(client: Any, origin: str, method: str = "POST", header: str = "authorization") -> Any:
    headers = {"origin": origin, "access-control-request-method": method, "access-control-request-headers": header}
    return client.request("OPTIONS", "/v1/faces", headers=headers)


def test_whose_pages_may_ask_is_a_setting(start_app: Callable[..., Any]) -> None:
    ours, others = "https://app.example.org", "https://example.org"
    given = {"cors_origins": ours, "cors_methods": "POST", "cors_headers": "authorization", "cors_cookies": True}
    client = start_app(**given)
    asked = preflight(client, ours)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, ours)
    assert asked.headers["access-control-allow-credentials"] == "true"
    refused = (preflight(client, others), preflight(client, ours, "DELETE"), preflight(client, ours, header="x-other"))
    assert [answer.status_code for answer in refused] == [400, 400, 400]
    assert "access-control-allow-origin" not in client.get("/live", headers={"origin": others}).headers


def test_without_origins_no_page_may_ask(start_app: Callable[..., Any]) -> None:
    client = start_app(cors_origins="none")
    assert preflight(client, "https://example.org").status_code == 405
    answer = client.get("/live", headers={"origin": "https://example.org"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_documentation_covers_every_endpoint_with_its_body_and_options(client: Any) -> None:
    document = client.get("/openapi.json").json()
    assert {
        "/v1/faces", "/v1/embeddings", "/v1/compare", "/v1/models", "/v1/info",
        "/live", "/ready", "/metrics", "/extract", "/v2/extract", "/draw_detections", "/multipart/draw_detections",
        "/info", "/health",
        "/embedding", "/face-similarity",
        "/detect", "/embed", "/attributes",
        "/find_faces", "/find_faces_base64", "/scan_faces", "/status", "/healthcheck",
    } == document["paths"].keys()  # fmt: skip
    faces = document["paths"]["/v1/faces"]["post"]
    assert {"multipart/form-data", "application/json", "application/msgpack", "image/*"} == faces["requestBody"][
        "content"
    ].keys()
    assert {parameter["name"] for parameter in faces["parameters"]} == {
        "embeddings", "landmarks", "attributes", "threshold", "max_faces", "min_face_size", "crops",
    }  # fmt: skip
    assert "application/problem+json" in faces["responses"]["413"]["content"]
    fields = document["paths"]["/extract"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert fields["required"] == ["images"]
    assert fields["properties"]["threshold"]["default"] == 0.6


def test_routes_that_take_pictures_are_tried_first(client: Any) -> None:
    posts = ["POST" in (getattr(route, "methods", None) or ()) for route in client.app.router.routes]
    assert any(posts)
    assert posts == sorted(posts, reverse=True)


def test_the_documentation_page_needs_no_other_host(client: Any) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    addresses = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert {address.rpartition(".")[2] for address in addresses} == {"css", "js", "png"}
    for address in addresses:
        assert client.get(address).status_code == 200
    assert "//" not in re.sub(r"<!--.*?-->|// Swagger|^\s*//.*$", "", page.text, flags=re.MULTILINE | re.DOTALL)
    assert "url: '/openapi.json'" in page.text


def test_dialects_can_be_left_out(start_app: Callable[..., Any]) -> None:
    client = start_app(dialects=())
    answer = client.post("/extract", json={"images": {}})
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert client.get("/v1/info").json()["dialects"] == []


def test_an_unknown_dialect_is_refused_at_once() -> None:
    with pytest.raises(SettingsError, match=r"klingon.*insightface-rest"):
        create_app(Settings(runtime="dummy", dialects=("klingon",)))


def test_a_dialect_renders_the_errors_of_its_own_paths_only(client: Any) -> None:
    for path in ("/extract", "/info", "/health", "/"):
        assert client.request("PATCH", path).json() == {"detail": "Method Not Allowed"}
    assert client.request("PATCH", "/live").json()["code"] == "method_not_allowed"


def test_why_there_is_no_engine_is_logged_unless_somebody_else_is_told(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[BaseException] = []
    settings = Settings(runtime="dummy", streams=1, pack="no-such-pack")
    with caplog.at_level(logging.ERROR):
        with type(client)(create_app(settings, on_failure=told.append)):
            pass
        assert isinstance(told[0], UnknownModel)
        assert not caplog.records
        with type(client)(create_app(settings)):
            pass
    [record] = caplog.records
    assert "no-such-pack" in record.getMessage()
    assert record.exc_info is None


def test_a_path_that_nobody_has_is_the_only_dialects(start_app: Callable[..., Any]) -> None:
    client = start_app(dialects=("arcface-api",))
    assert client.get("/nowhere").json() == {"detail": "Not Found"}
    assert client.get("/v1/nowhere").json()["code"] == "not_found"
    assert client.request("PATCH", "/live").json()["code"] == "method_not_allowed"
