from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from vultus.server import openapi
from vultus.server.problems import MEDIA_TYPE

pytestmark = pytest.mark.unit


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


@pytest.fixture(scope="module")
def document(client: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def test_records_lists_and_alternatives_are_json_schemas() -> None:
    schema = openapi.record_of(
        {"box": openapi.list_of(openapi.NUMBER, 2), "name": openapi.nullable(openapi.TEXT)},
        {"more": openapi.map_of(openapi.WHOLE)},
    )
    check = jsonschema_rs.validator_for(schema)
    for good in ({"box": [1, 2.5], "name": None}, {"box": [0, 0], "name": "a", "more": {"b": 1}}):
        assert check.is_valid(good)
    for bad in (
        {"box": [1], "name": None},
        {"box": [1, 2]},
        {"box": [1, 2], "name": 3},
        {"box": [1, 2], "name": None, "else": 1},
        {"box": [1, 2], "name": None, "more": {"b": "c"}},
    ):
        assert not check.is_valid(bad)


def test_every_endpoint_states_what_it_answers_and_with_which_schema(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert "200" in operation["responses"], name
        for status, response in operation["responses"].items():
            assert response["description"], (name, status)
            assert response.get("content"), (name, status)


def test_every_endpoint_that_works_may_be_overloaded_unready_or_fail(document: dict[str, Any]) -> None:
    posts = [(name, operation) for name, operation in operations(document) if name.startswith("post")]
    assert len(posts) == 15
    for name, operation in posts:
        assert {"429", "500", "503"} <= operation["responses"].keys(), name
        for status in ("429", "503"):
            assert "Retry-After" in operation["responses"][status]["headers"], name


def test_a_server_that_asks_for_keys_documents_its_refusals() -> None:
    document = openapi.with_refusals_of_keys(
        {
            "paths": {
                "/a": {"get": {"responses": {"500": {"content": {"application/json": {}}}}}},
                "/b": {"get": {"responses": {"200": {}}}},
            }
        }
    )
    a, b = (document["paths"][path]["get"]["responses"] for path in ("/a", "/b"))
    assert a["401"]["content"] == a["403"]["content"] == {"application/json": {}}
    assert b["401"]["content"].keys() == {MEDIA_TYPE}
