"""Facts that need no network of their own: they follow from what is known of a face already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from vultus.attributes.pose5 import head_pose
from vultus.attributes.quality import CROP, face_quality
from vultus.imaging.align import Crops
from vultus.types import CropSpec, Detection, FloatArray


class Known(NamedTuple):
    """What is known of the faces of a picture.

    Attributes:
        faces: Boxes, scores and landmarks, in picture pixels.
        cut: Cuts the crops of all faces.
        norms: Lengths of the embeddings before they were normalised ``(n,)``; ``None`` without an embedder.
    """

    faces: Detection
    cut: Callable[[CropSpec], Crops]
    norms: FloatArray | None


class Derived(NamedTuple):
    """How a fact is derived.

    Attributes:
        tell: One value for each face.
        embeds: Whether norms are needed, where there is an embedder.
        crop: What has to be seen of a face.
    """

    tell: Callable[[Known], Sequence[object]]
    embeds: bool = False
    crop: CropSpec | None = None


def poses(known: Known) -> Sequence[object]:
    """``pose``: pitch, yaw and roll in degrees by name, as in ``HeadPose``; ``None`` where it cannot be told."""
    if known.faces.landmarks is None:
        return [None] * len(known.faces)
    found = [head_pose(points) for points in known.faces.landmarks]
    return [pose and pose._asdict() for pose in found]


def qualities(known: Known) -> Sequence[object]:
    """``quality``: by name, as in ``Quality``; ``None`` from a detector without landmarks."""
    if known.faces.landmarks is None:
        return [None] * len(known.faces)
    crops = known.cut(CROP).pixels
    norms = [None] * len(crops) if known.norms is None else np.asarray(known.norms, float).tolist()
    found = zip(crops, known.faces.landmarks, norms, strict=True)
    return [face_quality(crop, points, norm)._asdict() for crop, points, norm in found]


DERIVED: Mapping[str, Derived] = MappingProxyType(
    {"pose": Derived(poses), "quality": Derived(qualities, embeds=True, crop=CROP)}
)
"""By fact; a network that tells the same goes before."""
