"""Cutting text for the date grammar: words, numbers and marks, nothing interpreted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_TOKEN = re.compile(r"[0-9]+|[^\W\d_]+|[^\w\s]|_")
_CLOSING = {"(": ")", "[": "]"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What the grammar must know: the day that is today at the site, and the site's order of short dates."""

    today: date
    order: str = "DMY"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The numbers, words and single marks of a folded text in order; outside of it there are empty strings."""

    items: tuple[str, ...]
    setting: Setting

    @classmethod
    def of(cls, folded: str, setting: Setting) -> Tokens:
        """Cut a folded text."""
        return cls(tuple(_TOKEN.findall(folded)), setting)

    def __len__(self) -> int:
        return len(self.items)

    def at(self, index: int) -> str:
        """The token, or an empty string outside the text."""
        return self.items[index] if 0 <= index < len(self.items) else ""

    def number(self, index: int, digits: tuple[int, ...] = (1, 2)) -> int | None:
        """The number at that place, where it has one of these counts of digits."""
        token = self.at(index)
        return int(token) if len(token) in digits and token.isascii() and token.isdigit() else None

    def skip(self, index: int, skippable: frozenset[str]) -> int:
        """The first place from `index` on that holds none of these tokens; at most four are passed over."""
        for _ in range(4):
            if self.at(index) not in skippable:
                break
            index += 1
        return index


@dataclass(frozen=True, slots=True)
class Bracketed:
    """A text with its remarks in brackets taken out: what is left, and the remarks."""

    outside: str
    inside: str


def without_brackets(text: str) -> Bracketed:
    """Take `(...)` and `[...]` out; a bracket that is never closed is a remark to the end."""
    outside: list[str] = []
    inside: list[str] = []
    awaited: list[str] = []
    for char in text:
        if char in _CLOSING:
            awaited.append(_CLOSING[char])
            outside.append(" ")
            inside.append(" ")
        elif awaited and char == awaited[-1]:
            awaited.pop()
            inside.append(" , ")
        else:
            (inside if awaited else outside).append(char)
    return Bracketed("".join(outside).strip(), "".join(inside).strip(" ,"))
