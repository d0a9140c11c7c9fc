"""Any document, by any path that reads one, gives an answer that is documented."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import ormsgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

pytestmark = pytest.mark.unit

PATHS = (
    "/v1/faces",
    "/v1/embeddings",
    "/v1/compare",
    "/extract",
    "/v2/extract",
    "/draw_detections",
    "/find_faces_base64",
    "/find_faces",
    "/embedding",
    "/detect",
)
FIELDS = (
    "images", "data", "urls", "url", "file", "threshold", "max_faces", "limit_faces", "min_face_size", "embed_only",
    "api_ver", "max_size", "attributes", "embeddings", "crops", "msgpack", "img_req_headers", "return_face_data",
)  # fmt: skip


def _picture() -> bytes:
    with io.BytesIO() as file:
        Image.fromarray(np.full((112, 112, 3), 255, np.uint8)).save(file, "PNG")
        return file.getvalue()


PICTURE = _picture()
_numbers = st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(), st.sampled_from([0, 1, -1, 0.5, 2**31]))
_texts = st.one_of(st.text(max_size=20), st.sampled_from([base64.b64encode(PICTURE).decode(), "data:,", "none", "1"]))
_scalars = st.one_of(st.none(), st.booleans(), _numbers, _texts)
_names = st.one_of(st.sampled_from(FIELDS), st.text(max_size=8))
_documents = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_names, inner, max_size=6)),
    max_leaves=20,
)
_likely = st.builds(
    lambda images, more: {**more, "images": images},
    st.one_of(st.lists(_texts, max_size=3), st.fixed_dictionaries({"data": st.lists(_texts, max_size=3)})),
    st.dictionaries(st.sampled_from(FIELDS), _scalars, max_size=5),
)


@pytest.fixture(scope="module")
def documented(client: Any) -> dict[str, set[int]]:
    paths = client.get("/openapi.json").json()["paths"]
    return {path: {int(status) for status in paths[path]["post"]["responses"]} for path in PATHS}


def _lax_json(document: object) -> bytes:
    """Also NaN and infinities, which JSON does not have but some clients send."""
    return json.dumps(document).encode("utf-8", "surrogatepass")


FORMS: dict[str, Callable[[Any], bytes]] = {"application/json": _lax_json, "application/msgpack": ormsgpack.packb}


CALLED = (*FORMS, "multipart/form-data; boundary=x", "image/png", "text/plain", "")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("content_type", FORMS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=st.one_of(_documents, _likely))
def test_any_document_gives_a_documented_answer(
    client: Any, documented: dict[str, set[int]], path: str, content_type: str, document: Any
) -> None:
    body = FORMS[content_type](document)
    answer = client.post(path, content=body, headers={"content-type": content_type})
    assert answer.status_code in documented[path] - {500, 503}, answer.text
    assert answer.headers["content-type"]
    if "json" in answer.headers["content-type"]:
        orjson.loads(answer.content)


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=st.binary(max_size=200),
    content_type=st.sampled_from(CALLED),
)
def test_any_bytes_give_a_documented_answer(
    client: Any, documented: dict[str, set[int]], path: str, body: bytes, content_type: str
) -> None:
    answer = client.post(path, content=body, headers={"content-type": content_type})
    assert answer.status_code in documented[path] - {500, 503}, answer.text
