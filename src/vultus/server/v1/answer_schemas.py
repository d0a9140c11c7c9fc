"""What answers of ``/v1`` look like, for OpenAPI; ``answers`` and ``routes`` write them."""

from __future__ import annotations

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

_SINGLE = {
    "name": TEXT,
    "sha256": nullable(TEXT),
    "licence": TEXT,
    "commercial_use": nullable(FLAG),
    "precision": TEXT,
}
_CARD = record_of(_SINGLE, {"companions": list_of(record_of(_SINGLE))})
_CARDS = record_of({"detector": _CARD, "embedder": nullable(_CARD), "attributes": list_of(_CARD)})
_BOX = list_of(NUMBER, 4)
_POINT = list_of(NUMBER, 2)
_VECTOR = either(list_of(NUMBER), TEXT)
_ERROR = record_of({"error": record_of({"code": TEXT, "message": TEXT}, {"limit": TEXT})})
_FACE = record_of(
    {"box": _BOX, "score": NUMBER},
    {
        "landmarks": nullable(list_of(_POINT, 5)),
        "embedding": nullable(_VECTOR),
        "norm": nullable(NUMBER),
        "attributes": map_of(ANYTHING),
        "crop": {"type": "string", "description": "JPEG as base64; in MessagePack bytes."},
    },
)
_SECONDS = record_of({}, dict.fromkeys(("decode", "detect", "align", "embed", "attributes"), NUMBER))
_PICTURE = record_of({"width": WHOLE, "height": WHOLE, "faces": list_of(_FACE), "seconds": _SECONDS})

FACES: Schema = record_of({"model": _CARDS, "pictures": list_of(either(_PICTURE, _ERROR)), "request_id": TEXT})

_EMBEDDING = record_of({"embedding": _VECTOR, "norm": NUMBER})
EMBEDDINGS: Schema = record_of(
    {
        "model": record_of({"embedder": nullable(_CARD)}),
        "embeddings": list_of(either(_EMBEDDING, _ERROR)),
        "request_id": TEXT,
    }
)

_DECISION = record_of({"cosine": NUMBER, "false_match_rate": nullable(NUMBER), "measured_on": nullable(TEXT)})
COMPARISON: Schema = record_of(
    {
        "model": record_of({"detector": _CARD, "embedder": nullable(_CARD)}),
        "similarity": {"type": "number", "minimum": -1, "maximum": 1},
        "match": nullable(FLAG),
        "decision": nullable(_DECISION),
        "reason": nullable(TEXT),
        "faces": list_of(record_of({"box": _BOX, "score": NUMBER}), 2),
        "request_id": TEXT,
    }
)

_MODEL = record_of(
    {
        "name": TEXT,
        "sha256": nullable(TEXT),
        "licence": TEXT,
        "commercial_use": nullable(FLAG),
        "aliases": list_of(TEXT),
        "companions": list_of(TEXT),
        "task": TEXT,
        "family": TEXT,
        "bytes": nullable(WHOLE),
        "source_project": nullable(TEXT),
        "training_data": nullable(TEXT),
        "accuracy": map_of(ANYTHING),
        "input": record_of({"width": WHOLE, "height": WHOLE}),
        "crop": nullable(map_of(ANYTHING)),
        "embedding_size": nullable(WHOLE),
        "decision": nullable(map_of(ANYTHING)),
    }
)
MODELS: Schema = record_of({"models": list_of(_MODEL), "request_id": TEXT})

_LIMITS = record_of(
    dict.fromkeys(
        ("max_picture_bytes", "max_picture_pixels", "max_picture_faces", "max_request_bytes", "max_request_pictures"),
        WHOLE,
    )
    | {"request_timeout": NUMBER}
)
_DEFAULTS = record_of(
    {
        "canvas": list_of(WHOLE, 2),
        "aspect": TEXT,
        "second_canvas": nullable(list_of(WHOLE, 2)),
        "decode": TEXT,
        "threshold": NUMBER,
        "nms_threshold": NUMBER,
        "min_face_size": NUMBER,
        "embeddings": TEXT,
        "landmarks": FLAG,
        "attributes": list_of(TEXT),
        "max_faces": WHOLE,
        "crops": FLAG,
    }
)
INFO: Schema = record_of(
    {
        "name": TEXT,
        "version": TEXT,
        "runtime": TEXT,
        "device": TEXT,
        "precision": TEXT,
        "streams": nullable(WHOLE),
        "all_cores": FLAG,
        "workers": WHOLE,
        "networks": _CARDS,
        "attributes": list_of(TEXT),
        "dialects": list_of(TEXT),
        "limits": _LIMITS,
        "defaults": _DEFAULTS,
        "request_id": TEXT,
    }
)
