"""The one table of letters: every letter with the dataclass that it is written from, found in the themes' modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType

from mailbot.letters import announcements, answers, extensions, life, moving, questions, requests, troubles
from mailbot.letters.kinds import About, LetterFacts
from mailbot.model import Letter


def _letters_of(theme: ModuleType) -> Iterator[tuple[Letter, type[LetterFacts]]]:
    for one in vars(theme).values():
        if isinstance(one, type) and issubclass(one, LetterFacts) and isinstance(getattr(one, "about", None), About):
            yield one.about.letter, one


LETTERS: Mapping[Letter, type[LetterFacts]] = {
    letter: kind
    for theme in (requests, life, moving, extensions, announcements, questions, troubles, answers)
    for letter, kind in _letters_of(theme)
}
"""Every letter's facts."""

KINDS: Mapping[Letter, About] = {letter: kind.about for letter, kind in LETTERS.items()}
"""What is fixed about every letter; looked up by `[]`."""
