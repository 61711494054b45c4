"""The languages that letters can be written in: gettext catalogues, and numbers and dates by Babel (`catalogues`).

A language is a folder of `templates_email`: `messages.po` for sentences that are born in the program, and a template for
each letter; what is missing there is taken from the English ones beside the folders.  A catalogue is
compiled when its language is first used.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Container, Iterable
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from importlib import import_module
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from mailbot.rules import ENGLISH
from parsers.dates import long_form
from parsers.dates.words import MONTH_NAMES, WEEKDAY_NAMES
from parsers.translatable import Translatable, say, say_many

CATALOGUE = "messages.po"
_ROOT = files("templates_email")


@cache
def languages() -> tuple[str, ...]:
    """Codes of the languages that letters can be written in: English, and every one with a catalogue."""
    folders = (one.name for one in _ROOT.iterdir() if (one / CATALOGUE).is_file())
    return (ENGLISH, *sorted(folders))


def chosen(wanted: Iterable[str], read: Container[str]) -> str:
    """The first of these that letters can be written in and whose commands are `read`, English where none is.

    What a letter offers must be a command when it is sent back.
    """
    return next((code for code in wanted if code in languages() and code in read), ENGLISH)


@lru_cache(maxsize=16)
def language(code: str) -> Language:
    """A language by its code, one of `languages()`."""
    if code == ENGLISH:
        return Language(code, gettext.NullTranslations())
    return Language(code, _babel().compiled(_ROOT / code / CATALOGUE, code))


def _babel() -> Any:
    """`catalogues`, imported when a letter is first written in a language other than English."""
    return import_module("mailbot.letters.catalogues")


@dataclass(frozen=True, slots=True)
class Language:
    """One language; the words of letters, and the forms of dates, moments and numbers in them."""

    code: str
    catalogue: gettext.NullTranslations

    def words(self, text: str) -> str:
        """A text in this language, as it is where it is nobody's message."""
        return text.written(self) if isinstance(text, Translatable) else text

    def typeset(self, words: str) -> str:
        """The words with the unbreakable spaces that the language wants; who translates types ordinary ones."""
        for form, space in _SPACES.get(self.code, ()):
            words = form.sub(space, words)
        return words

    @property
    def is_typeset(self) -> bool:
        """Whether it wants other spaces than those that are typed."""
        return self.code in _SPACES

    def label(self, words: str) -> str:
        """The words before a colon, with the space that the language wants there."""
        return f"{self.typeset(words)}{_NO_BREAK}" if self.is_typeset else words

    def pattern(self, key: str, many: str, number: int) -> str:
        return self.catalogue.ngettext(key, many, number) if many else self.catalogue.gettext(key)

    def value(self, value: Any) -> Any:
        """A fact with all its texts in this language, however deep they are."""
        match value:
            case _ if self.code == ENGLISH:  # which every text is in anyway
                return value
            case str():
                return self.words(value)
            case tuple():
                return tuple(self.value(one) for one in value)
            case _ if is_dataclass(value) and not isinstance(value, type):
                return replace(value, **{one.name: self.value(getattr(value, one.name)) for one in fields(value)})
            case _:
                return value

    def day(self, day: date) -> str:
        """`Monday 31 January 2027`."""
        return long_form(day, self.code)

    def short_day(self, day: date) -> str:
        """`Mon 31 Jan`, for subjects."""
        if self.code == ENGLISH:
            return f"{WEEKDAY_NAMES[ENGLISH][day.weekday()][:3]} {day.day} {MONTH_NAMES[ENGLISH][day.month - 1][:3]}"
        return str(_babel().short_day(day, self.code))

    def point(self, moment: datetime, timezone: str) -> str:
        """`Monday 31 January 2027, 17:05`, behind "until" or "since"; midnight belongs to the day that ends."""
        day, clock = self._clock(moment.astimezone(ZoneInfo(timezone)))
        at_night = say("midnight, end of {day}", day=day)
        return self.words(say("{day}, {clock}", day=day, clock=clock) if clock else at_night)

    def moment(self, moment: datetime, timezone: str) -> str:
        """`on Monday 31 January 2027 at 17:05`, `at midnight, end of Monday 31 January 2027`; the zone stands in the footer."""
        return self.at(moment.astimezone(ZoneInfo(timezone)))

    def at(self, moment: datetime) -> str:
        """`moment` of one that is in the right zone already."""
        day, clock = self._clock(moment)
        at_night = say("at midnight, end of {day}", day=day)
        return self.words(say("on {day} at {clock}", day=day, clock=clock) if clock else at_night)

    def _clock(self, local: datetime) -> tuple[date, str]:
        if (local.hour, local.minute) == (0, 0):
            return local.date() - timedelta(days=1), ""
        return local.date(), self.words(say("{hour}:{minute}", hour=f"{local:%H}", minute=f"{local:%M}"))

    def when(self, when: date | datetime, timezone: str) -> str:
        """A day or a moment, whichever it is, behind "since"."""
        return self.point(when, timezone) if isinstance(when, datetime) else self.day(when)

    def gib(self, mebibytes: int) -> str:
        """MiB as GiB in words: `12 GiB`, `1.5 GiB`."""
        return self.words(say("{number} GiB", number=_tenths_of_gib(mebibytes, self.code)))

    def count(self, number: int, noun: str) -> str:
        """`1 day`, `2 days`; the noun is one of `_COUNTED`."""
        one, many = _COUNTED[noun].key, _COUNTED[noun].many
        return self.words(say_many(one, many, number))

    def days_ahead(self, days: int) -> str:
        """`in 2 days`, `today`, `1 day ago`."""
        if days == 0:
            return self.words(say("today"))
        if days < 0:
            return self.words(say_many("{number} day ago", "{number} days ago", -days))
        return self.words(say_many("in {number} day", "in {number} days", days))


@lru_cache(maxsize=256)
def _tenths_of_gib(mebibytes: int, code: str) -> str:
    # Few sizes occur, and Babel reads its pattern again for each number.
    number = round(mebibytes / 1024, 1)
    return f"{number:.1f}".removesuffix(".0") if code == ENGLISH else str(_babel().one_decimal(number, code))


_NO_BREAK = "\N{NO-BREAK SPACE}"
_SPACES = {
    "fr": (
        (re.compile(r"« ?"), f"«{_NO_BREAK}"),
        (re.compile(r" ?»"), f"{_NO_BREAK}»"),
        (re.compile(r" (?=[:;?!](?:\s|$))"), _NO_BREAK),
    )
}
_COUNTED = {
    "CPU": say_many("{number} CPU", "{number} CPUs", 1),
    "day": say_many("{number} day", "{number} days", 1),
    "machine": say_many("{number} machine", "{number} machines", 1),
    "message": say_many("{number} message", "{number} messages", 1),
    "request": say_many("{number} request", "{number} requests", 1),
    "time": say_many("{number} time", "{number} times", 1),
}
