"""The demonstration reads in the daemon's log why a build does not go on."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contrib.demo import play, stage, waiting
from mailbot import journal
from mailbot.journal import writing

NEXT_TRY = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    yield
    journal.configure()


def log_of(*lines: Callable[[], None]) -> str:
    """What the daemon itself writes for these events, in the format that the demonstration's daemon uses."""
    stream = io.StringIO()
    writing.configure(stream=stream)
    for line in lines:
        line()
    return stream.getvalue()


def progress(what: str) -> Callable[[], None]:
    return lambda: journal.machine_progress(1, action="build", machine="alice-vm", waiting_for=what, site="lyon")


def postponed(why: str) -> Callable[[], None]:
    return lambda: journal.machine_postponed(1, action="build", machine="", retry_at=NEXT_TRY, why=why)


def test_an_empty_log_waits_for_nothing() -> None:
    assert waiting.read("") == waiting.Waiting("", ())


@pytest.mark.parametrize("what", ["boot", "its first address", 'a "quoted" word = this'])
def test_what_is_waited_for_is_read_whole_and_without_the_fields_after_it(what: str) -> None:
    assert waiting.read(log_of(progress("something"), progress(what))).last == what


def test_one_postponement_shows_its_reason_and_is_no_cause_to_give_up() -> None:
    now = waiting.read(log_of(progress("boot"), postponed("the pool is full")))
    assert "the pool is full" in now.last
    assert not now.hopeless


def test_progress_after_a_postponement_is_what_is_shown() -> None:
    assert waiting.read(log_of(postponed("the pool is full"), progress("boot"))).last == "boot"


def test_a_demonstration_gives_up_at_the_second_postponement_with_both_reasons(tmp_path: Path) -> None:
    there = stage.Stage(tmp_path, 1, 1)
    there.log.write_text(log_of(postponed("no [bold] network"), postponed("the pool is full")))

    class Nobody(play.Person):
        def next_letter(self) -> None:
            return None

    with pytest.raises(stage.StageProblem, match=r"(?s)no \[bold\] network.*the pool is full"):
        play._await_boot(there, Nobody(there, "alice"))
