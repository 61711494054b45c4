"""Whether the clock can be believed: over a jump, a restart of the process, and a start of the machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mailbot.turns import clockwatch
from mailbot.turns.clockwatch import Watch

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Process:
    """Looks as the daemon does: with nothing but what is on record, written and read again each time."""

    def __init__(self) -> None:
        self.record: str | None = None
        self.doubted = False

    def look(self, now: datetime, hours: float, start: str = "first") -> str:
        watch = clockwatch.read(self.record)
        after, why = clockwatch.look(watch, start, now, hours * 3600, doubted=self.doubted)
        self.record, self.doubted = clockwatch.written(after), bool(why)
        return why


def test_the_clock_is_believed_while_it_goes_as_time_does() -> None:
    bot = Process()
    for hours in (0, 1, 24, 24 * 90):
        assert bot.look(START + hours * HOUR, hours) == ""


@pytest.mark.parametrize("days_off", [20, -20])
def test_a_clock_that_jumped_is_believed_when_it_is_back_or_has_gone_right_for_a_day(days_off: int) -> None:
    bot, off = Process(), timedelta(days=days_off)
    bot.look(START, 0)
    assert ("forward" if days_off > 0 else "back") in bot.look(START + off, 0.1)
    assert bot.look(START + 0.2 * HOUR, 0.2) == ""
    assert bot.look(START + off, 0.3)
    assert bot.look(START + off + 23 * HOUR, 23)
    assert bot.look(START + off + 25 * HOUR, 25) == ""


@pytest.mark.parametrize(
    ("days_later", "believed"), [(0.01, True), (6.9, True), (7.1, False), (40, False), (-0.03, True), (-0.1, False)]
)
def test_a_machine_may_have_been_off_for_a_week_but_not_backwards(days_later: float, believed: bool) -> None:
    bot = Process()
    bot.look(START, 500)
    assert (bot.look(START + timedelta(days=days_later), 0, "second") == "") is believed


def test_a_clock_that_was_wrong_at_the_start_is_believed_at_once_when_it_is_set_right() -> None:
    bot = Process()
    bot.look(START, 500)
    assert "back" in bot.look(datetime(2000, 1, 1, tzinfo=UTC), 0, "second")
    assert bot.look(START + 3 * HOUR, 0.1, "second") == ""
    assert bot.look(START + 4 * HOUR, 1.1, "second") == ""


def test_a_doubt_outlasts_a_start_of_the_machine() -> None:
    bot = Process()
    bot.look(START, 0)
    assert bot.look(START + 48 * HOUR, 0.1)
    assert bot.look(START + 48 * HOUR, 0, "second"), "it was doubted two days ahead, and still is"
    assert bot.look(START + 0.5 * HOUR, 0.1, "second") == ""


def test_a_right_clock_is_believed_at_once_after_a_start_with_a_wrong_one_that_was_watched() -> None:
    bot = Process()
    bot.look(START, 0)
    for hours in (0, 1, 2):
        assert bot.look(START + (29 * 24 + hours) * HOUR, hours, "wrong")
    assert bot.look(START + 3.1 * HOUR, 0, "later than it can be"), "two hours have passed, and one is forgiven"
    assert bot.look(START + 2.2 * HOUR, 0, "right") == ""
    assert clockwatch.read(bot.record).at_least is None


def test_a_record_of_an_earlier_version_is_read() -> None:
    assert clockwatch.read('{"believed": null, "starts": {}}') == Watch()


def test_what_is_doubted_is_not_what_later_looks_are_compared_with() -> None:
    bot = Process()
    bot.look(START, 0)
    bot.look(START + 480 * HOUR, 0.1)
    assert clockwatch.read(bot.record).believed == START


def test_two_daemons_on_two_machines_keep_a_reference_each() -> None:
    bot = Process()
    for hours in range(4):
        assert bot.look(START + hours * HOUR, hours, "one") == ""
        assert bot.look(START + hours * HOUR, 1000 + hours, "other") == ""
    assert bot.look(START + 52 * HOUR, 4, "one"), "two days ahead of its own machine"


def test_the_record_does_not_grow_with_every_start() -> None:
    bot = Process()
    for number in range(100):
        bot.look(START + number * HOUR, 0, f"start {number}")
    assert len(clockwatch.read(bot.record).starts) < 20


def test_looks_within_a_minute_change_nothing_on_record() -> None:
    bot = Process()
    bot.look(START, 0)
    before = bot.record
    bot.look(START + timedelta(seconds=30), 30 / 3600)
    assert bot.record == before


@pytest.mark.parametrize(
    ("minutes", "said"), [(60, ""), (61, "it jumped forward by 1 hour"), (-60, ""), (-61, "it jumped back by 1 hour")]
)
def test_a_clock_may_be_an_hour_wrong(minutes: int, said: str) -> None:
    bot = Process()
    bot.look(START, 0)
    assert bot.look(START + timedelta(minutes=minutes), 0) == said


@pytest.mark.parametrize(("hours", "said"), [(47, "47 hours"), (48, "2 days"), (71, "3 days")])
def test_how_far_a_clock_jumped_is_said_in_hours_up_to_two_days(hours: int, said: str) -> None:
    bot = Process()
    bot.look(START, 0)
    assert bot.look(START + hours * HOUR, 0) == f"it jumped forward by {said}"


@pytest.mark.parametrize(("after", "believed"), [(24.0, True), (23.9, False)])
def test_a_clock_that_is_doubted_is_believed_after_a_day_to_the_second(after: float, believed: bool) -> None:
    bot = Process()
    bot.look(START, 10)
    assert bot.look(START + 480 * HOUR, 10)
    assert (bot.look(START + (480 + after) * HOUR, 10 + after) == "") is believed


@pytest.mark.parametrize(("days", "believed"), [(7.0, True), (7.001, False)])
def test_a_machine_may_have_been_off_for_a_week_to_the_second(days: float, believed: bool) -> None:
    bot = Process()
    bot.look(START, 500)
    assert (bot.look(START + timedelta(days=days), 0, "second") == "") is believed


def test_the_believed_moment_is_recorded_once_a_minute() -> None:
    bot = Process()
    bot.look(START, 0)
    for seconds, recorded in ((59, 0), (60, 60), (119, 60), (120, 120)):
        bot.look(START + timedelta(seconds=seconds), seconds / 3600)
        assert clockwatch.read(bot.record).believed == START + timedelta(seconds=recorded)


def test_a_clock_that_goes_back_a_little_is_recorded_at_once() -> None:
    bot = Process()
    bot.look(START, 0)
    bot.look(START - timedelta(seconds=30), 0)
    assert clockwatch.read(bot.record).believed == START - timedelta(seconds=30)


def test_sixteen_starts_of_machines_are_remembered_the_newest_last() -> None:
    bot = Process()
    for number in range(20):
        bot.look(START, 0, str(number))
    assert list(clockwatch.read(bot.record).starts) == [str(number) for number in range(4, 20)]
    bot.look(START, 0, "4")
    assert list(clockwatch.read(bot.record).starts)[-1] == "4"


def test_what_is_on_record_comes_back_as_it_was() -> None:
    watch = Watch(START, {"a": clockwatch.Reference(START, 1.5), "b": clockwatch.Reference(START, 2, HOUR * 168, 9.5)})
    assert clockwatch.read(clockwatch.written(watch)) == watch
    assert clockwatch.read(clockwatch.written(Watch())) == Watch()


def test_an_empty_record_is_an_empty_watch() -> None:
    assert clockwatch.read(None) == Watch()
