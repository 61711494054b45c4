"""Dates in digits: ISO 8601, short forms in either order, a month with a year, and the time of day.

Every matcher here and in the sister modules takes the tokens and a place, and gives what begins there or None.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import MAXYEAR

from parsers.dates import words
from parsers.dates.found import Found, given_day, joined, month_end, next_day, whole_month
from parsers.dates.tokens import Tokens
from parsers.translatable import NOTHING, Translatable, say

SEPARATORS = frozenset("/.-")
SOFT = frozenset({",", ".", "-", "/"})
TO_YEAR = SOFT | words.OF | {"the"}
_TO_NAMED_YEAR = TO_YEAR | {"l", "la", "'"}
_NEXT_YEAR = {("next", "year"), ("following", "year"), ("annee", "prochaine"), ("an", "prochain")}
_THIS_YEAR = {("this", "year"), ("current", "year"), ("cette", "annee")}
_AFTER_AN_HOUR = frozenset({":", "h", "am", "pm", "heures", "heure", "o"})
# A two-digit year is one of these many years around today's; "10 GB" after a date is none.
_YEARS_BACK, _YEARS_AHEAD = 3, 30
# "March 27" and "06/27" may name a year that is no further than this: beyond it nobody asks for a VM.
YEARS_NAMED_SHORTLY = 3


def iso(tokens: Tokens, at: int) -> Found | None:
    """2027-03-31, 2027/3/31, 2027.03.31, 20270331, each also with a time after it (ISO 8601)."""
    packed = tokens.at(at)
    if tokens.number(at, (8,)) is not None and packed[:2] in {"19", "20", "21"}:
        return given_day((at, at + 1), int(packed[:4]), int(packed[4:6]), int(packed[6:]))
    year, month, day = tokens.number(at, (4,)), tokens.number(at + 2), tokens.number(at + 4)
    mark = tokens.at(at + 1)
    if year is None or month is None or day is None or mark not in SEPARATORS or tokens.at(at + 3) != mark:
        return None
    return given_day((at, at + 5), year, month, day)


def short(tokens: Tokens, at: int) -> Found | None:
    """31/03/2027, 31.3.27, 03-31-2027: every order that gives a day is a reading; with dots the day stands first where the site's does."""
    first, second, mark = tokens.number(at), tokens.number(at + 2), tokens.at(at + 1)
    if first is None or second is None or mark not in SEPARATORS:
        return None
    last = tokens.at(at + 4)
    if tokens.at(at + 3) != mark or not last.isdigit():
        return _short_without_year(tokens, at, (first, second)) if mark == "/" else None
    year = tokens.number(at + 4, (2, 4))
    if year is None:
        return Found(at, at + 5, problem=say('"{words}" is not a year', words=last[:20]), explicit=True)
    return _in_every_order(tokens, at, (first, second), year)


def _in_every_order(tokens: Tokens, at: int, numbers: tuple[int, int], last: int) -> Found:
    """The readings of three numbers, the site's order first; the year may lead in 27-03-31."""
    first, second = numbers
    two_digits = len(tokens.at(at + 4)) == 2
    year = 2000 + last if two_digits else last
    orders = [(year, second, first), (year, first, second)]
    if tokens.setting.order == "MDY":
        orders.reverse()
    if two_digits and tokens.at(at + 1) == "-" and len(tokens.at(at)) == 2:
        orders.append((2000 + first, second, last))
    if tokens.at(at + 1) == "." and tokens.setting.order == "DMY" and given_day((at, at + 5), year, second, first).days:
        orders = [(year, second, first)]  # nobody who writes the month first puts dots
    tries = [given_day((at, at + 5), *order) for order in orders]
    days = tuple(dict.fromkeys(day for one in tries for day in one.days))
    if not days:
        # 31/02/2027: of the orders, the one whose month exists tells what is wrong.
        return next((one for one, order in zip(tries, orders, strict=True) if order[1] <= 12), tries[0])
    if len(days) > 1:
        return Found(at, at + 5, days, explicit=True)
    return Found(
        at,
        at + 5,
        days,
        assumed=_said(tokens, two_digits=two_digits, flipped=not tries[0].days, year=days[0].year),
        explicit=True,
    )


def _said(tokens: Tokens, *, two_digits: bool, flipped: bool, year: int) -> Translatable:
    day_first = say("read with the day first, because no other order gives a date")
    month_first = say("read with the month first, because no other order gives a date")
    return joined(
        _read_as(year) if two_digits else NOTHING,
        (day_first if tokens.setting.order == "MDY" else month_first) if flipped else NOTHING,
    )


def _read_as(year: int) -> Translatable:
    return say("the year was read as {year}", year=year)


def _short_without_year(tokens: Tokens, at: int, numbers: tuple[int, int]) -> Found | None:
    """31/03: the next one; 06/27 can be a day or a month with its year."""
    orders = [numbers[::-1], numbers]
    if tokens.setting.order == "MDY":
        orders.reverse()
    tries = [next_day((at, at + 3), month, day, tokens.setting.today) for month, day in orders if 1 <= month <= 12]
    days = tuple(dict.fromkeys(day for one in tries for day in one.days))
    if len(tokens.at(at + 2)) == 2 and 0 <= 2000 + numbers[1] - tokens.setting.today.year <= YEARS_NAMED_SHORTLY:
        # 06/27 can be a day or June 2027
        days = tuple(dict.fromkeys((*days, *month_end((at, at + 3), 2000 + numbers[1], numbers[0]).days)))
    if not days:
        return tries[0] if tries else None
    return Found(at, at + 3, days, assumed=next((one.assumed for one in tries if one.days), NOTHING))


def month_and_year(tokens: Tokens, at: int) -> Found | None:
    """03/2027 and 2027-03: the last day of that month."""
    month, year = tokens.number(at), tokens.number(at + 2, (4,))
    if month is None or year is None:
        month, year = tokens.number(at + 2), tokens.number(at, (4,))
    if month is None or year is None or tokens.at(at + 1) not in SEPARATORS or not 1 <= month <= 12:
        return None
    if tokens.at(at + 3) in SEPARATORS and tokens.at(at + 4)[:1].isdigit():
        return None
    return whole_month((at, at + 3), year, month)


def end_of_month_in_digits(tokens: Tokens, at: int, where: int) -> Found | None:
    """The 03/2027 of "end of 03/2027"."""
    found = month_and_year(tokens, where)
    return (
        replace(month_end((at, found.end), found.days[0].year, found.days[0].month)) if found and found.days else None
    )


def year_at(tokens: Tokens, at: int) -> tuple[int, int, Translatable] | None:
    """A year after a day and a month: (year, next place, what was assumed)."""
    named = _named_year(tokens, tokens.skip(at, _TO_NAMED_YEAR))
    if named is not None:
        return named
    at = tokens.skip(at, TO_YEAR)
    abbreviated = tokens.at(at) == "'"
    at += abbreviated
    year = tokens.number(at, (4,))
    if year is not None and not abbreviated:
        return year, at + 1, NOTHING
    year = tokens.number(at, (2,))
    if year is None or is_time(tokens, at) or tokens.at(at + 1) in words.UNITS:
        return None
    ahead = 2000 + year - tokens.setting.today.year
    return (2000 + year, at + 1, _read_as(2000 + year)) if -_YEARS_BACK <= ahead <= _YEARS_AHEAD else None


def _named_year(tokens: Tokens, at: int) -> tuple[int, int, Translatable] | None:
    """Next year, this year, l'année prochaine, cette année."""
    beside = (tokens.at(at), tokens.at(at + 1))
    this_year = tokens.setting.today.year
    if beside in _NEXT_YEAR and this_year < MAXYEAR:
        return this_year + 1, at + 2, NOTHING
    if beside in _THIS_YEAR:
        return this_year, at + 2, NOTHING
    return None


def is_time(tokens: Tokens, at: int) -> bool:
    """Whether the number at that place is an hour."""
    return tokens.at(at + 1) in _AFTER_AN_HOUR


def time_of_day(tokens: Tokens, at: int) -> Found | None:
    """18:00, T12:00:00Z, 18h30, 6 pm: taken, and worth nothing, because an end date is the end of its day."""
    where = at + int(tokens.at(at) == "t")
    if where > at and tokens.number(where, (6,)) is not None:
        return Found(at, where + 1 + int(tokens.at(where + 1) == "z"))
    if tokens.number(where) is None:
        return None
    if tokens.at(where + 1) in {"am", "pm"}:
        return Found(at, where + 2)
    if tokens.at(where + 1) not in {":", "h"}:
        return None
    where += 2
    for _ in range(4):
        if tokens.number(where, (1, 2, 3, 6)) is None:
            break
        where += 1
        if tokens.at(where) not in {":", "."} or tokens.number(where + 1, (1, 2, 3, 6)) is None:
            break
        where += 1
    if tokens.at(where) == "+" and tokens.number(where + 1, (4,)) is not None:
        where += 2
    return Found(at, where + int(tokens.at(where) in {"z", "utc", "am", "pm"}))
