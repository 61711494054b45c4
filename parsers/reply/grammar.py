"""The words of all languages that a site reads, put together once.

English and French are always read; German, Spanish and Italian where the site's `languages` name them, because a
word of one language can mean something else in another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from parsers.reply.english import ENGLISH
from parsers.reply.french import FRENCH
from parsers.reply.german import GERMAN
from parsers.reply.italian import ITALIAN
from parsers.reply.language import Forms, Language, forms_of
from parsers.reply.spanish import SPANISH
from parsers.text.tables import later
from parsers.values import Verb

ALWAYS = (ENGLISH, FRENCH)
BY_CONFIGURATION = (GERMAN, SPANISH, ITALIAN)


@dataclass(frozen=True, slots=True)
class Grammar:
    """The tables of `parsers.reply.language.Language` for several languages together; phrases are longest first.

    `commanding` finds a line that begins like a command, or says yes or no anywhere: it is never taken for a banner or
    a greeting.
    """

    forms: Mapping[Verb, Forms]
    commanding: re.Pattern[str]
    until: tuple[str, ...]
    period: tuple[str, ...]
    disk: tuple[str, ...]
    disk_units: frozenset[str]
    reason: tuple[str, ...]
    before: tuple[str, ...]
    before_denial: tuple[str, ...]
    after: tuple[str, ...]
    yes: frozenset[str]
    no: frozenset[str]
    units: Mapping[str, str]
    languages: tuple[Language, ...]

    def language_of(self, verb: Verb, form: str) -> str:
        """The code of the one language in which that phrase is this verb; "" where English has it: everybody may write English."""
        codes = [language.code for language in self.languages if language.has(verb, form)]
        return codes[0] if len(codes) == 1 and codes != [ENGLISH.code] else ""


def _read(languages: tuple[str, ...]) -> tuple[Language, ...]:
    return (*ALWAYS, *(language for language in BY_CONFIGURATION if language.code in languages))


@lru_cache(maxsize=8)
def grammar(languages: tuple[str, ...]) -> Grammar:
    """The grammar for these language codes; codes that have no table of commands add nothing."""
    read = _read(languages)
    return Grammar(
        forms={verb: _forms(read, verb) for verb in Verb},
        commanding=later(partial(_commanding, read)),
        until=_longest_first(read, lambda language: language.until),
        period=_longest_first(read, lambda language: language.period),
        disk=_longest_first(read, lambda language: language.disk),
        disk_units=frozenset(unit for language in read for unit in language.disk_units),
        reason=_longest_first(read, lambda language: language.reason),
        before=_longest_first(read, lambda language: language.before),
        before_denial=_longest_first(read, lambda language: (*language.before_denial, *language.before)),
        after=_longest_first(read, lambda language: language.after),
        yes=frozenset().union(*(language.yes for language in read)),
        no=frozenset().union(*(language.no for language in read)),
        units={word: unit for language in read for word, unit in language.units.items()},
        languages=read,
    )


def read_in(languages: tuple[str, ...]) -> frozenset[str]:
    """The codes of the languages whose commands a site reads that has these in its configuration."""
    return frozenset(language.code for language in _read(languages))


def _forms(read: tuple[Language, ...], verb: Verb) -> Forms:
    """Everything that is read as this verb; nothing where no language has a word for it yet."""
    return forms_of(
        (phrase for language in read for phrase in language.listed.get(verb, ())),
        (sentences for language in read for sentences in language.sentences(verb)),
    )


def _commanding(read: tuple[Language, ...]) -> str:
    every = (phrase for language in read for phrases in language.listed.values() for phrase in phrases)
    deciding = (
        phrase for language in read for verb in (Verb.APPROVE, Verb.DENY) for phrase in language.listed.get(verb, ())
    )
    begins = "|".join(map(re.escape, every))
    decides = "|".join(map(re.escape, deciding))
    return rf"^[\W_]{{0,9}}(?:{begins})(?!\w)|(?<!\w)(?:{decides})(?!\w)"


def _longest_first(read: tuple[Language, ...], part: Callable[[Language], tuple[str, ...]]) -> tuple[str, ...]:
    """So that "i approve" is tried before "approve"."""
    known = dict.fromkeys(phrase for language in read for phrase in part(language))
    return tuple(sorted(known, key=len, reverse=True))


def listed_words() -> frozenset[str]:
    """Every phrase that is a command in any language, configured or not."""
    return frozenset(
        phrase
        for language in (*ALWAYS, *BY_CONFIGURATION)
        for phrases in language.listed.values()
        for phrase in phrases
    )
