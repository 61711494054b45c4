"""Lengths of time: 18 months, 2 years, un an, 1 year and 6 months, 1.5 years, half a year."""

from __future__ import annotations

from parsers.dates import words
from parsers.dates.found import LONGEST, Found, Period
from parsers.dates.tokens import Tokens
from parsers.translatable import say

_AND = frozenset({"and", "et", ",", "&", "+"})
_BEFORE_A_UNIT = frozenset({"-", "more", "full", "other", "further", "additional"})
_HALVES = (("and", "a", "half"), ("et", "demi"), ("et", "demie"))


def period(tokens: Tokens, at: int) -> Found | None:
    """A count and a unit, up to three joined ones; the sum of their months and days."""
    total, where = Period(), at
    for _ in range(3):
        joint = where if where == at else tokens.skip(where, _AND)
        piece = _one(tokens, joint)
        if piece is None:
            break
        total = Period(total.months + piece[0].months, total.days + piece[0].days)
        where = piece[1]
    if where == at:
        return None
    if total.months > LONGEST.months or total.days > LONGEST.days:
        return Found(at, where, problem=say("that is longer than a century"))
    return Found(at, where, period=total)


def _one(tokens: Tokens, at: int) -> tuple[Period, int] | None:
    half = _with_half(tokens, at)
    if half is not None:
        return half
    count, where = counted(tokens, at)
    if count is None:
        return None
    tenths = tokens.number(where + 1, (1,)) if tokens.at(where) in {".", ","} else None
    where = tokens.skip(where + (0 if tenths is None else 2), _BEFORE_A_UNIT)
    unit = words.UNITS.get(tokens.at(where))
    if unit is None or tokens.items[at : where + 1] == ("a", "an"):
        return None
    if tenths is not None and (unit[1] or unit[0] * tenths % 10):
        return None
    months, days = unit[0] * count + unit[0] * (tenths or 0) // 10, unit[1] * count
    half_at = where + 1
    for phrase in _HALVES:
        if unit[0] > 1 and tokens.items[half_at : half_at + len(phrase)] == phrase:
            return Period(months + unit[0] // 2, days), half_at + len(phrase)
    return Period(months, days), where + 1


def _with_half(tokens: Tokens, at: int) -> tuple[Period, int] | None:
    """Half a year, one and a half years."""
    if tokens.at(at) == "half" and tokens.at(at + 1) in {"a", "-"} and tokens.at(at + 2) == "year":
        return Period(months=6), at + 3
    count = words.NUMBERS.get(tokens.at(at), tokens.number(at))
    unit = words.UNITS.get(tokens.at(at + 4), (0, 0))
    if count is not None and tokens.items[at + 1 : at + 4] == ("and", "a", "half") and unit[0] > 1:
        return Period(unit[0] * count + unit[0] // 2), at + 5
    return None


def counted(tokens: Tokens, at: int) -> tuple[int | None, int]:
    """A number in digits or words ("dix-huit", "twenty four", "vingt et un"), and the place after it."""
    token = tokens.at(at)
    if token[:1].isdigit():
        return tokens.number(at, (1, 2, 3, 4, 5, 6)), at + 1
    first = words.NUMBERS.get(token)
    if first is None:
        return None, at
    where = tokens.skip(at + 1, frozenset({"-", "et"}))
    second = words.NUMBERS.get(tokens.at(where), words.DAY_WORDS.get(tokens.at(where)))
    if first in {10, 20, 30, 60} and second is not None and second < 10 and tokens.at(where) not in {"a", "an"}:
        return first + second, where + 1
    return first, at + 1
