"""What InsightFace-REST's answers look like, for OpenAPI; ``answers``, ``older`` and ``errors`` write them."""

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

_BOX = list_of(WHOLE, 4)
_POINTS = nullable(list_of(list_of(WHOLE, 2), 5))
_DESCRIPTION = {
    "norm": nullable(NUMBER),
    "vec": nullable(list_of(NUMBER)),
    "gender": nullable(WHOLE),
    "age": nullable(WHOLE),
    "mask": nullable(FLAG),
    "mask_probs": nullable(map_of(NUMBER)),
}
_FACE = record_of(
    {"bbox": _BOX, "prob": NUMBER, "num_det": WHOLE, "scale": NUMBER, "size": WHOLE},
    {"landmarks": _POINTS, "facedata": TEXT, **_DESCRIPTION},
)
_FAILED_CROP = record_of({"status": {"const": "failed"}, "traceback": TEXT})
_CROP = record_of({**_DESCRIPTION, "bbox": _BOX, "size": WHOLE, "prob": NUMBER, "status": {"const": "ok"}})


def _picture(*faces: Schema) -> Schema:
    found = list_of(either(*faces))
    return record_of({"status": TEXT, "took_ms": NUMBER, "faces": found}, {"traceback": TEXT})


_TOOK = record_of({"total_ms": NUMBER}, {"read_imgs_ms": NUMBER, "embed_all_ms": NUMBER})
_TODAY = record_of({"took": _TOOK, "data": list_of(_picture(_FACE))})
_CROPS = record_of({"took_ms": NUMBER, "data": list_of(_picture(_CROP, _FAILED_CROP)), "status": {"const": "ok"}})

_OLDER_FACE = record_of(
    {
        "status": TEXT,
        "det": WHOLE,
        "num_det": WHOLE,
        "prob": NUMBER,
        "bbox": _BOX,
        "size": WHOLE,
        "scale": NUMBER,
        "landmarks": _POINTS,
        **_DESCRIPTION,
        "mask_prob": {"type": "null"},
    },
    {"facedata": TEXT},
)
_OLDER_CROPS = list_of(either(_OLDER_FACE, _FAILED_CROP))
_OLDER = either(
    list_of(list_of(_OLDER_FACE)),
    _OLDER_CROPS,
    record_of({"took_ms": NUMBER, "data": _OLDER_CROPS, "status": {"const": "ok"}}),
)

EXTRACTED_TODAY: Schema = either(_TODAY, _CROPS)
EXTRACTED: Schema = either(_TODAY, _CROPS, _OLDER)
INFO: Schema = record_of(
    {
        "version": TEXT,
        "tensorrt_version": {"type": "null"},
        "log_level": TEXT,
        "models": map_of(ANYTHING),
        "defaults": map_of(ANYTHING),
    }
)
