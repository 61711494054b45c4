"""What the date grammar finds, and the arithmetic of calendar days behind it."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace
from datetime import MAXYEAR, date, timedelta

from parsers.translatable import NOTHING, Translatable, as_one, say


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time: calendar months, then days."""

    months: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """One date or period in the tokens `start:end`.

    `days` holds one date, or every reading of an ambiguous one with the likelier first; `problem` says
    why it is none; `assumed` what had to be supplied.  `explicit` is true where the year was written,
    `whole_month` where no day was.
    """

    start: int
    end: int
    days: tuple[date, ...] = ()
    period: Period | None = None
    problem: Translatable = NOTHING
    assumed: Translatable = NOTHING
    explicit: bool = False
    whole_month: bool = False


Span = tuple[int, int]
LONGEST = Period(months=1200, days=36500)


def add_period(start: date, period: Period) -> date:
    """The same day of the month so many months later (the month's last day where it is shorter), plus days.

    31 January plus one month is 28 (29) February; a day beyond the year 9999 is 9999-12-31.
    """
    months = start.year * 12 + start.month - 1 + period.months
    year, month = divmod(months, 12)
    if not 1 <= year <= MAXYEAR:
        return date.max
    day = date(year, month + 1, min(start.day, month_length(year, month + 1)))
    try:
        return day + timedelta(days=period.days)
    except OverflowError:
        return date.max


def month_length(year: int, month: int) -> int:
    """The number of days of a month."""
    return calendar.monthrange(year, month)[1]


_MONTHS = (
    *(say("January"), say("February"), say("March"), say("April"), say("May"), say("June"), say("July")),
    *(say("August"), say("September"), say("October"), say("November"), say("December")),
)


def month_name(month: int) -> Translatable:
    """The name of a month, for sentences."""
    return _MONTHS[month - 1]


def joined(*remarks: Translatable) -> Translatable:
    """Several remarks as one, empty ones left out."""
    return as_one(*remarks, by="; ")


def given_day(span: Span, year: int, month: int, day: int, *, assumed: Translatable = NOTHING) -> Found:
    """A date from its numbers, or the reason why there is no such day."""
    if not 1 <= month <= 12:
        return Found(*span, problem=say("there is no month {month}", month=month), explicit=True)
    if year < 1:
        return Found(*span, problem=say("there is no year {year}", year=0), explicit=True)
    length = month_length(year, month)
    if not 1 <= day <= length:
        none = say("there is no {day} {month} {year}, that month has {length} days", day=day, month=month_name(month))
        return Found(*span, problem=none.given(year=year, length=length), explicit=True)
    return Found(*span, (date(year, month, day),), assumed=assumed, explicit=True)


def next_day(span: Span, month: int, day: int, today: date) -> Found:
    """The next time that this day comes, today included; 29 February waits for a leap year."""
    if not 1 <= day <= month_length(2024, month):
        return Found(*span, problem=say("there is no {day} {month}", day=day, month=month_name(month)))
    for year in range(today.year, min(today.year + 9, MAXYEAR + 1)):
        if day <= month_length(year, month) and date(year, month, day) >= today:
            return Found(*span, (date(year, month, day),), assumed=_next_year(year))
    return Found(*span, problem=say("no year is given for {day} {month}", day=day, month=month_name(month)))


def _next_year(year: int) -> Translatable:
    return say("no year was given: the next one, {year}", year=year)


def month_end(span: Span, year: int, month: int, *, assumed: Translatable = NOTHING) -> Found:
    """The last day of a month that was asked for as such ("end of March 2027")."""
    if not 1 <= year <= MAXYEAR:
        return Found(*span, problem=say("there is no year {year}", year=year))
    return given_day(span, year, month, month_length(year, month), assumed=assumed)


def whole_month(span: Span, year: int, month: int, *, assumed: Translatable = NOTHING) -> Found:
    """A month without a day ("March 2027"): its last day, and said so."""
    assumed = joined(assumed, say("no day was given: the last day of that month"))
    return replace(month_end(span, year, month, assumed=assumed), whole_month=True)


def next_month_end(span: Span, month: int, today: date) -> Found:
    """The end of a month without a year: the next one, the current month included."""
    year = today.year + (month < today.month)
    return replace(month_end(span, year, month, assumed=_next_year(year)), explicit=False)
