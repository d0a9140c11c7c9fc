"""Settings: what they are (``groups``), what they may be (``fields``), where their values come from (``load``)."""

from vultus.settings.access import Access
from vultus.settings.cluster import Ray
from vultus.settings.fields import INSIGHTFACE_REST_FLAGS, LicencePolicy
from vultus.settings.groups import (
    GROUPS,
    SERVER_GROUPS,
    Admission,
    ArcFaceApi,
    CompreFace,
    Connections,
    Detection,
    Inference,
    InsightFaceRest,
    Networks,
    Operations,
    PictureLimits,
    PicturesByName,
    RequestLimits,
    Server,
)
from vultus.settings.load import ENV_PREFIX, Settings, load_settings, misspelt_variables, served, variable_of

__all__ = [
    "ENV_PREFIX",
    "GROUPS",
    "INSIGHTFACE_REST_FLAGS",
    "SERVER_GROUPS",
    "Access",
    "Admission",
    "ArcFaceApi",
    "CompreFace",
    "Connections",
    "Detection",
    "Inference",
    "InsightFaceRest",
    "LicencePolicy",
    "Networks",
    "Operations",
    "PictureLimits",
    "PicturesByName",
    "Ray",
    "RequestLimits",
    "Server",
    "Settings",
    "load_settings",
    "misspelt_variables",
    "served",
    "variable_of",
]
