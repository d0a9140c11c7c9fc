"""What answers of the dialects of one file each look like, for OpenAPI."""

from __future__ import annotations

from vultus.server import openapi
from vultus.server.openapi import (
    ANYTHING,
    FLAG,
    NUMBER,
    TEXT,
    WHOLE,
    Schema,
    either,
    list_of,
    map_of,
    nullable,
    record_of,
)

STATUSES = (400, 408, 413, 415, 422, 429, 500, 503)
"""Of requests with pictures that fail."""

DETAIL: Schema = record_of({"detail": either(TEXT, list_of(map_of(ANYTHING)))})
"""An error as FastAPI tells it."""

HEALTH: openapi.Responses = {
    200: openapi.answer(record_of({"status": {"const": "ok"}})),
    **openapi.refusals((500,), DETAIL, meanings={500: "It failed."}),
}

SIMILAR_FAILURES: openapi.Responses = openapi.refusals(
    STATUSES, DETAIL, meanings={400: "The form is damaged, a picture is none, or shows no face."}
)
SIMILAR_EMBEDDING: Schema = record_of({"embedding": list_of(list_of(NUMBER), 1)})
SIMILARITY: Schema = record_of({"similarity": {"type": "number", "minimum": 0, "maximum": 1}})

_WHO = {"age": nullable(WHOLE), "gender": nullable(TEXT)}
_POSE = record_of(dict.fromkeys(("yaw", "pitch", "roll"), nullable(NUMBER)))
_ATTRIBUTES = record_of({**_WHO, "pose": _POSE, "embedding_available": FLAG, "embedding_dim": nullable(WHOLE)})
_ARCFACE_FAILURE = either(record_of({"error": TEXT}, {"detail": TEXT}), DETAIL)

ARCFACE_FAILURES: openapi.Responses = openapi.refusals(
    STATUSES,
    _ARCFACE_FAILURE,
    meanings={422: "The form or the query is wrong, the picture damaged, or no face in it where one is needed."},
)
ARCFACE_DETECTED: Schema = record_of(
    {
        "faces": list_of(
            record_of(
                {
                    "id": TEXT,
                    "score": NUMBER,
                    "bbox": list_of(NUMBER, 4),
                    "landmark": nullable(list_of(list_of(NUMBER, 2), 5)),
                    **_WHO,
                },
                {"embedding": list_of(NUMBER), "embedding_dim": WHOLE},
            )
        )
    }
)
ARCFACE_EMBEDDED: Schema = record_of(
    {
        "embedding": either(list_of(NUMBER), list_of(list_of(NUMBER), 1)),
        "embedding_shape": list_of(WHOLE),
        "embedding_dim": WHOLE,
        "model": TEXT,
        "input_size": TEXT,
    },
    {"attributes": _ATTRIBUTES},
)
ARCFACE_DESCRIBED: Schema = record_of({"status": {"const": "success"}, "attributes": _ATTRIBUTES})


def arcface_responses(done: Schema) -> openapi.Responses:
    """Of an endpoint of the ArcFace API that answers so; in its nested form errors have status 200, too."""
    return {200: openapi.answer(either(done, _ARCFACE_FAILURE)), **ARCFACE_FAILURES}
