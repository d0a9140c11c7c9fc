"""The engine: networks, worker threads and the walk behind one small Python API."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np

from vultus.attributes import DERIVED
from vultus.embed import similarity
from vultus.errors import NoFaceFound, VultusError
from vultus.imaging.decode import Limits
from vultus.imaging.source import Source
from vultus.memory import without_frames
from vultus.networks import Networks
from vultus.profiles import default_profile
from vultus.runtime.choose import computes_elsewhere, open_runtime, worker_threads
from vultus.runtime.cores import available_cores
from vultus.runtime.network import Runtime
from vultus.runtime.ticket import Ticket
from vultus.runtime.workers import Workers
from vultus.settings import Settings, load_settings
from vultus.types import Analysis, CanvasRule, Face, FloatArray, Plan, Profile
from vultus.walk import Walk, WarmUp
from vultus.zoo.catalogue import Model, Task
from vultus.zoo.own import open_catalogue
from vultus.zoo.quantized import Quantized
from vultus.zoo.store import Store

WORKERS_PER_STREAM = 3
"""While one picture is computed others are decoded or aligned, and a stream that runs the same network again finds its
weights in the cache (``docs/performance.md``)."""


class FaceEngine:
    """Finds, aligns and embeds faces; safe to use from many threads. Use it in a ``with`` statement, or ``close`` it.

    Networks are loaded when they are first needed, or by ``prepare``.

    Args:
        settings: ``None``: from the environment.
        wrap: Puts something around the runtime before any network is loaded, to watch it.
        open_with: Opens the runtime.

    Attributes:
        settings: What it was made with.
        streams: How many runs of one network are computed at once on the processor's cores.
        workers: The threads all work is done on.
        catalogue: Which networks exist.
        runtime: The inference engine.
        default_profile: The profile that ``settings`` describe.

    Raises:
        VultusError: The settings name something that is not there: an engine, device, precision, pack or network.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        wrap: Callable[[Runtime], Runtime] = lambda runtime: runtime,
        open_with: Callable[[Settings, Workers, int], Runtime] = open_runtime,
    ) -> None:
        self.settings = settings or load_settings()
        self.streams = self.settings.streams or available_cores()
        self.workers = Workers(worker_threads(self.settings, WORKERS_PER_STREAM * self.streams))
        try:
            self.catalogue = open_catalogue(self.settings)
            self.runtime = wrap(open_with(self.settings, self.workers, self.streams))
        except BaseException:
            self.workers.close()
            raise
        try:
            self._networks = Networks(
                self.catalogue,
                Store.from_settings(self.settings),
                self.runtime,
                self.settings.license_policy,
                Quantized.from_settings(self.settings),
            )
            self.default_profile = default_profile(self.settings, self.catalogue)
            self._networks.check(self.default_profile)
            self._networks.check_precision(self.default_profile)
        except BaseException:
            self.close()
            raise
        self._walk = Walk(self._networks, Limits.from_settings(self.settings), self.settings.max_picture_faces)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish what is queued and end the threads; later work is refused with ``NotReady``."""
        self.workers.close()
        self.runtime.close()

    def model(self, name: str) -> Model:
        """The catalogue entry of a network, by name or alias."""
        return self.catalogue.model(name)

    def precision(self, name: str) -> str:
        """What a network is computed in, by name or alias; with int8 those without such a form are in f32."""
        return self._networks.precision(name)

    def path(self, model: Model) -> Path:
        """The verified file that a network is loaded from, fetched where needed.

        Raises:
            ModelError: It cannot be had.
        """
        return self._networks.path(model)

    def has(self, name: str, task: Task, *, fetch: bool = False) -> bool:
        """Whether a network can be used for ``task``: known, allowed, of a family run here, and its file is here.

        Args:
            name: Name or alias.
            task: What for.
            fetch: A file that is not here will do if there is somewhere to fetch it from.
        """
        return self._networks.has(name, task, fetch=fetch)

    def tellers(self, profile: Profile | None = None) -> dict[str, str]:
        """Of each fact that a profile's networks tell (by default, the default one's), the network that tells it."""
        return self._networks.tellers(profile or self.default_profile)

    def canvases(self, profile: Profile | None = None) -> list[CanvasRule]:
        """How pictures are laid on the inputs of a profile's detector (by default, the default one's): one or two."""
        return self._networks.canvases(profile or self.default_profile)

    def facts(self, profile: Profile | None = None) -> frozenset[str]:
        """Names of the facts that can be told with a profile's networks (by default, the default one's)."""
        return frozenset({*self.tellers(profile), *DERIVED})

    def prepare(self, *profiles: Profile) -> None:
        """Fetch and load every network of the profiles (by default, of the default one) and run each once.

        Raises:
            VultusError: A network cannot be had, loaded or run, or a profile's networks do not go together.
        """
        # An accelerator may take minutes for a shape it has not seen, a processor's core a third of a second.
        for step in self.warm_ups(*profiles, every_shape=computes_elsewhere(self.settings)):
            step.run()

    def warm_ups(self, *profiles: Profile, every_shape: bool) -> list[WarmUp]:
        """``prepare`` step by step: fetches the files, and returns what is then to be run, in this order.

        Args:
            profiles: None: the default one.
            every_shape: See ``Walk.warm_ups``.

        Raises:
            VultusError: A file cannot be had, or a profile names what is not there.
        """
        profiles = profiles or (self.default_profile,)
        for profile in profiles:
            self._networks.check(profile)
        self._networks.fetch(profiles)
        steps = [step for profile in profiles for step in self._walk.warm_ups(profile, every_shape=every_shape)]
        return [replace(step, run=partial(self._run, step.run)) for step in steps]

    def _run(self, job: Callable[[], None]) -> None:
        self.workers.submit(job).result()

    def submit(
        self, source: Source, plan: Plan | None = None, profile: Profile | None = None, ticket: Ticket | None = None
    ) -> Future[Analysis]:
        """Queue one picture; the future raises what ``analyze`` would."""
        ticket = ticket or Ticket()
        return self.workers.submit_for(
            ticket, self._walk.analyze, source, plan or Plan(), profile or self.default_profile, ticket
        )

    def analyze(self, source: Source, plan: Plan | None = None, profile: Profile | None = None) -> Analysis:
        """Everything the plan asks about one picture; by default all faces with their embeddings.

        Args:
            source: RGB pixels uint8 ``(h, w, 3)``, an encoded picture, or the path of one.
            plan: What to compute.
            profile: How; ``None``: as the settings say.

        Raises:
            PictureError: The picture cannot be used.
            RequestError: The plan asks for what the profile's networks do not tell.
            EngineError, ModelError: The engine cannot do it.
        """
        return self.submit(source, plan, profile).result()

    def analyze_many(
        self, sources: Iterable[Source], plan: Plan | None = None, profile: Profile | None = None
    ) -> Iterator[Analysis | VultusError]:
        """``analyze`` over many pictures, side by side on all cores, in order and in bounded memory.

        Yields:
            For each picture what it showed, or the error it raised.
        """
        ticket = Ticket()
        pending: deque[Future[Analysis]] = deque()
        try:
            for source in sources:
                pending.append(self.submit(source, plan, profile, ticket))
                if len(pending) > 2 * self.workers.count:
                    yield _outcome(pending.popleft())
            while pending:
                yield _outcome(pending.popleft())
        finally:
            ticket.cancel()

    def detect(self, source: Source, profile: Profile | None = None) -> tuple[Face, ...]:
        """Faces of one picture: boxes, scores and landmarks only."""
        return self.analyze(source, Plan(embeddings=False), profile).faces

    def embed_crops(self, crops: Iterable[Source], profile: Profile | None = None) -> FloatArray:
        """Embeddings of aligned crops.

        Returns:
            float32 ``(n, d)``, each of unit length.

        Raises:
            WrongCropSize: A crop is not of the embedder's input size.
        """
        profile = profile or self.default_profile
        vectors = []
        for outcome in self.analyze_many(crops, Plan(detect=False), profile):
            if isinstance(outcome, VultusError):
                raise outcome
            vectors.append(outcome.faces[0].embedding)
        if vectors:
            return np.array(vectors, np.float32)
        size = (self.model(profile.embedder).embedding_size if profile.embedder else None) or 0
        return np.empty((0, size), np.float32)

    def compare(self, first: Source, second: Source, profile: Profile | None = None) -> float:
        """Cosine similarity, -1 to 1, of the largest faces of two pictures.

        Raises:
            NoFaceFound: One of them shows no face.
        """
        vectors = []
        for which, outcome in zip(
            ("first", "second"), self.analyze_many((first, second), Plan(max_faces=1), profile), strict=True
        ):
            if isinstance(outcome, VultusError):
                raise outcome
            if not outcome.faces:
                raise NoFaceFound(f"the {which} picture shows no face.")
            vectors.append(np.asarray(outcome.faces[0].embedding))
        return similarity(*vectors)


def _outcome(future: Future[Analysis]) -> Analysis | VultusError:
    try:
        return future.result()
    except VultusError as error:
        return without_frames(error)
