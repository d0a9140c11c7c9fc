"""How far an index is: estimates, and lines for those who do not watch."""

from __future__ import annotations

from collections import Counter

import pytest

from vultus.cli.index_progress import EVERY, IndexProgress
from vultus.cluster.bulk.sources import Archive, Picture, Survey
from vultus.cluster.bulk.stores import Place
from vultus.cluster.bulk.tally import Tally
from vultus.cluster.bulk.units import Shard

pytestmark = pytest.mark.unit


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def survey(pictures: int, *archives: int) -> Survey:
    made = Survey()
    listing = [Picture(str(number), Place("", "")) for number in range(pictures)]
    list(made.watch([*listing, *(Archive("t", Place("", ""), size) for size in archives)]))
    return made


def test_pictures_are_counted_beforehand_and_shared_out() -> None:
    with IndexProgress() as progress:
        progress.begin(survey(100), Shard(1, 4), Tally())
        assert progress.total == 25


def test_archives_are_guessed_by_those_that_were_read() -> None:
    with IndexProgress() as progress:
        progress.begin(survey(100, 1000, 3000), Shard(), Tally())
        guesses = [progress.total]
        for done in (Tally(archived=50, archive_bytes=1000), Tally(archived=30, archive_bytes=3000)):
            progress.tell(done)
            guesses.append(progress.total)
    assert guesses == [None, 100 + 200, 100 + 80]


def test_what_was_done_before_counts_for_the_guess() -> None:
    with IndexProgress() as progress:
        progress.begin(survey(0, 1000, 1000), Shard(), Tally(pictures=70, archived=70, archive_bytes=1000))
        assert progress.total == 140


def test_the_rate_is_that_of_this_run_after_its_first_picture(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with IndexProgress(clock) as progress:
        progress.begin(survey(1000), Shard(), Tally(pictures=400))
        assert progress.said == ""
        clock.now += 20  # networks are loaded
        progress.tell(Tally(pictures=1))
        clock.now += 10
        progress.tell(Tally(pictures=50))
        assert progress.said == "; 50 pictures in 10.0 s (5.0 pictures/s)"
        assert capsys.readouterr().err == ""
        clock.now += EVERY - 10
        progress.tell(Tally(pictures=100, errors=Counter(x=3)))
        # 551 of 1,000 are done, 150 of them in 30 seconds: 449 more take 89.8.
        assert "note: 551 of 1,000 pictures, 5.0 pictures/s, 0:01:30 left" in capsys.readouterr().err
        progress.tell(Tally(pictures=1))
        assert capsys.readouterr().err == ""


def test_without_a_guess_the_line_says_what_it_can(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with IndexProgress(clock) as progress:
        progress.begin(survey(0, 1000), Shard(), Tally())
        progress.tell(Tally(pictures=1))
        clock.now += EVERY
        progress.tell(Tally(pictures=60))
    assert "note: 61 pictures, 2.0 pictures/s\n" in capsys.readouterr().err
