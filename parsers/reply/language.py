"""What the reply grammar knows of one language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from parsers.values import Verb


@dataclass(frozen=True, slots=True)
class Sentences:
    """Each of `heads` with each of `tails` behind it, which is "" or begins with a space: thousands, so they are never built."""

    heads: frozenset[str]
    tails: frozenset[str]

    def __contains__(self, form: str) -> bool:
        at = len(form)
        while at > 0:
            if form[at:] in self.tails and form[:at] in self.heads:
                return True
            at = form.rfind(" ", 0, at)
        return False


@dataclass(frozen=True, slots=True)
class Forms:
    """How a command is written: phrases, and sentences around its verb.

    Each is one of `beginnings`, or is one with a space and more behind it.
    """

    phrases: frozenset[str]
    sentences: tuple[Sentences, ...]
    beginnings: frozenset[str]

    def __contains__(self, form: str) -> bool:
        return form in self.phrases or any(form in some for some in self.sentences)


def forms_of(phrases: Iterable[str], sentences: Iterable[Sentences]) -> Forms:
    """All of these; a verb without participles, say, has sentences of none, and these begin like nothing."""
    listed, built = frozenset(phrases), tuple(some for some in sentences if some.heads and some.tails)
    return Forms(listed, built, listed.union(*(some.heads for some in built)))


def _no_sentences(_verb: Verb) -> tuple[Sentences, ...]:
    return ()


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
    sentences: Callable[[Verb], tuple[Sentences, ...]] = _no_sentences
    units: Mapping[str, str] = field(default_factory=dict)

    def has(self, verb: Verb, form: str) -> bool:
        """Whether that phrase is this verb in this language."""
        return form in self.listed.get(verb, ()) or any(form in some for some in self.sentences(verb))
