"""The walk: decode -> detect -> align -> embed + attributes. One picture goes straight down on one worker thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import partial

import numpy as np

from vultus.attributes import DERIVED, Attribute, Known
from vultus.cutter import Cutter
from vultus.detect.detector import Index, areas, clip, join, rescale, suppress, take
from vultus.embed import Embedder, Embeddings
from vultus.errors import RequestError, SettingsError
from vultus.imaging.align import Crops
from vultus.imaging.canvas import lay_on_canvas, sizes
from vultus.imaging.decode import Limits
from vultus.imaging.jpeg import Decoded
from vultus.imaging.source import Source, read_picture
from vultus.networks import Networks
from vultus.runtime.ticket import Ticket
from vultus.stopwatch import Stopwatch
from vultus.types import Analysis, CropSpec, Detection, Face, Image, Plan, Profile


@dataclass(frozen=True, slots=True)
class WarmUp:
    """A network that is to be loaded and run once, on empty pixels.

    Attributes:
        network: Its catalogue name.
        width, height: Of its input, or of the canvas that a family of several networks shares.
        run: Does it. Raises ``VultusError``: it cannot be had, loaded or run, or does not go with the others.
    """

    network: str
    width: int
    height: int
    run: Callable[[], None]


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
        derived = self._derived(plan, profile)
        wants_norms = profile.embedder is not None and any(DERIVED[name].embeds for name in derived)
        embedder = self._embedder(plan, profile) if wants_norms or _wants_crops(plan) else None
        attributes = self._attributes(plan, profile)
        watch = Stopwatch()
        specs = [part.crop for part in (embedder, *attributes) if part]
        picture = read_picture(source, self._limits, self._least(plan, profile))
        ticket.check()
        watch.mark("decode")
        if plan.detect:
            found, index, scale = self._find(picture, plan, profile, ticket)
            cutter = Cutter(picture, found, scale, smooth=profile.smooth_crops)
            specs += _seen_by(derived, found)
            if not cutter.suffices(specs):
                watch.mark("detect")
                cutter = Cutter(read_picture(source, self._limits), found, scale, smooth=profile.smooth_crops)
                watch.mark("decode")
        else:
            assert embedder  # there is one, or an error, wherever crops are wanted
            cutter = Cutter.of_crop(picture.pixels, embedder.crop, plan.stretch)
            index, scale = np.zeros(1, np.intp), 1.0
        watch.mark("detect")
        width, height = picture.width, picture.height
        pixels = picture.pixels if plan.pixels else None
        if not len(cutter.faces):
            return Analysis(width, height, (), scale, watch.seconds, pixels, watch.began)
        for spec in specs:
            cutter.cut(spec)
        watch.mark("align")
        embeddings: Embeddings | None = None
        if embedder and (plan.embeddings or wants_norms):
            embeddings = embedder.embed(cutter.cut(embedder.crop).pixels, ticket)
        watch.mark("embed")
        facts: dict[str, Sequence[object]] = {}
        for attribute in attributes:
            facts |= attribute.read(cutter.cut(attribute.crop), ticket)
        if derived:
            known = Known(cutter.aligned, cutter.cut, embeddings and embeddings.norms)
            facts |= {name: DERIVED[name].tell(known) for name in derived}
        watch.mark("attributes")
        wanted = {name: values for name, values in facts.items() if name in plan.attributes}
        shown = cutter.cut(embedder.crop).pixels if embedder and plan.crops else None
        faces = _faces(cutter.faces, index, embeddings if plan.embeddings else None, wanted, shown)
        return Analysis(width, height, faces, scale, watch.seconds, pixels, watch.began)

    def warm_ups(self, profile: Profile, *, every_shape: bool) -> list[WarmUp]:
        """What is to be done, in this order, before the profile's networks answer at once.

        Args:
            profile: Whose.
            every_shape: For each canvas that a picture may be laid on; else for the largest alone: the others are
                loaded when the first picture comes that wants one.
        """
        found: list[WarmUp] = []
        for rule in self._networks.canvases(profile):
            for size in sizes(rule) if every_shape else [(rule.width, rule.height)]:
                found.append(WarmUp(profile.detector, *size, partial(self._warm_detector, profile, size)))
        if profile.embedder is not None:
            own = self._networks.model(profile.embedder, "embedding").input
            found.append(WarmUp(profile.embedder, own.width, own.height, partial(self._warm_embedder, profile)))
        for name in profile.attributes:
            own = self._networks.model(name, "attributes").input
            found.append(WarmUp(name, own.width, own.height, partial(self._warm_attribute, name, profile)))
        return found

    def _warm_detector(self, profile: Profile, size: tuple[int, int]) -> None:
        canvas = np.zeros((size[1], size[0], 3), np.uint8)
        detector = self._networks.detector(profile, size)
        detector.detect(canvas, profile.threshold, profile.nms_threshold, Ticket(is_hurried=False))

    def _warm_embedder(self, profile: Profile) -> None:
        self._check_landmarks(profile, profile.embedder or "")
        embedder = self._networks.embedder(profile)
        side = embedder.crop.size
        embedder.embed(np.zeros((1, side, side, 3), np.uint8), Ticket(is_hurried=False))

    def _warm_attribute(self, name: str, profile: Profile) -> None:
        attribute = self._networks.attribute(name, profile)
        if attribute.crop.kind == "template":
            self._check_landmarks(profile, name)
        side = attribute.crop.size
        crop = Crops(np.zeros((1, side, side, 3), np.uint8), np.eye(2, 3)[np.newaxis])
        attribute.read(crop, Ticket(is_hurried=False))

    def _least(self, plan: Plan, profile: Profile) -> int:
        """Length of a picture's longer side that is enough to begin with; 0: all of it.

        Twice that of the canvas, so that it is still made smaller, as the whole picture would be.
        """
        if not profile.scaled_decode or plan.pixels or not plan.detect:
            return 0
        return 2 * max(max(rule.width, rule.height) for rule in self._networks.canvases(profile))

    def _find(self, picture: Decoded, plan: Plan, profile: Profile, ticket: Ticket) -> tuple[Detection, Index, float]:
        """The faces asked for, the place of each among those found, and the canvas's scale."""
        found, scale = self._detect(picture.pixels, profile, ticket)
        height, width = picture.pixels.shape[:2]
        if (width, height) != (picture.width, picture.height):
            part = width / picture.width, height / picture.height
            found, scale = rescale(found, part), scale * part[0]
        # A threshold near 0 lets thousands of faces through; unbounded, one small picture would fill the memory.
        found = take(found, slice(self._max_faces))
        if 0 < plan.max_faces < len(found):
            seen = clip(found, picture.width, picture.height) if plan.rank == "visible" else found
            by_area = np.argsort(-areas(seen), kind="stable")
            found = take(found, by_area[: plan.max_faces] if plan.rank != "score" else slice(plan.max_faces))
        index = np.flatnonzero(found.boxes[:, 2] - found.boxes[:, 0] >= plan.min_face_size)
        return take(found, index), index, scale

    def _detect(self, image: Image, profile: Profile, ticket: Ticket) -> tuple[Detection, float]:
        """All faces in picture pixels by descending score, and the scale of the first canvas."""
        rules = self._networks.canvases(profile)
        scales, parts = [], []
        for rule in rules:
            canvas = lay_on_canvas(image, rule)
            # Boxes of several canvases are suppressed together.
            overlap = profile.nms_threshold if len(rules) == 1 else 1.0
            height, width = canvas.pixels.shape[:2]
            detector = self._networks.detector(profile, (width, height))
            part = detector.detect(canvas.pixels, profile.threshold, overlap, ticket)
            parts.append(rescale(part, canvas.scale))
            scales.append(canvas.scale)
        found = parts[0] if len(parts) == 1 else suppress(join(parts), profile.nms_threshold)
        return found, scales[0]

    def _embedder(self, plan: Plan, profile: Profile) -> Embedder:
        """The embedder, whose vectors or crops are wanted."""
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

    def _derived(self, plan: Plan, profile: Profile) -> Set[str]:
        """Facts the plan asks that follow from others, for no network tells them."""
        asked = plan.attributes & DERIVED.keys()
        return asked - self._networks.tellers(profile).keys() if asked else asked

    def _check_landmarks(self, profile: Profile, aligned: str) -> None:
        """See to it that faces can be aligned for the network ``aligned``."""
        canvas = self._networks.canvases(profile)[0]
        if not self._networks.detector(profile, (canvas.width, canvas.height)).has_landmarks:
            raise SettingsError(
                f"{profile.detector} finds no landmarks, and without them faces cannot be aligned for "
                f"{aligned}; choose another detector."
            )


def _seen_by(derived: Set[str], faces: Detection) -> list[CropSpec]:
    """Crops that derived facts are told from; none without landmarks, for then nothing is aligned."""
    crops = [DERIVED[name].crop for name in derived] if faces.landmarks is not None else []
    return [crop for crop in crops if crop]


def _wants_crops(plan: Plan) -> bool:
    """Whether the embedder's crops are wanted, if only for its vectors, or to know what a picture that is one shows."""
    return plan.embeddings or plan.crops or not plan.detect


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
