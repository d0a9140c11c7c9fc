"""Tells picture by picture what was found, as text or as JSON lines, and adds it all up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from vultus.cli.output import (
    EXIT_FAILED,
    error_console,
    error_record,
    json_name,
    print_error,
    print_json,
    print_line,
    print_table,
    printable,
)
from vultus.cli.pictures import Picture
from vultus.cli.progress import picture_bar
from vultus.errors import PictureError, VultusError, WrongCropSize
from vultus.types import Analysis, Face


@dataclass(frozen=True, slots=True)
class FaceView:
    """How a command shows a face.

    Attributes:
        record: A face as JSON shows it.
        columns: Headings of the table of faces, after the face's number.
        row: A face as a row of that table.
    """

    record: Callable[[Face], dict[str, object]]
    columns: Sequence[str]
    row: Callable[[Face], Sequence[str]]


class Report:
    """Writes results as they come, behind a progress bar where somebody is watching.

    Args:
        total: Number of pictures to come.
        view: How faces are shown.
        as_json: JSON lines instead of text.
    """

    def __init__(self, total: int, view: FaceView, *, as_json: bool) -> None:
        self._total = total
        self._view = view
        self._as_json = as_json
        self._pictures = self._faces = self._failed = 0
        self._began = time.monotonic()
        self._progress = picture_bar(shown=total > 1)
        self._task = self._progress.add_task("pictures", total=total)

    def __enter__(self) -> Self:
        return self

    def begin(self) -> None:
        """Start the clock and the bar: now the work begins; networks may have been fetched before."""
        self._began = time.monotonic()
        self._progress.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        if kind is None and self._total > 1:
            self._summarize()

    @property
    def exit_code(self) -> int:
        """0, or 1 where a picture failed."""
        return EXIT_FAILED if self._failed else 0

    def add(self, picture: Picture, answer: Analysis | VultusError) -> None:
        """Tell what a picture showed, or why it could not be used.

        Raises:
            VultusError: The error is not the picture's own: the others would fail the same way.
        """
        if isinstance(answer, VultusError):
            self.fail(picture, answer)
        else:
            self._faces += len(answer.faces)
            self._tell(picture.name, answer)
        self._pictures += 1
        self._progress.advance(self._task)

    def fail(self, picture: Picture, error: VultusError, *, shown: bool = False) -> None:
        """Tell that a picture could not be used.

        Args:
            picture: The picture.
            error: Why.
            shown: What it shows has been told already, so that the error goes to standard error in any case.

        Raises:
            VultusError: See ``add``.
        """
        if not isinstance(error, PictureError | WrongCropSize):
            raise error
        self._failed += 1
        if self._as_json and not shown:
            print_json({"path": json_name(picture.name), "error": error_record(error)})
        else:
            print_error(error, about=picture.name, as_json=self._as_json, console=self._progress.console)

    def _tell(self, name: str, analysis: Analysis) -> None:
        if self._as_json:
            faces = [self._view.record(face) for face in analysis.faces]
            print_json({"path": json_name(name), "width": analysis.width, "height": analysis.height, "faces": faces})
            return
        size = f"{analysis.width} x {analysis.height}"
        if self._total > 1:
            print_line(f"{_count(len(analysis.faces), 'face'):>9}  {size:>13}  {printable(name)}")
            return
        print_line(f"{printable(name)}: {size} pixels, {_count(len(analysis.faces), 'face')}")
        if analysis.faces:
            rows = [(str(number), *self._view.row(face)) for number, face in enumerate(analysis.faces, 1)]
            print_table(("face", *self._view.columns), rows)

    def _summarize(self) -> None:
        seconds = time.monotonic() - self._began
        parts = [_count(self._pictures, "picture"), _count(self._faces, "face")]
        if self._failed:
            parts.append(f"[bold red]{self._failed} failed[/]")
        rate = self._pictures / seconds if seconds else 0.0
        error_console().print(f"{', '.join(parts)} in {seconds:.1f} s ({rate:.1f} pictures/s)")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
