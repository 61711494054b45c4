"""Days of the site's calendar and moments in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from mailbot.timetable import end_of, last_weekly, latest_end, pause_after, today

PARIS = "Europe/Paris"


def test_a_day_ends_at_midnight_of_the_sites_zone() -> None:
    assert end_of(date(2027, 1, 31), PARIS) == datetime(2027, 1, 31, 23, 0, tzinfo=UTC)
    assert end_of(date(2027, 7, 31), PARIS) == datetime(2027, 7, 31, 22, 0, tzinfo=UTC)


def test_the_days_of_the_clock_change_have_23_and_25_hours() -> None:
    def hours(day: date) -> timedelta:
        return end_of(day, PARIS) - end_of(day - timedelta(days=1), PARIS)

    assert hours(date(2027, 3, 28)) == timedelta(hours=23)
    assert hours(date(2027, 10, 31)) == timedelta(hours=25)
    assert hours(date(2027, 6, 1)) == timedelta(hours=24)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2027, 1, 31, 22, 59, tzinfo=UTC), date(2027, 1, 31)),
        (datetime(2027, 1, 31, 23, 0, tzinfo=UTC), date(2027, 2, 1)),
        (datetime(2027, 7, 31, 22, 0, tzinfo=UTC), date(2027, 8, 1)),
    ],
)
def test_today_is_the_day_of_the_sites_zone(moment: datetime, day: date) -> None:
    assert today(moment, PARIS) == day


def test_the_latest_end_is_the_same_day_some_years_later() -> None:
    assert latest_end(datetime(2026, 11, 23, 9, tzinfo=UTC), PARIS, 2) == date(2028, 11, 23)


def test_two_years_after_a_leap_day_is_the_last_of_february() -> None:
    assert latest_end(datetime(2028, 2, 29, 9, tzinfo=UTC), PARIS, 2) == date(2030, 2, 28)
    assert latest_end(datetime(2028, 2, 29, 9, tzinfo=UTC), PARIS, 4) == date(2032, 2, 29)


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (datetime(2026, 11, 30, 7, 0, tzinfo=UTC), datetime(2026, 11, 30, 7, 0, tzinfo=UTC)),
        (datetime(2026, 11, 30, 6, 59, tzinfo=UTC), datetime(2026, 11, 23, 7, 0, tzinfo=UTC)),
        (datetime(2026, 12, 6, 23, 59, tzinfo=UTC), datetime(2026, 11, 30, 7, 0, tzinfo=UTC)),
        (datetime(2027, 3, 29, 6, 0, tzinfo=UTC), datetime(2027, 3, 29, 6, 0, tzinfo=UTC)),
        (datetime(2027, 10, 31, 12, 0, tzinfo=UTC), datetime(2027, 10, 25, 6, 0, tzinfo=UTC)),
    ],
)
def test_a_weekly_hour_stays_the_same_on_the_wall(now: datetime, last: datetime) -> None:
    assert last_weekly(now, "monday", 8, PARIS) == last


def test_pauses_double_up_to_the_longest_however_many_attempts_there_were() -> None:
    first, longest = timedelta(minutes=2), timedelta(hours=1)
    pauses = [pause_after(attempts, first, longest) for attempts in (1, 2, 3, 5, 6, 41, 100_000)]
    assert pauses == [first, 2 * first, 4 * first, 16 * first, longest, longest, longest]
