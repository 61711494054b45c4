"""Dates in languages other than English and French: dateparser in its strict form, and Babel to write them.

dateparser gives dates for texts that are none ("8am", "2027"), so it is asked only where our own grammar
found nothing, and believed only where its day and year are the numbers of the text, or where the text has
one number and dateparser's result lies ahead ("in 6 Monaten").  This module is slow to import.
"""

from __future__ import annotations

import re
from datetime import date

import dateparser
from babel.core import UnknownLocaleError
from babel.dates import format_date

from parsers.translatable import NOTHING, Translatable, say
from parsers.values import ReadingRules

LONGEST_TEXT = 80
_NUMBERS = re.compile(r"[0-9]+")
_FROM_FIRST_TO_LAST_NUMBER = re.compile(r"[0-9].*[0-9]", re.DOTALL)


def read_in(text: str, languages: tuple[str, ...], rules: ReadingRules) -> tuple[date, Translatable] | None:
    """The date that dateparser reads in one of these languages with what it assumed, or None.  Never raises."""
    numbers = [int(number) for number in _NUMBERS.findall(text[:LONGEST_TEXT]) if len(number) <= 4]
    core = _FROM_FIRST_TO_LAST_NUMBER.search(text)
    if len(text) > LONGEST_TEXT or (core is None and len(numbers) != 1):
        return None
    if len(numbers) == 2 and core is not None:
        day = _parse(text, languages, rules, "absolute-time") or _parse(core.group(), languages, rules, "absolute-time")
        return (day, NOTHING) if day and sorted(numbers) == sorted((day.day, day.year)) else None
    day = _parse(text, languages, rules, "relative-time") if len(numbers) == 1 else None
    today = rules.now.astimezone(rules.timezone).date()
    return (day, say("counted from today")) if day and day > today else None


def _parse(text: str, languages: tuple[str, ...], rules: ReadingRules, parser: str) -> date | None:
    try:
        moment = dateparser.parse(
            text,
            languages=list(languages),
            settings={
                "STRICT_PARSING": True,
                "DATE_ORDER": rules.date_order,
                "RELATIVE_BASE": rules.now.astimezone(rules.timezone).replace(tzinfo=None),
                "PARSERS": [parser],
                "TIMEZONE": "UTC",  # the default looks for files of the machine, and no day depends on it
            },
        )
    except Exception:  # noqa: BLE001 - a library that fails on odd text has read no date
        return None
    return moment.date() if moment else None


_LONG = {"de": "EEEE, d. MMMM y"}
"""How a language writes a day in full where that is not weekday, day, month and year with nothing between."""


def long_form_in(day: date, language: str) -> str | None:
    """The day in words with its weekday by CLDR's names, or None where the language is unknown."""
    try:
        return format_date(day, _LONG.get(language, "EEEE d MMMM y"), locale=language)
    except (UnknownLocaleError, ValueError):
        return None
