"""The walk: decode -> detect -> align -> embed + attributes. One picture goes straight down on one worker thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from vultus.attributes import DERIVED, Attribute, Known
from vultus.detect.detector import Index, areas, clip, join, rescale, suppress, take
from vultus.embed import Embedder, Embeddings
from vultus.errors import RequestError, SettingsError, WrongCropSize
from vultus.imaging.align import Crops, cut_crops, face_in_crop
from vultus.imaging.canvas import lay_on_canvas, stretch
from vultus.imaging.decode import Limits
from vultus.imaging.source import Source, read_pixels
from vultus.networks import Networks
from vultus.runtime.ticket import Ticket
from vultus.stopwatch import Stopwatch
from vultus.types import Analysis, CropSpec, Detection, Face, Image, Plan, Profile


class Walk:
    """Takes pictures from bytes to faces.

    Args:
        networks: What finds, embeds and describes faces.
        limits: What pictures may be.
        max_faces: Faces of a picture that are looked at, the best first.
    """

    def __init__(self, networks: Networks, limits: Limits, max_faces: int) -> None:
        self._networks = networks
        self._limits = limits
        self._max_faces = max_faces

    def analyze(self, source: Source, plan: Plan, profile: Profile, ticket: Ticket) -> Analysis:
        """Do what the plan asks, as the profile says; see ``FaceEngine.analyze``."""
        embedder = self._embedder(plan, profile)
        attributes = self._attributes(plan, profile)
        watch = Stopwatch()
        image = read_pixels(source, self._limits)
        ticket.check()
        watch.mark("decode")
        if plan.detect:
            cutter, index, scale = self._find(image, plan, profile, ticket)
        else:
            assert embedder  # _embedder returns one, or raises, wherever crops are wanted
            cutter, index, scale = _Cutter.of_crop(image, embedder.crop, plan.stretch), np.zeros(1, np.intp), 1.0
        watch.mark("detect")
        height, width = image.shape[:2]
        pixels = image if plan.pixels else None
        if not len(cutter.faces):
            return Analysis(width, height, (), scale, watch.seconds, pixels)
        for spec in [part.crop for part in (embedder, *attributes) if part]:
            cutter.cut(spec)
        watch.mark("align")
        embeddings: Embeddings | None = None
        if embedder and (plan.embeddings or self._derived(plan, profile, embeds=True)):
            embeddings = embedder.embed(cutter.cut(embedder.crop).pixels, ticket)
        watch.mark("embed")
        facts: dict[str, Sequence[object]] = {}
        for attribute in attributes:
            facts |= attribute.read(cutter.cut(attribute.crop), ticket)
        if derived := self._derived(plan, profile):
            known = Known(cutter.aligned, cutter.cut, embeddings and embeddings.norms)
            facts |= {name: DERIVED[name].tell(known) for name in derived}
        watch.mark("attributes")
        wanted = {name: values for name, values in facts.items() if name in plan.attributes}
        shown = cutter.cut(embedder.crop).pixels if embedder and plan.crops else None
        faces = _faces(cutter.faces, index, embeddings if plan.embeddings else None, wanted, shown)
        return Analysis(width, height, faces, scale, watch.seconds, pixels)

    def warm_up(self, profile: Profile) -> None:
        """Load the profile's networks and run each once on an empty picture.

        Raises:
            SettingsError: The embedder or an attribute needs landmarks, and the detector has none.
            EngineError: A network answers with numbers that are none.
        """
        ticket = Ticket()
        for rule in self._networks.canvases(profile):
            canvas = np.zeros((rule.height, rule.width, 3), np.uint8)
            self._networks.detector(profile, rule).detect(canvas, profile.threshold, profile.nms_threshold, ticket)
        if profile.embedder is not None:
            self._check_landmarks(profile, profile.embedder)
            embedder = self._networks.embedder(profile)
            side = embedder.crop.size
            embedder.embed(np.zeros((1, side, side, 3), np.uint8), ticket)
        for name in profile.attributes:
            attribute = self._networks.attribute(name, profile)
            if attribute.crop.kind == "template":
                self._check_landmarks(profile, name)
            side = attribute.crop.size
            attribute.read(Crops(np.zeros((1, side, side, 3), np.uint8), np.eye(2, 3)[np.newaxis]), ticket)

    def _find(self, image: Image, plan: Plan, profile: Profile, ticket: Ticket) -> tuple[_Cutter, Index, float]:
        """The faces asked for, the place of each among those found, and the canvas's scale."""
        found, scale = self._detect(image, profile, ticket)
        # A threshold near 0 lets thousands of faces through; unbounded, one small picture would fill the memory.
        found = take(found, slice(self._max_faces))
        if 0 < plan.max_faces < len(found):
            height, width = image.shape[:2]
            seen = clip(found, width, height) if plan.rank == "visible" else found
            by_area = np.argsort(-areas(seen), kind="stable")
            found = take(found, by_area[: plan.max_faces] if plan.rank != "score" else slice(plan.max_faces))
        index = np.flatnonzero(found.boxes[:, 2] - found.boxes[:, 0] >= plan.min_face_size)
        return _Cutter(image, take(found, index), scale), index, scale

    def _detect(self, image: Image, profile: Profile, ticket: Ticket) -> tuple[Detection, float]:
        """All faces in picture pixels by descending score, and the scale of the first canvas."""
        rules = self._networks.canvases(profile)
        scales, parts = [], []
        for rule in rules:
            canvas = lay_on_canvas(image, rule)
            # Boxes of several canvases are suppressed together.
            overlap = profile.nms_threshold if len(rules) == 1 else 1.0
            part = self._networks.detector(profile, rule).detect(canvas.pixels, profile.threshold, overlap, ticket)
            parts.append(rescale(part, canvas.scale))
            scales.append(canvas.scale)
        found = parts[0] if len(parts) == 1 else suppress(join(parts), profile.nms_threshold)
        return found, scales[0]

    def _embedder(self, plan: Plan, profile: Profile) -> Embedder | None:
        """The embedder where its vectors or its crops are wanted."""
        if plan.detect and not plan.embeddings and not plan.crops and not self._derived(plan, profile, embeds=True):
            return None
        if profile.embedder is None:
            raise RequestError(f"the profile {profile.name} has no embedder; ask without embeddings and crops.")
        if plan.detect:
            self._check_landmarks(profile, profile.embedder)
        return self._networks.embedder(profile)

    def _attributes(self, plan: Plan, profile: Profile) -> list[Attribute]:
        """The attribute networks that tell what the plan asks."""
        if not plan.attributes:
            return []
        tells = self._networks.tellers(profile)
        unknown = plan.attributes - tells.keys() - DERIVED.keys()
        if unknown:
            there = ", ".join(sorted({*tells, *DERIVED}))
            raise RequestError(f"no network here tells {', '.join(sorted(unknown))}; attributes available: {there}.")
        asked = {tells[fact] for fact in plan.attributes if fact in tells}
        attributes = {name: self._networks.attribute(name, profile) for name in profile.attributes if name in asked}
        for name, attribute in attributes.items():
            if plan.detect and attribute.crop.kind == "template":
                self._check_landmarks(profile, name)
        return list(attributes.values())

    def _derived(self, plan: Plan, profile: Profile, embeds: bool = False) -> list[str]:
        """Facts the plan asks that no network tells; ``embeds``: those alone for which faces are embedded."""
        asked = plan.attributes & DERIVED.keys()
        told = self._networks.tellers(profile) if asked else {}
        can_embed = profile.embedder is not None
        return [name for name in asked if name not in told and (not embeds or (can_embed and DERIVED[name].embeds))]

    def _check_landmarks(self, profile: Profile, aligned: str) -> None:
        """See to it that faces can be aligned for the network ``aligned``."""
        if not self._networks.detector(profile, self._networks.canvases(profile)[0]).has_landmarks:
            raise SettingsError(
                f"{profile.detector} finds no landmarks, and without them faces cannot be aligned for "
                f"{aligned}; choose another detector."
            )


class _Cutter:
    """Cuts each distinct crop of a picture's faces once.

    Args:
        image: The picture.
        faces: Its faces, in its pixels.
        scale: Of the canvas on which they were found.

    Attributes:
        faces: What is told of the faces.
        aligned: The same, with the landmarks that a crop has where nothing was detected.
    """

    def __init__(self, image: Image, faces: Detection, scale: float = 1.0) -> None:
        self.faces = faces
        self.aligned = faces
        self._image = image
        self._scale = scale
        self._cut: dict[CropSpec, Crops] = {}

    @classmethod
    def of_crop(cls, image: Image, spec: CropSpec, stretched: bool = False) -> Self:
        """A picture that already is the crop of one face, or that is made one by stretching it.

        Raises:
            WrongCropSize: It has another size, and is not to be stretched.
        """
        height, width = image.shape[:2]
        if not stretched and (width, height) != (spec.size, spec.size):
            raise WrongCropSize(f"an aligned crop must be {spec.size}x{spec.size} pixels, not {width}x{height}.")
        box = np.array([[0, 0, width, height]], np.float32)
        cutter = cls(image, Detection(box, np.ones(1, np.float32), None))
        cutter.aligned = rescale(face_in_crop(spec), (spec.size / width, spec.size / height))
        matrix = np.array([[[spec.size / width, 0, 0], [0, spec.size / height, 0]]])
        pixels = stretch(image, spec.size) if stretched else image
        cutter._cut[spec] = Crops(pixels[np.newaxis], matrix)
        return cutter

    def cut(self, spec: CropSpec) -> Crops:
        """The crops of all faces.

        Raises:
            RequestError: The crop needs landmarks, and a crop was sent of which they are not known.
        """
        if spec not in self._cut:
            if spec.kind == "template" and self.aligned.landmarks is None:
                raise RequestError("of a crop that was not aligned by landmarks, what needs them cannot be told.")
            self._cut[spec] = cut_crops(self._image, self.aligned, spec, self._scale)
        return self._cut[spec]


def _faces(
    found: Detection,
    index: Index,
    embeddings: Embeddings | None,
    facts: dict[str, Sequence[object]],
    crops: Image | None,
) -> tuple[Face, ...]:
    return tuple(
        Face(
            box=found.boxes[i],
            score=float(found.scores[i]),
            index=int(index[i]),
            landmarks=None if found.landmarks is None else found.landmarks[i],
            embedding=None if embeddings is None else embeddings.vectors[i],
            norm=None if embeddings is None else float(embeddings.norms[i]),
            attributes={name: values[i] for name, values in facts.items()},
            crop=None if crops is None else crops[i],
        )
        for i in range(len(found))
    )
