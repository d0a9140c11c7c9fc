"""Where network files are: found in local folders and the cache, fetched when they are nowhere, always verified."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from filelock import BaseFileLock, FileLock, Timeout

from vultus.errors import HashMismatch, ModelUnavailable
from vultus.settings import Settings
from vultus.zoo.catalogue import Checksum, Model, Source
from vultus.zoo.download import SourceFailed, redact
from vultus.zoo.drive import DRIVE
from vultus.zoo.entry import entry
from vultus.zoo.progress import ProgressDisplay, show_progress
from vultus.zoo.sources import BrokenArchive, describe, extract, fetched

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Copy:
    """A file on this machine that should be a network's.

    Attributes:
        path: Where it is.
        found: Checksum of what it holds, by the algorithm that the catalogue has one of; an empty digest if it cannot
            be read.
        wanted: What the catalogue says.
    """

    path: Path
    found: Checksum
    wanted: Checksum

    @property
    def intact(self) -> bool:
        """Whether it is the network's file."""
        return self.found == self.wanted


class Store:
    """Files of networks. Safe to use from several threads and processes at once, and with a read-only cache.

    Args:
        cache: Folder that fetched files are kept in; made when something is fetched.
        model_path: Folders searched first. A file there may be called as in the catalogue, or after the network's
            name or an alias, also as ``onnx/<name>/<name>.onnx``.
        offline: Never fetch anything.
        progress: Shows how far a download is.
        drive: Address of Google Drive.
    """

    def __init__(
        self,
        cache: Path,
        model_path: Sequence[Path] = (),
        *,
        offline: bool = False,
        progress: ProgressDisplay = show_progress,
        drive: str = DRIVE,
    ) -> None:
        self.cache = cache
        self.model_path = tuple(model_path)
        self.offline = offline
        self._progress = progress
        self._drive = drive
        self._verdicts: dict[tuple[Path, Checksum], tuple[tuple[int, int], bool]] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The store that the settings describe."""
        return cls(settings.model_cache, settings.model_path, offline=settings.offline)

    def path(self, model: Model) -> Path:
        """A verified file of the network; see ``paths``."""
        return self.paths([model])[0]

    def paths(self, models: Sequence[Model]) -> list[Path]:
        """Verified files of the networks, in their order, fetched where needed: what holds several is fetched once.

        Raises:
            HashMismatch: A source gave, twice, another file than the catalogue describes.
            ModelUnavailable: No source could be reached, or nothing may be fetched; says why for each.
        """
        found = {model.name: path for model in models if (path := self.find(model))}
        missing = [model for model in models if model.name not in found]
        if missing:
            found |= self._fetch_all(missing)
        return [found[model.name] for model in models]

    def find(self, model: Model) -> Path | None:
        """A verified file of the network that is on this machine; a wrong one is passed over with a warning."""
        return next((path for path in self._places(model) if self._is_intact(path, model)), None)

    def copies(self, model: Model) -> list[Copy]:
        """Every file on this machine that should be the network's, hashed anew; none of one known by name only."""
        wanted = model.checksum
        return [_examine(path, wanted) for path in self._places(model) if wanted and path.is_file()]

    def present(self, model: Model) -> Path | None:
        """Where a file of the network's length is, unverified: quick, for lists; one of unknown length is verified."""
        if model.checksum is None:
            return None
        for path in self._places(model):
            state = _state(path)
            if state is not None and (state[0] == model.size or (model.size is None and self._is_intact(path, model))):
                return path
        return None

    def may_fetch(self, model: Model) -> bool:
        """Whether there is somewhere to fetch the network's file from, and a checksum to verify it by."""
        return bool(model.sources) and model.checksum is not None and not self.offline

    def _places(self, model: Model) -> list[Path]:
        called = (model.name, *model.aliases, *model.local_names)
        # The last as in the folder of InsightFace-REST, so that those who come from there keep their files.
        files = [model.file, *(f"{name}.onnx" for name in called), *(f"onnx/{name}/{name}.onnx" for name in called)]
        names = dict.fromkeys(files)
        return [folder / name for folder in self.model_path for name in names] + [self.cache / model.file]

    def _is_intact(self, path: Path, model: Model) -> bool:
        """Whether a file is the network's; hashed at first, then only if its length or time has changed."""
        state, wanted = _state(path), model.checksum
        if state is None or wanted is None:
            return False
        known = self._verdicts.get((path, wanted))
        if known is not None and known[0] == state:
            return known[1]
        copy = _examine(path, wanted)
        if not copy.intact:
            digest = copy.found.digest or "unreadable"
            log.warning("passing over %s: its %s is %s, not %s", path, wanted.algorithm, digest, wanted.digest)
        self._verdicts[path, wanted] = state, copy.intact
        return copy.intact

    def _fetch_all(self, missing: Sequence[Model]) -> dict[str, Path]:
        for model in missing:
            self._refuse_unverifiable(model)
        if self.offline:
            absent = "; ".join(self._not_here(model) for model in missing)
            raise ModelUnavailable(f"{absent}; and nothing is fetched, because the setting offline is on. {_ADVICE}")
        with self._locked():
            # Another process, or an archive fetched for another network, may have brought it by its turn.
            try:
                return {model.name: self.find(model) or self._fetch(model, missing) for model in missing}
            except OSError as error:  # sources that fail raise errors of their own
                names = ", ".join(model.name for model in missing)
                raise ModelUnavailable(
                    f"{names} could not be fetched, because a file could not be written on this machine: {error}. "
                    f"There has to be room in {self.cache} and in the folder for temporary files."
                ) from error

    def _fetch(self, model: Model, wanted: Sequence[Model]) -> Path:
        reasons = []
        for source in model.sources:
            try:
                self._fetch_from(source, model, wanted)
            except SourceFailed as failure:
                log.info("%s could not be had from %s: %s", model.name, describe(source), failure)
                reasons.append(f"{describe(source)}: {failure}")
            else:
                return self.cache / model.file
        tried = "; ".join(reasons) or "its catalogue entry names no sources"
        raise ModelUnavailable(f"{self._not_here(model)}, and no source gave it: {tried}. {_ADVICE}")

    def _fetch_from(self, source: Source, model: Model, wanted: Sequence[Model]) -> None:
        try:
            self._fetch_once(source, model, wanted)
        except (HashMismatch, BrokenArchive) as error:
            log.warning("%s; fetching it once more", error)
            self._fetch_once(source, model, wanted, again=True)

    def _fetch_once(self, source: Source, model: Model, wanted: Sequence[Model], *, again: bool = False) -> None:
        """Move the network's file into the cache, and those of other wanted networks that come with it."""
        label = redact(source.container).rpartition("/")[2]
        with (
            self._progress(label) as report,
            fetched(source, self.cache, report, again=again, drive=self._drive) as file,
        ):
            self._put(file, source.member, model)
            for other in wanted:
                for member in [own.member for own in other.sources if own.container == source.container]:
                    self._put_too(file, member, other)

    def _put_too(self, file: Path, member: str | None, model: Model) -> None:
        try:
            if member is not None and self.find(model) is None:
                self._put(file, member, model)
        except (HashMismatch, SourceFailed) as error:
            log.warning("%s", error)  # it has sources of its own, and its turn will come

    def _put(self, file: Path, member: str | None, model: Model) -> None:
        if member is None:
            self._accept(file, model)
            return
        copy = self.cache / f".{model.file}.tmp"
        try:
            extract(file, member, copy)
            self._accept(copy, model)
        finally:
            copy.unlink(missing_ok=True)

    def _accept(self, file: Path, model: Model) -> None:
        wanted = model.checksum
        assert wanted  # without one nothing is fetched
        found = digest_of(file, wanted.algorithm)
        if found != wanted.digest:
            raise HashMismatch(
                f"{model.file} as fetched has the {wanted.algorithm} {found}, but the catalogue says {wanted.digest}; "
                "nothing was kept. Either the source has changed or somebody on the way changes files."
            )
        target = self.cache / model.file
        file.replace(target)
        if (state := _state(target)) is not None:
            self._verdicts[target, wanted] = state, True

    def _refuse_unverifiable(self, model: Model) -> None:
        """Say of a network that is known by name only how to use a file of one's own."""
        if model.checksum is not None:
            return
        own = next((path for path in self._places(model) if path.is_file()), None)
        sha256 = digest_of(own, "sha256") if own else None
        raise ModelUnavailable(
            f"{model.name} is known by name only: the hash of its file is published nowhere, so that no file can be "
            f"verified.{f' {model.note}' if model.note else ''} To use a file of your own, put it as {model.file} into "
            f"a folder that VULTUS_MODEL_PATH names, and this entry into a catalogue file that VULTUS_MODELS names:\n\n"
            f"{entry(model, sha256 or f'what `sha256sum {model.file}` says')}"
        )

    def _not_here(self, model: Model) -> str:
        searched = [*map(str, self.model_path), f"the cache {self.cache}"]
        wrong = [str(path) for path in self._places(model) if path.is_file()]
        note = f" ({', '.join(wrong)} is another file)" if wrong else ""
        return f"{model.name} is not in {' or '.join(searched)}{note}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process fetches at a time, so that each file is fetched once; ends with the process, however it ends."""
        lock = self._acquire()
        try:
            yield
        finally:
            lock.release()

    def _acquire(self) -> BaseFileLock:
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.cache / ".lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                log.info("waiting for another process that fetches networks into %s", self.cache)
                lock.acquire()
        except OSError as error:
            raise ModelUnavailable(
                f"nothing can be fetched into the cache {self.cache}: {error}. Set VULTUS_MODEL_CACHE to a folder "
                "that can be written, or put the files into a folder that VULTUS_MODEL_PATH names."
            ) from error
        return lock


_ADVICE = (
    "Put the file into a folder that VULTUS_MODEL_PATH names, or see to it that a source can be reached (the package "
    "index as pip is set up, the proxy) and run `vultus models pull`; `vultus models info NAME` lists the sources."
)


def _examine(path: Path, wanted: Checksum) -> Copy:
    try:
        found = Checksum(wanted.algorithm, digest_of(path, wanted.algorithm))
    except OSError:
        found = Checksum(wanted.algorithm, "")
    return Copy(path, found, wanted)


def digest_of(path: Path, algorithm: str) -> str:
    """Checksum of a file in hexadecimal digits, by an algorithm of ``hashlib``; the file is read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _state(path: Path) -> tuple[int, int] | None:
    """Length and time of change, by which a file is known again."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
