"""Vultus finds faces in pictures, aligns them, and computes embeddings and attributes."""

from vultus.engine import FaceEngine
from vultus.errors import VultusError
from vultus.settings import Settings, load_settings
from vultus.types import Analysis, CanvasRule, CropSpec, Detection, Face, Image, InputSpec, Plan, Profile

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
