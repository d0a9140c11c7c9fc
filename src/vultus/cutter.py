"""The crops of a picture's faces, each distinct one cut once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import numpy as np

from vultus.detect.detector import rescale
from vultus.errors import RequestError, WrongCropSize
from vultus.imaging.align import Crops, cut_crops, face_in_crop
from vultus.imaging.canvas import stretch
from vultus.imaging.jpeg import Decoded
from vultus.types import CropSpec, Detection, Image


class Cutter:
    """Cuts each distinct crop of a picture's faces once.

    Args:
        picture: The picture; its pixels may be fewer than it has.
        faces: Its faces, in its own pixels.
        scale: Of the canvas on which they were found, canvas pixels per pixel of the picture.
        smooth: Whether pixels are averaged where crops make faces much smaller.

    Attributes:
        faces: What is told of the faces.
        aligned: The same, with the landmarks that a crop has where nothing was detected.
    """

    def __init__(self, picture: Decoded, faces: Detection, scale: float = 1.0, *, smooth: bool = False) -> None:
        self.faces = faces
        self.aligned = faces
        self._pixels = picture.pixels
        height, width = picture.pixels.shape[:2]
        self._part = width / picture.width, height / picture.height
        self._scale = scale
        self._smooth = smooth
        self._cut: dict[CropSpec, Crops] = {}

    @classmethod
    def of_crop(cls, pixels: Image, spec: CropSpec, stretched: bool = False) -> Self:
        """A picture that already is the crop of one face, or that is made one by stretching it.

        Raises:
            WrongCropSize: It has another size, and is not to be stretched.
        """
        height, width = pixels.shape[:2]
        if not stretched and (width, height) != (spec.size, spec.size):
            raise WrongCropSize(f"an aligned crop must be {spec.size}x{spec.size} pixels, not {width}x{height}.")
        box = np.array([[0, 0, width, height]], np.float32)
        cutter = cls(Decoded(pixels, width, height), Detection(box, np.ones(1, np.float32), None))
        cutter.aligned = rescale(face_in_crop(spec), (spec.size / width, spec.size / height))
        matrix = np.array([[[spec.size / width, 0, 0], [0, spec.size / height, 0]]])
        crop = stretch(pixels, spec.size) if stretched else pixels
        cutter._cut[spec] = Crops(crop[np.newaxis], matrix)
        return cutter

    def suffices(self, specs: Iterable[CropSpec]) -> bool:
        """Whether the pixels are as fine as all of these crops want them: none would have to be enlarged."""
        if min(self._part) == 1:
            return True
        sides = (self.faces.boxes[:, 2:] - self.faces.boxes[:, :2]).max(axis=1, initial=0) * min(self._part)
        return all((sides * max(spec.scale, 1.0) >= spec.size).all() for spec in specs)

    def cut(self, spec: CropSpec) -> Crops:
        """The crops of all faces.

        Raises:
            RequestError: The crop needs landmarks, and a crop was sent of which they are not known.
        """
        if spec not in self._cut:
            if spec.kind == "template" and self.aligned.landmarks is None:
                raise RequestError("of a crop that was not aligned by landmarks, what needs them cannot be told.")
            self._cut[spec] = cut_crops(self._pixels, self.aligned, spec, self._scale, self._part, smooth=self._smooth)
        return self._cut[spec]
