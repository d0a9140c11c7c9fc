"""The nouns: what travels between the rooms of Vultus.

Conventions, everywhere but at the edges of a dialect: pixels are RGB, uint8, ``(height, width, 3)``, EXIF orientation
applied; boxes are float32 ``[x1, y1, x2, y2]`` in pixels of that picture, not clipped to it; the five landmarks are
float32 ``(5, 2)`` in the order eye left in the picture, eye right, nose, mouth left, mouth right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]
"""RGB pixels, ``(height, width, 3)``."""

FloatArray: TypeAlias = NDArray[np.float32]

Interpolation: TypeAlias = Literal["linear", "area", "smooth"]
"""How pictures are made smaller: ``linear`` looks at four pixels, ``area`` at all that a pixel covers, ``smooth`` at
blocks of 2 x 2, 4 x 4 ... pixels and then at four of these (``vultus.imaging.warp``), which is much faster."""


@dataclass(frozen=True, slots=True)
class CanvasRule:
    """How a picture is laid on the detector's input: scaled to fit, top left, the rest black.

    Attributes:
        width, height: The detector's input, in pixels.
        max_scale: Upper bound of the scale factor; 1.0 never enlarges. ``None``: no bound.
        damp_above: A factor above this is multiplied by ``damping`` (InsightFace-REST: small pictures
            usually hold one large face). ``None``: never.
        damping: See ``damp_above``.
        shrink: Interpolation when the picture is made smaller; enlarging is always bilinear.
        shape: ``square``: every canvas is ``width`` x ``height``; ``picture``: each side is the least of a few lengths
            (``imaging.canvas.sides``) that the scaled picture fits in. The scale is the same.
        fit: ``truncate``: the scaled size is truncated to whole pixels and the scale is that of the height
            (InsightFace); ``exact``: the factor is applied as it is, the size rounded (InsightFace-REST); ``rounded``:
            the picture is stretched to the rounded size, the scale is the factor (CompreFace).
    """

    width: int = 640
    height: int = 640
    max_scale: float | None = None
    damp_above: float | None = None
    damping: float = 0.7
    shrink: Interpolation = "linear"
    shape: Literal["square", "picture"] = "square"
    fit: Literal["truncate", "exact", "rounded"] = "truncate"


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture laid on the detector's input.

    Attributes:
        pixels: RGB uint8 ``(rule.height, rule.width, 3)``.
        scale: Canvas pixels per picture pixel; canvas coordinates / scale = picture coordinates.
    """

    pixels: Image
    scale: float


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a network does with its pixels before the first layer. Callers always hand over RGB uint8.

    The runtime computes ``(pixel - mean) / std`` per channel, in the order ``color``, laid out as ``layout``, and then
    whitens where the network wants that.

    Attributes:
        width, height: Size of the input in pixels.
        mean, std: In pixel values (0 to 255), per channel in the order ``color``.
        color: Channel order the network was trained with.
        layout: Axis order of the graph's input.
        whiten: Bring the values of each picture, all channels together, to mean 0 and standard deviation 1, as
            ``(x - mean(x)) / max(std(x), 1 / sqrt(count))`` (TensorFlow's ``per_image_standardization``, FaceNet).
    """

    width: int
    height: int
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    color: Literal["rgb", "bgr"] = "rgb"
    layout: Literal["nchw", "nhwc"] = "nchw"
    whiten: bool = False

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the graph's input for one picture."""
        if self.layout == "nchw":
            return 1, 3, self.height, self.width
        return 1, self.height, self.width, 3


@dataclass(frozen=True, slots=True)
class CropSpec:
    """Which part of the picture around a face a network wants to see. Black outside the picture.

    Attributes:
        kind: ``template``: the five landmarks are brought onto the ArcFace template (scaled to ``size``) by a
            similarity transform. ``box``: an upright square around the box's centre whose side is
            ``scale`` x the longer side of the box. ``margins``: the box grown by ``margins``, cut off at the picture's
            edges and stretched (FaceNet as CompreFace uses it). ``inside``: the box x ``scale`` with its own aspect,
            made smaller and moved so that it lies in the picture, and stretched (Silent-Face-Anti-Spoofing).
        size: Side of the crop, in pixels.
        scale: See ``kind``; without meaning for ``template`` and ``margins``.
        margins: Left, top, right and bottom, in widths and heights of the box for ``margins``; for ``template``, in
            sides of its square, which is grown by them, or made smaller by negative ones. Else without meaning.
    """

    kind: Literal["template", "box", "margins", "inside"]
    size: int
    scale: float = 1.0
    margins: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Detection:
    """All faces a detector found in one picture, by descending score.

    Attributes:
        boxes: float32 ``(n, 4)``, pixels of the canvas or of the picture (the caller's choice of frame).
        scores: float32 ``(n,)``, 0 to 1.
        landmarks: float32 ``(n, 5, 2)``, or ``None`` from a detector without landmarks.
    """

    boxes: FloatArray
    scores: FloatArray
    landmarks: FloatArray | None

    def __len__(self) -> int:
        return len(self.boxes)


GENDERS = ("female", "male")
"""What the numbers of ``gender`` stand for."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face of a picture; what the plan did not ask for is ``None`` or absent.

    Attributes:
        box: float32 ``(4,)``, ``[x1, y1, x2, y2]`` in picture pixels, not clipped.
        score: The detector's confidence, 0 to 1; 1.0 for a crop that was sent as such.
        index: Place among the picture's faces before ``min_face_size`` was applied.
        landmarks: float32 ``(5, 2)`` in picture pixels.
        embedding: float32 ``(d,)`` of unit length.
        norm: Length of the embedding before it was normalised: a hint at the picture's quality.
        attributes: What the attribute networks said, by name: ``landmarks106`` float32 ``(106, 2)`` in picture
            pixels; ``landmarks68`` float32 ``(68, 3)``; ``gender`` int, 0 female, 1 male; ``gender_probability``;
            ``age`` float, years; ``age_range`` a dict of ``low``, ``high`` and ``probability``; ``mask`` a dict of
            the probabilities ``mask``, ``no_mask`` and, from some networks, ``incorrect``; ``liveness`` one of
            ``real`` and ``spoof``; ``pose`` a dict as ``HeadPose``; ``quality`` one as ``Quality``.
        crop: The aligned crop the embedder saw, RGB.
    """

    box: FloatArray
    score: float
    index: int = 0
    landmarks: FloatArray | None = None
    embedding: FloatArray | None = None
    norm: float | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)
    crop: Image | None = None

    @property
    def raw_embedding(self) -> FloatArray | None:
        """The embedding before it was normalised, float32 ``(d,)``."""
        return None if self.embedding is None else self.embedding * np.float32(self.norm or 0)

    @property
    def width(self) -> float:
        """Width of the box in pixels."""
        return float(self.box[2] - self.box[0])

    @property
    def height(self) -> float:
        """Height of the box in pixels."""
        return float(self.box[3] - self.box[1])


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What one picture showed.

    Attributes:
        width, height: The picture's size after EXIF orientation, in pixels.
        faces: By descending score; by descending area where the plan kept the largest of more.
        scale: Scale of the detector's canvas (1.0 where nothing was detected).
        seconds: Time spent by stage: ``decode``, ``detect``, ``align``, ``embed``, ``attributes``.
        pixels: The picture itself, RGB, where the plan asked for it.
        began: Unix time at which work on it began, in seconds.
    """

    width: int
    height: int
    faces: tuple[Face, ...]
    scale: float = 1.0
    seconds: Mapping[str, float] = field(default_factory=dict)
    pixels: Image | None = None
    began: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked; nothing else is computed.

    Attributes:
        detect: ``False``: each picture already is an aligned crop of the embedder's input size.
        embeddings: Compute the embedding and its norm.
        attributes: Names of the facts wanted, such as ``landmarks106``.
        crops: Hand back the aligned crop.
        max_faces: Keep only the first by ``rank``; 0 keeps all.
        min_face_size: Drop faces whose box is narrower, in picture pixels; 0 keeps all. Applied after ``max_faces``.
        pixels: Hand back the decoded picture.
        rank: ``area``: the largest boxes are the first; ``visible``: those of which most lies in the picture;
            ``score``: those the detector is surest of.
        stretch: Where nothing is detected: stretch a picture of another size to the embedder's input, whatever its
            aspect, instead of refusing it.
    """

    detect: bool = True
    embeddings: bool = True
    attributes: frozenset[str] = frozenset()
    crops: bool = False
    max_faces: int = 0
    min_face_size: float = 0.0
    pixels: bool = False
    rank: Literal["area", "visible", "score"] = "area"
    stretch: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """How it is done. Profiles that name the same networks share them.

    Attributes:
        name: Name of the profile, for messages.
        detector: Catalogue name of the detector.
        embedder: Catalogue name of the embedder, or ``None`` where embeddings are never asked.
        attributes: Catalogue names of the attribute networks that may be asked; of those that tell the same fact
            the last is.
        canvas: How pictures are laid on the detector's input.
        second_canvas: A second input on which the picture is looked at too, small, so that faces that nearly fill it
            are found: what both find counts once.
        scaled_decode: A JPEG that is far larger than the canvas is decoded smaller, and in full only where faces are so
            small that their crops need it.
        smooth_crops: Average pixels where a crop makes a face much smaller, instead of picking some as InsightFace
            does: embeddings then hardly depend on the size at which a picture comes.
        threshold: Faces with a detector score at or below this are dropped (0 to 1).
        nms_threshold: Of two boxes that overlap by more than this IoU the weaker is dropped (0 to 1).
        exchanged: Catalogue names of those of these networks that are handed red for blue and blue for red.
    """

    name: str
    detector: str
    embedder: str | None
    attributes: tuple[str, ...] = ()
    canvas: CanvasRule = CanvasRule()
    threshold: float = 0.5
    nms_threshold: float = 0.4
    exchanged: frozenset[str] = frozenset()
    second_canvas: CanvasRule | None = None
    scaled_decode: bool = False
    smooth_crops: bool = False
