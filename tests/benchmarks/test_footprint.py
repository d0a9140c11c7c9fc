"""Start to first answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from benchmarks import bodies, footprint
from benchmarks.load import Body

BODY = Body(content=b"{}", content_type="application/json", accept="application/json", marker='"vec"')


def refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("handler", "good"),
    [
        (lambda _: httpx.Response(200, text='[{"vec": [1]}]'), True),
        (lambda _: httpx.Response(200, text="[]"), False),
        (lambda _: httpx.Response(503, text='{"vec": "not ready"}'), False),
        (refuse, False),
    ],
    ids=["face", "no face", "not ready", "not listening"],
)
def test_only_a_good_answer_that_holds_a_face_counts(
    handler: Callable[[httpx.Request], httpx.Response], good: bool
) -> None:
    with httpx.Client(transport=httpx.MockTransport(handler), base_url="http://test") as client:
        assert footprint.answers(client, "/extract", BODY) is good


@pytest.mark.integration
def test_a_real_server_is_measured_up_to_its_first_answer(tmp_path: Path) -> None:
    """On the runtime that needs no weights and finds faces where a picture is bright."""
    _, content = cv2.imencode(".jpg", np.full((120, 160, 3), 255, np.uint8))
    body = bodies.extract_json([content.tobytes()])
    assert footprint.seconds_to_first_answer([tmp_path], "/extract", body, runtime="dummy") > 0
