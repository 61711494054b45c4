"""What the reply grammar knows of one language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from parsers.values import Verb


def _no_sentences(_verb: Verb) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class Language:
    """The words of one language, in plain letters (lower case, no accents, straight apostrophes).

    `listed` are the phrases that documents show, the first of each is the one we teach; `sentences` are built from
    parts, when they are first asked for, and read as well.  `until`, `period`, `disk` and `reason` stand before what they introduce.  `before`,
    `before_denial` and `after` are the politeness that may stand around a command.  `yes` and `no` are single words that
    decide: beside a command of the other kind they contradict it.  `units` are words for lengths of time, with the
    English unit that each of them means.
    """

    code: str
    name: str
    listed: Mapping[Verb, tuple[str, ...]]
    until: tuple[str, ...]
    period: tuple[str, ...]
    disk: tuple[str, ...]
    disk_units: tuple[str, ...]
    reason: tuple[str, ...]
    before: tuple[str, ...]
    before_denial: tuple[str, ...]
    after: tuple[str, ...]
    yes: frozenset[str]
    no: frozenset[str]
    sentences: Callable[[Verb], frozenset[str]] = _no_sentences
    units: Mapping[str, str] = field(default_factory=dict)

    def has(self, verb: Verb, form: str) -> bool:
        """Whether that phrase is this verb in this language."""
        return form in self.listed.get(verb, ()) or form in self.sentences(verb)

    def forms(self, verb: Verb) -> frozenset[str]:
        """Everything that is read as this verb; nothing where the language has no word for it yet."""
        return frozenset(self.listed.get(verb, ())) | self.sentences(verb)
