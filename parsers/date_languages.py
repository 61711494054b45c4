"""Dates in languages other than English and French, by dateparser in its strict form.

dateparser is slow to import and gives dates for texts that are none ("8am", "2027"), so it is asked
only where our own grammar found nothing, and believed only where day and year stand in the text.
"""

from __future__ import annotations

import re
from datetime import date

import dateparser

from parsers.dates import DateReading
from parsers.values import ReadingRules

LONGEST_TEXT = 80
_NUMBERS = re.compile(r"[0-9]+")


def read_in(text: str, languages: tuple[str, ...], rules: ReadingRules) -> DateReading | None:
    """The date that dateparser reads in one of these languages, or None.  Never raises."""
    numbers = [int(n) for n in _NUMBERS.findall(text) if len(n) <= 4]
    if len(text) > LONGEST_TEXT or len(numbers) != 2:
        return None
    day = _parse(text, languages, rules)
    if day is None or sorted(numbers) != sorted((day.day, day.year)):
        return None
    return DateReading(day)


def _parse(text: str, languages: tuple[str, ...], rules: ReadingRules) -> date | None:
    try:
        moment = dateparser.parse(
            text,
            languages=list(languages),
            settings={
                "STRICT_PARSING": True,
                "DATE_ORDER": rules.date_order,
                "RELATIVE_BASE": rules.now.astimezone(rules.timezone).replace(tzinfo=None),
                "PARSERS": ["absolute-time"],
            },
        )
    except Exception:  # noqa: BLE001 - a library that fails on odd text has read no date
        return None
    return moment.date() if moment else None
