"""Dates in words: 31 March 2027, March 31st, end of March, fin de l'année, mid-June, tomorrow."""

from __future__ import annotations

from dataclasses import replace

from parsers.dates import words
from parsers.dates.found import (
    Found,
    Period,
    add_period,
    given_day,
    joined,
    month_end,
    next_day,
    next_month_end,
    whole_month,
)
from parsers.dates.numeric import (
    SEPARATORS,
    SOFT,
    TO_YEAR,
    YEARS_NAMED_SHORTLY,
    end_of_month_in_digits,
    is_time,
    year_at,
)
from parsers.dates.periods import counted
from parsers.dates.tokens import Tokens
from parsers.translatable import NOTHING, say

_JOINTS = words.OF | words.ARTICLES | SOFT | {"'"}
_TO_MONTH = words.OF | SOFT | {"the", "month", "mois", "day", "jour", "'"}
# What may stand right before a month without a day; "the first week of March 2027" names no day.
_BEFORE_A_MONTH = (
    words.OF
    | words.ARTICLES
    | words.START_WORDS
    | {"", "until", "till", "to", "by", "en", "au", "a", "month", "mois", ":", ",", ".", "'", "-"}
)


def day_first(tokens: Tokens, at: int) -> Found | None:
    """31 March 2027, 31st of March, 1er avril 2027, 31-Mar-27, 31 mars, the tenth of March."""
    day, where = counted(tokens, at)
    if day is None:
        day, where = words.DAY_WORDS.get(tokens.at(at)), at + 1
    if day is None or day > 99 or tokens.at(at) in {"a", "an"}:
        return None
    where = tokens.skip(where, words.ORDINALS)
    where = tokens.skip(where, _TO_MONTH)
    month = words.MONTHS.get(tokens.at(where))
    if month is None:
        return None
    year = year_at(tokens, where + 1)
    if year is None:
        return next_day((at, where + 1), month, day, tokens.setting.today)
    return given_day((at, year[1]), year[0], month, day, assumed=year[2])


def month_first(tokens: Tokens, at: int) -> Found | None:
    """March 31, 2027; Mar 31st; March 2027; 2027 March 31; "March 27" can be a day or a year."""
    leading = tokens.number(at, (4,))
    where = tokens.skip(at + 1, SOFT) if leading is not None else at
    month = words.MONTHS.get(tokens.at(where))
    if month is None:
        return None
    day_at = tokens.skip(where + 1, SOFT | {"the"})
    day = tokens.number(day_at)
    if day is None or is_time(tokens, day_at) or tokens.at(day_at + 1) in words.UNITS:
        return _month_alone(tokens, at, where, leading)
    end = tokens.skip(day_at + 1, words.ORDINALS)
    if tokens.at(where) == "mar" and tokens.at(end) in words.MONTHS:
        return None  # "mar. 30 mars": the French Tuesday
    year = (leading, end, NOTHING) if leading is not None else year_at(tokens, end)
    if year is not None:
        return given_day((at, year[1]), year[0], month, day, assumed=year[2])
    found = next_day((at, end), month, day, tokens.setting.today)
    if end == day_at + 1 and 0 <= 2000 + day - tokens.setting.today.year <= YEARS_NAMED_SHORTLY:
        return replace(
            found, days=(*found.days, *month_end((at, end), 2000 + day, month).days), assumed=NOTHING, problem=NOTHING
        )
    return found


def _month_alone(tokens: Tokens, at: int, where: int, leading: int | None) -> Found | None:
    """March 2027 is that month's last day; a month without a year is no date here ("may" is a verb)."""
    year = (leading, where + 1, NOTHING) if leading is not None else year_at(tokens, where + 1)
    if year is None or (tokens.at(where) in {"may", "mar", "march"} and year[2]):
        return None
    if tokens.at(at - 1) not in _BEFORE_A_MONTH or tokens.at(at - 2) in words.PARTS_OF_A_MONTH:
        return Found(at, year[1], problem=say("it names no day of that month"))
    return whole_month((at, year[1]), year[0], words.MONTHS[tokens.at(where)], assumed=year[2])


def end_of(tokens: Tokens, at: int) -> Found | None:
    """End of March 2027, fin mars, end of 2027, end of the year, end of next month, end of Q1 2027, year end."""
    if tokens.at(at) in {"year", "annee"} and tokens.at(tokens.skip(at + 1, SOFT)) == "end":
        return _end_of_year(tokens, at, tokens.skip(at + 1, SOFT) + 1, 0)
    if tokens.at(at) not in words.END_WORDS:
        return None
    where = tokens.skip(at + 1, _JOINTS)
    shift = int(tokens.at(where) in words.NEXT_WORDS)
    where += shift
    named = _end_of_month(tokens, at, where) or _end_of_quarter(tokens, at, where)
    if named is not None:
        return named
    year = tokens.number(where, (4,))
    if year is not None and tokens.at(where + 1) not in SEPARATORS:
        return _if_nothing_more(tokens, month_end((at, where + 1), year, 12))
    return _end_of_unit(tokens, at, where, shift)


def _end_of_unit(tokens: Tokens, at: int, where: int, shift: int) -> Found | None:
    unit = tokens.at(where)
    after = int(tokens.at(where + 1) in words.NEXT_WORDS)
    shift = max(shift, after)
    if unit in {"year", "annee", "an"}:
        return _end_of_year(tokens, at, where + 1 + after, shift)
    if unit not in {"month", "mois"}:
        return None
    month = add_period(tokens.setting.today.replace(day=1), Period(months=shift))
    return month_end((at, where + 1 + after), month.year, month.month)


def _end_of_month(tokens: Tokens, at: int, where: int) -> Found | None:
    name_at = tokens.skip(where, frozenset({"month", "mois", "of", "de", "d", "'"}))
    month = words.MONTHS.get(tokens.at(name_at))
    if month is None:
        return end_of_month_in_digits(tokens, at, where)
    year = year_at(tokens, name_at + 1)
    if year is None:
        return next_month_end((at, name_at + 1), month, tokens.setting.today)
    return month_end((at, year[1]), year[0], month, assumed=year[2])


def _end_of_year(tokens: Tokens, at: int, end: int, shift: int) -> Found:
    year_place = tokens.skip(end, TO_YEAR)
    year = tokens.number(year_place, (4,))
    if year is not None and not shift:
        return _if_nothing_more(tokens, month_end((at, year_place + 1), year, 12))
    return _if_nothing_more(tokens, month_end((at, end), tokens.setting.today.year + shift, 12))


def _if_nothing_more(tokens: Tokens, found: Found) -> Found:
    """The end of a year, unless the next word says that another year is meant ("end of the 2027 season")."""
    following = tokens.at(found.end)
    if following.isalpha() and following not in words.AFTER_AN_END:
        return replace(found, days=(), problem=say('the word "{word}" leaves open which day is meant', word=following))
    return found


def _end_of_quarter(tokens: Tokens, at: int, where: int) -> Found | None:
    """End of Q1 2027, fin T2 2027."""
    quarter, year = tokens.number(where + 1, (1,)), year_at(tokens, where + 2)
    if tokens.at(where) not in {"q", "t"} or quarter not in {1, 2, 3, 4} or year is None:
        return None
    return month_end((at, year[1]), year[0], quarter * 3, assumed=year[2])


def middle_of(tokens: Tokens, at: int) -> Found | None:
    """Mid-June 2027, mi-juin: the 15th, and said so."""
    if tokens.at(at) not in words.MIDDLE_WORDS:
        return None
    where = tokens.skip(at + 1, _JOINTS)
    month = words.MONTHS.get(tokens.at(where))
    if month is None:
        return None
    year = year_at(tokens, where + 1)
    if year is None:
        found = next_day((at, where + 1), month, 15, tokens.setting.today)
    else:
        found = given_day((at, year[1]), year[0], month, 15, assumed=year[2])
    return replace(found, assumed=joined(found.assumed, say("the middle of a month is its 15th")))


def vague(tokens: Tokens, at: int) -> Found | None:
    """Early March 2027, début mars: names no day."""
    if tokens.at(at) not in words.VAGUE_WORDS:
        return None
    where = tokens.skip(at + 1, _JOINTS)
    if tokens.at(where) not in words.MONTHS:
        return None
    year = year_at(tokens, where + 1)
    if year is None and tokens.at(where) == "may":
        return None
    no_day = say('"{word}" with a month names no day', word=tokens.at(at))
    return Found(at, year[1] if year else where + 1, problem=no_day)


def today(tokens: Tokens, at: int) -> Found | None:
    """Today, tomorrow, aujourd'hui, demain."""
    if tokens.at(at) == "today":
        return Found(at, at + 1, (tokens.setting.today,))
    if tokens.items[at : at + 3] == ("aujourd", "'", "hui"):
        return Found(at, at + 3, (tokens.setting.today,))
    if tokens.at(at) in {"tomorrow", "demain"}:
        return Found(at, at + 1, (add_period(tokens.setting.today, Period(days=1)),))
    return None
