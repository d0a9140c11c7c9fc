from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from vultus.errors import TooManyPictures
from vultus.server.dialects.insightface_rest.request import Extract

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "document",
    [
        {"images": {"data": [1] * 1000}},
        {"images": {"urls": [1] * 1000}},
        {"images": {"urls": 1}, "img_req_headers": dict.fromkeys(range(1000), 1)},
    ],
)
def test_the_first_wrong_item_ends_the_validation(document: Any) -> None:
    with pytest.raises(ValidationError) as raised:
        Extract.model_validate(document)
    assert raised.value.error_count() < 5


@pytest.mark.parametrize("field", ["data", "urls"])
def test_pictures_are_counted_before_they_are_looked_at(field: str) -> None:
    asked = Extract.model_validate({"images": {field: ["A"] * 3}})
    assert len(asked.pictures(packed=False, limit=3)) == 3
    with pytest.raises(TooManyPictures) as raised:
        asked.pictures(packed=False, limit=2)
    assert raised.value.limit == "max_request_pictures"
