"""The hand-written grammar of dates in English and French: finds every date and period in a text.

`scan` walks once over the tokens; at each place the matchers are tried in a fixed order and the first
that fits takes its tokens.  A matcher looks at a bounded number of tokens, so the time is linear.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import MAXYEAR, date, timedelta

from parsers import date_words as words


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time: calendar months, then days."""

    months: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """One date or period in the tokens `start:end`.

    `days` holds one date, or every reading of an ambiguous one with the likelier first; `problem` says
    why it is none; `assumed` what had to be supplied.  `explicit` is true where the year was written.
    """

    start: int
    end: int
    days: tuple[date, ...] = ()
    period: Period | None = None
    problem: str = ""
    assumed: str = ""
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """What the grammar must know: the day that is today at the site, and the site's order of short dates."""

    today: date
    order: str = "DMY"


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


def month_name(month: int) -> str:
    """The English name of a month, for sentences."""
    return words.MONTH_NAMES["en"][month - 1]


class Tokens:
    """A list of tokens that answers None beyond its end."""

    __slots__ = ("items",)

    def __init__(self, items: list[str]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def at(self, index: int) -> str:
        """The token, or an empty string outside the text."""
        return self.items[index] if 0 <= index < len(self.items) else ""

    def number(self, index: int, digits: tuple[int, ...] = (1, 2)) -> int | None:
        """The number at that place, where it has one of these counts of digits."""
        token = self.at(index)
        return int(token) if token[:1].isdigit() and len(token) in digits else None

    def skip(self, index: int, skippable: frozenset[str]) -> int:
        """The first place from `index` on that holds none of these tokens; at most four are passed over."""
        for _ in range(4):
            if self.at(index) not in skippable or index >= len(self.items):
                break
            index += 1
        return index


_SEPARATORS = frozenset("/.-")
_SOFT = frozenset({",", ".", "-", "/"})
_TO_YEAR = _SOFT | words.OF | {"the"}
_JOINTS = words.OF | words.ARTICLES | _SOFT | {"'"}


def scan(tokens: Tokens, setting: Setting) -> tuple[list[Found], list[int]]:
    """Every date and period in order, and the indices of the tokens that belong to none."""
    found: list[Found] = []
    left: list[int] = []
    at = 0
    while at < len(tokens):
        hit = next((hit for matcher in _MATCHERS if (hit := matcher(tokens, at, setting))), None)
        if hit is None:
            left.append(at)
            at += 1
            continue
        found.append(hit)
        at = hit.end
    return found, left


# --- building dates ----------------------------------------------------------------------------------------


def _day(start: int, end: int, year: int, month: int, day: int, assumed: str = "") -> Found:
    """A date from its numbers, or the reason why there is no such day."""
    written = f"{day} {month_name(month)} {year}" if 1 <= month <= 12 else f"month {month}"
    if not 1 <= month <= 12:
        return Found(start, end, problem=f"there is no {written}", explicit=True)
    if year < 1:
        return Found(start, end, problem=f"there is no year {year}", explicit=True)
    if not 1 <= day <= month_length(year, month):
        length = month_length(year, month)
        return Found(
            start,
            end,
            problem=f"there is no {written}: {month_name(month)} {year} has {length} days",
            explicit=True,
        )
    return Found(start, end, (date(year, month, day),), assumed=assumed, explicit=True)


def _next_day(start: int, end: int, month: int, day: int, setting: Setting) -> Found:
    """The next time that this day comes, today included; 29 February waits for a leap year."""
    if day < 1 or day > month_length(2024, month):
        return Found(start, end, problem=f"there is no {day} {month_name(month)}")
    for year in range(setting.today.year, min(setting.today.year + 9, MAXYEAR + 1)):
        if day <= month_length(year, month) and date(year, month, day) >= setting.today:
            return Found(start, end, (date(year, month, day),), assumed=f"no year was given: the next one, {year}")
    return Found(start, end, problem=f"no year is given for {day} {month_name(month)}")


def _month_end(start: int, end: int, year: int, month: int, assumed: str = "") -> Found:
    if year < 1:
        return Found(start, end, problem=f"there is no year {year}")
    return _day(start, end, year, month, month_length(year, month), assumed)


def _next_month_end(start: int, end: int, month: int, setting: Setting) -> Found:
    year = setting.today.year + (month < setting.today.month)
    if year > MAXYEAR:
        return Found(start, end, problem=f"no year is given for {month_name(month)}")
    return replace(_month_end(start, end, year, month, f"no year was given: the next one, {year}"), explicit=False)


# --- years -------------------------------------------------------------------------------------------------


def _year_at(tokens: Tokens, at: int) -> tuple[int, int, str] | None:
    """A year after a day and a month: (year, next index, what was assumed)."""
    at = tokens.skip(at, _TO_YEAR)
    short = tokens.at(at) == "'"
    at += short
    year = tokens.number(at, (4,))
    if year is not None and not short:
        return year, at + 1, ""
    year = tokens.number(at, (2,))
    if year is None or _is_time(tokens, at) or (not short and tokens.at(at + 1) in words.UNITS):
        return None
    return 2000 + year, at + 1, f"the year {year:02d} was read as {2000 + year}"


def _is_time(tokens: Tokens, at: int) -> bool:
    return tokens.at(at + 1) in {":", "h", "am", "pm", "heures", "heure", "o"}


# --- matchers: each gives a Found that starts at `at`, or None -----------------------------------------------


def _iso(tokens: Tokens, at: int, setting: Setting) -> Found | None:
    """2027-03-31, 2027/3/31, 2027.03.31, 20270331, each also with a time after it (ISO 8601)."""
    packed = tokens.at(at)
    if len(packed) == 8 and packed.isdigit() and packed[:2] in {"19", "20", "21"}:
        return _day(at, at + 1, int(packed[:4]), int(packed[4:6]), int(packed[6:]))
    year, month, day = tokens.number(at, (4,)), tokens.number(at + 2), tokens.number(at + 4)
    mark = tokens.at(at + 1)
    if year is None or month is None or day is None or mark not in _SEPARATORS or tokens.at(at + 3) != mark:
        return None
    return _day(at, at + 5, year, month, day)


def _short(tokens: Tokens, at: int, setting: Setting) -> Found | None:
    """31/03/2027, 31.3.27, 03-31-2027: every order that gives a day is a reading."""
    first, second, mark = tokens.number(at), tokens.number(at + 2), tokens.at(at + 1)
    if first is None or second is None or mark not in _SEPARATORS:
        return None
    last = tokens.at(at + 4)
    if tokens.at(at + 3) != mark or not last.isdigit():
        return _short_without_year(tokens, at, first, second, setting) if mark == "/" else None
    if len(last) not in {2, 4}:
        return Found(at, at + 5, problem=f'"{last}" is not a year', explicit=True)
    year = int(last) + (2000 if len(last) == 2 else 0)
    orders = [(year, second, first), (year, first, second)]
    if setting.order == "MDY":
        orders.reverse()
    if len(last) == 2 and mark == "-" and len(tokens.at(at)) == 2:
        orders.append((2000 + first, second, int(last)))
    tries = [_day(at, at + 5, *order) for order in orders]
    days = tuple(dict.fromkeys(day for one in tries for day in one.days))
    if not days:
        return tries[0] if first > 12 or second <= 12 else _day(at, at + 5, *orders[-1])
    assumed = []
    if len(last) == 2 and len(days) == 1:
        assumed.append(f"the year {last} was read as {days[0].year}")
    if len(days) == 1 and not tries[0].days:
        order = "month first" if setting.order == "DMY" else "day first"
        assumed.append(f"read with the {order}, because no other order gives a date")
    return Found(at, at + 5, days, assumed="; ".join(assumed), explicit=True)


def _short_without_year(tokens: Tokens, at: int, first: int, second: int, setting: Setting) -> Found | None:
    """31/03 (the next one) and 03/2027 (that month's last day)."""
    orders = [(second, first), (first, second)]
    if setting.order == "MDY":
        orders.reverse()
    tries = [_next_day(at, at + 3, month, day, setting) for month, day in orders if 1 <= month <= 12]
    days = tuple(dict.fromkeys(day for one in tries for day in one.days))
    if not tries:
        return None
    if not days:
        return tries[0]
    return Found(at, at + 3, days, assumed=next(one.assumed for one in tries if one.days))


def _month_and_year(tokens: Tokens, at: int, setting: Setting) -> Found | None:
    """03/2027 and 2027-03: the last day of that month."""
    mark = tokens.at(at + 1)
    month, year = tokens.number(at), tokens.number(at + 2, (4,))
    if month is None or year is None:
        month, year = tokens.number(at + 2), tokens.number(at, (4,))
    if month is None or year is None or mark not in _SEPARATORS or not 1 <= month <= 12:
        return None
    if tokens.at(at + 3) in _SEPARATORS and tokens.at(at + 4)[:1].isdigit():
        return None
    return _month_end(at, at + 3, year, month, "no day was given: the last day of that month")


def _day_first(tokens: Tokens, at: int, setting: Setting) -> Found | None:
    """31 March 2027, 31st of March, 1er avril 2027, 31-Mar-27, 31 mars."""
    day = tokens.number(at)
    if day is None and tokens.at(at) in {"first", "premier"}:
        day = 1
    if day is None:
        return None
    where = tokens.skip(at + 1, words.ORDINALS)
    where = tokens.skip(where, words.OF | _SOFT | {"the"})
    month = words.MONTHS.get(tokens.at(where))
    if month is None:
        return None
    year = _year_at(tokens, where + 1)
    if year is None:
        return _next_day(at, where + 1, month, day, setting)
    return _day(at, year[1], year[0], month, day, year[2])


def _month_first(tokens: Tokens, at: int, setting: Setting) -> Found | None:
    """March 31, 2027; Mar 31st; March 2027; 2027 March 31; "March 27" can be a day or a year."""
    leading = tokens.number(at, (4,))
    where = tokens.skip(at + 1, _SOFT) if leading is not None else at
    month = words.MONTHS.get(tokens.at(where))
    if month is None:
        return None
    day_at = tokens.skip(where + 1, _SOFT | {"the"})
    day = tokens.number(day_at)
    if day is None or _is_time(tokens, day_at) or tokens.at(day_at + 1) in words.UNITS:
        return _month_alone(tokens, at, where, month, leading)
    end = tokens.skip(day_at + 1, words.ORDINALS)
    year = (leading, end, "") if leading is not None else _year_at(tokens, end)
    if year is not None:
        return _day(at, year[1], year[0], month, day, year[2])
    found = _next_day(at, end, month, day, setting)
    if end == day_at + 1 and 0 <= 2000 + day - setting.today.year <= 10:
        also = _month_end(at, end, 2000 + day, month)
        return Found(at, end, tuple(dict.fromkeys(found.days + also.days)))
    return found


def _month_alone(tokens: Tokens, at: int, where: int, month: int, leading: int | None) -> Found | None:
    """March 2027 is that month's last day; a month without a year is no date here ("may" is a verb)."""
    year = (leading, where + 1, "") if leading is not None else _year_at(tokens, where + 1)
    if year is None or (tokens.at(where) in {"may", "mar", "march"} and year[2]):
        return None
    assumed = "; ".join(filter(None, [year[2], "no day was given: the last day of that month"]))
    return _month_end(at, year[1], year[0], month, assumed)


def _end_of(tokens: Tokens, at: int, setting: Setting) -> Found | None:
    """End of March 2027, fin mars, end of 2027, end of the year, end of next month, end of Q1 2027."""
    where = at
    if tokens.at(at) in {"year", "annee"} and tokens.at(tokens.skip(at + 1, _SOFT)) == "end":
        return _end_of_year(at, tokens.skip(at + 1, _SOFT) + 1, tokens, setting)
    if tokens.at(at) not in words.END_WORDS:
        return None
    where = tokens.skip(at + 1, _JOINTS)
    shift = int(tokens.at(where) in words.NEXT_WORDS)
    where += shift
    unit = tokens.at(where)
    if unit in {"year", "annee", "an"}:
        shift |= tokens.at(where + 1) in words.NEXT_WORDS
        end = where + 1 + int(tokens.at(where + 1) in words.NEXT_WORDS)
        return _end_of_year(at, end, tokens, setting, shift)
    if unit in {"month", "mois"}:
        shift |= tokens.at(where + 1) in words.NEXT_WORDS
        return _end_of_this_month(at, where + 1 + int(tokens.at(where + 1) in words.NEXT_WORDS), setting, shift)
    year = tokens.number(where, (4,))
    if year is not None and tokens.at(where + 1) not in _SEPARATORS:
        return _month_end(at, where + 1, year, 12)
    return _end_of_quarter(tokens, at, where) or _end_of_month(tokens, at, where, setting)


def _end_of_month(tokens: Tokens, at: int, where: int, setting: Setting) -> Found | None:
    where = tokens.skip(where, frozenset({"month", "mois", "of", "de", "d", "'"}))
    month = words.MONTHS.get(tokens.at(where))
    numeric = _month_and_year(tokens, where, setting)
    if month is None:
        return replace(numeric, start=at, assumed="") if numeric else None
    year = _year_at(tokens, where + 1)
    if year is None:
        return _next_month_end(at, where + 1, month, setting)
    return _month_end(at, year[1], year[0], month, year[2])


def _end_of_year(at: int, end: int, tokens: Tokens, setting: Setting, shift: int = 0) -> Found:
    year = tokens.number(tokens.skip(end, _TO_YEAR), (4,))
    if year is not None and not shift:
        return _month_end(at, tokens.skip(end, _TO_YEAR) + 1, year, 12)
    wanted = setting.today.year + shift
    if wanted > MAXYEAR:
        return Found(at, end, problem="that is beyond the calendar")
    return _month_end(at, end, wanted, 12)


def _end_of_this_month(at: int, end: int, setting: Setting, shift: int) -> Found:
    month = add_period(setting.today.replace(day=1), Period(months=shift))
    return _month_end(at, end, month.year, month.month)


def _end_of_quarter(tokens: Tokens, at: int, where: int) -> Found | None:
    """End of Q1 2027, fin T2 2027."""
    quarter, year = tokens.number(where + 1, (1,)), _year_at(tokens, where + 2)
    if tokens.at(where) not in {"q", "t"} or quarter not in {1, 2, 3, 4} or year is None:
        return None
    return _month_end(at, year[1], year[0], quarter * 3, year[2])


def _middle_of(tokens: Tokens, at: int, setting: Setting) -> Found | None:
    """Mid-June 2027, mi-juin: the 15th, said so."""
    if tokens.at(at) not in words.MIDDLE_WORDS:
        return None
    where = tokens.skip(at + 1, _JOINTS)
    month = words.MONTHS.get(tokens.at(where))
    if month is None:
        return None
    year = _year_at(tokens, where + 1)
    if year is None:
        found = _next_day(at, where + 1, month, 15, setting)
    else:
        found = _day(at, year[1], year[0], month, 15, year[2])
    return replace(found, assumed="; ".join(filter(None, [found.assumed, "the middle of a month is its 15th"])))


def _vague(tokens: Tokens, at: int, setting: Setting) -> Found | None:
    """Early March 2027, début mars: names no day."""
    if tokens.at(at) not in words.VAGUE_WORDS:
        return None
    where = tokens.skip(at + 1, _JOINTS)
    if tokens.at(where) not in words.MONTHS or tokens.at(where) == "may" and tokens.number(where + 1, (4,)) is None:
        return None
    year = _year_at(tokens, where + 1)
    return Found(at, year[1] if year else where + 1, problem=f"{tokens.at(at)} of a month names no day")


def _period(tokens: Tokens, at: int, setting: Setting) -> Found | None:
    """18 months, 2 years, un an, 1 year and 6 months, 1.5 years, a year and a half, half a year."""
    total, where = Period(), at
    for _ in range(3):
        piece = _one_period(tokens, where)
        if piece is None:
            break
        period, where = piece
        total = Period(total.months + period.months, total.days + period.days)
        joint = tokens.skip(where, frozenset({"and", "et", ",", "&", "+"}))
        if _one_period(tokens, joint) is None:
            break
        where = joint
    if where == at:
        return None
    if total.months > LONGEST.months or total.days > LONGEST.days:
        return Found(at, where, problem="that is longer than a century")
    return Found(at, where, period=total)


def _one_period(tokens: Tokens, at: int) -> tuple[Period, int] | None:
    half = _half(tokens, at)
    if half is not None:
        return half
    count, where = _count(tokens, at)
    if count is None:
        return None
    tenths = tokens.number(where + 1, (1,)) if tokens.at(where) in {".", ","} else None
    where += 2 if tenths is not None else 0
    where = tokens.skip(where, frozenset({"-", "more", "full", "other"}))
    unit = words.UNITS.get(tokens.at(where))
    if unit is None or (tokens.at(where) == "an" and tokens.at(at) == "a"):
        return None
    months, days = unit[0] * count, unit[1] * count
    if tenths is not None:
        if unit[0] * tenths % 10:
            return None
        months += unit[0] * tenths // 10
        if unit[1]:
            return None
    where += 1
    if unit[0] > 1 and tuple(tokens.items[where : where + 3]) in {
        ("and", "a", "half"),
        ("et", "demi", ""),
        ("et", "demie", ""),
    }:
        return Period(months + unit[0] // 2, days), where + 3
    if unit[0] > 1 and tokens.at(where) == "et" and tokens.at(where + 1) in {"demi", "demie"}:
        return Period(months + unit[0] // 2, days), where + 2
    return Period(months, days), where


def _half(tokens: Tokens, at: int) -> tuple[Period, int] | None:
    """Half a year, one and a half years."""
    if tokens.at(at) == "half" and tokens.at(at + 1) in {"a", "-"} and tokens.at(at + 2) == "year":
        return Period(months=6), at + 3
    first = words.NUMBERS.get(tokens.at(at), tokens.number(at))
    if first is not None and tokens.items[at + 1 : at + 4] == ["and", "a", "half"]:
        unit = words.UNITS.get(tokens.at(at + 4), (0, 0))
        if unit[0] > 1:
            return Period(unit[0] * first + unit[0] // 2), at + 5
    return None


def _count(tokens: Tokens, at: int) -> tuple[int | None, int]:
    """A number in digits or words ("dix-huit", "twenty four"), and the place after it."""
    token = tokens.at(at)
    if token[:1].isdigit():
        return (int(token), at + 1) if len(token) <= 6 else (None, at)
    first = words.NUMBERS.get(token)
    if first is None:
        return None, at
    where = tokens.skip(at + 1, frozenset({"-"}))
    second = words.NUMBERS.get(tokens.at(where))
    if first in {10, 20, 30} and second is not None and second < 10 and tokens.at(where) not in {"a", "an"}:
        return first + second, where + 1
    return first, at + 1


def _today(tokens: Tokens, at: int, setting: Setting) -> Found | None:
    """Today, tomorrow, aujourd'hui, demain."""
    if tokens.at(at) == "today":
        return Found(at, at + 1, (setting.today,))
    if tokens.items[at : at + 3] == ["aujourd", "'", "hui"]:
        return Found(at, at + 3, (setting.today,))
    if tokens.at(at) in {"tomorrow", "demain"}:
        return Found(at, at + 1, (add_period(setting.today, Period(days=1)),))
    return None


def _time(tokens: Tokens, at: int, setting: Setting) -> Found | None:
    """A time of day says nothing about the day: taken, and worth nothing."""
    where = at + int(tokens.at(at) == "t")
    if tokens.number(where) is None:
        return None
    if tokens.at(where + 1) in {"am", "pm"}:
        return Found(at, where + 2)
    if tokens.at(where + 1) not in {":", "h"}:
        return None
    where += 2
    while tokens.number(where) is not None and where < at + 12:
        where += 1
        if tokens.at(where) not in {":", "."} or tokens.number(where + 1, (1, 2, 3, 6)) is None:
            break
        where += 1
    return Found(at, where + int(tokens.at(where) in {"z", "utc", "am", "pm"}))


_Matcher = Callable[[Tokens, int, Setting], Found | None]
_MATCHERS: tuple[_Matcher, ...] = (
    _iso,
    _time,
    _short,
    _month_and_year,
    _period,
    _day_first,
    _month_first,
    _end_of,
    _middle_of,
    _vague,
    _today,
)
