"""Vultus finds faces in pictures, aligns them, and computes embeddings and attributes."""

from typing import TYPE_CHECKING

from vultus.errors import VultusError
from vultus.settings import Settings, load_settings
from vultus.types import Analysis, CanvasRule, CropSpec, Detection, Face, Image, InputSpec, Plan, Profile

if TYPE_CHECKING:
    from vultus.engine import FaceEngine

__version__ = "0.1.0"

__all__ = [
    "Analysis",
    "CanvasRule",
    "CropSpec",
    "Detection",
    "Face",
    "FaceEngine",
    "Image",
    "InputSpec",
    "Plan",
    "Profile",
    "Settings",
    "VultusError",
    "load_settings",
]


def __getattr__(name: str) -> object:
    # The engine brings its image libraries along; what only asks for help or a version should not wait for them.
    if name == "FaceEngine":
        from vultus.engine import FaceEngine

        return FaceEngine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
