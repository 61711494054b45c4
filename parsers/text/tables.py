"""Word tables as patterns: `one | another word*`, matched as whole words in folded text.

A table becomes a pattern when it is first used.  Compiling all of them takes longer than loading the rest of the parsers,
and most lines that a command of the command line reads are asked about few.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from parsers.text.folding import phrases


def alternatives(table: str) -> str:
    """The phrases of a table as one pattern, longest first; `*` at the end of a word stands for any ending."""
    known = sorted(set(phrases(table)), key=len, reverse=True)
    return "|".join(re.escape(phrase).replace(r"\*", r"\w*").replace(r"\ ", r"\s+") for phrase in known)


def whole_words(table: str) -> re.Pattern[str]:
    """A pattern that finds any phrase of the table as whole words."""
    return later(lambda: rf"(?<!\w)(?:{alternatives(table)})(?!\w)")


def beginning(table: str) -> re.Pattern[str]:
    """A pattern that matches where a text begins with a phrase of the table."""
    return later(lambda: rf"(?:{alternatives(table)})(?!\w)")


class _Later:
    """Stands for a pattern until it is first used; its methods are the pattern's own from then on."""

    def __init__(self, source: str | Callable[[], str]) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        pattern = re.compile(self._source if isinstance(self._source, str) else self._source())
        _WAITING.pop(id(self), None)
        self.__dict__.update({one: getattr(pattern, one) for one in dir(pattern) if not one.startswith("_")})
        # Python finds attributes twice as fast in a class that has no look-up of its own.
        self.__class__ = _Compiled  # type: ignore[assignment]
        return getattr(pattern, name)


class _Compiled:
    """What has become a pattern."""


_WAITING: dict[int, _Later] = {}


def later(source: str | Callable[[], str]) -> re.Pattern[str]:
    """The pattern of that source, compiled when it is first used."""
    made = _Later(source)
    _WAITING[id(made)] = made
    return cast("re.Pattern[str]", made)


def compile_all() -> None:
    """Compile what has not been used yet: for who reads many mails, and forks for them."""
    for one in tuple(_WAITING.values()):
        one.search  # noqa: B018 - the look compiles it
