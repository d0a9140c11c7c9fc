"""InsightFace-REST's API, version 0.9.5, and its older answers for older clients.

Envelopes, field names, coercion and error bodies are those its clients know. Better than the original, where no client
can mind: JSON is answered when ``Accept`` is missing, ``min_face_size`` keeps pictures apart, a crop that cannot be
used does not end a request, ``took_ms`` is the time a picture took, and errors are one sentence instead of a stack
trace.
"""

from vultus.server.dialects.base import Dialect
from vultus.server.dialects.insightface_rest.errors import render
from vultus.server.dialects.insightface_rest.routes import profile, router

DIALECT = Dialect("insightface-rest", router, render, profile)
