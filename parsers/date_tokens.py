"""Folding and cutting text for the date grammar: words, numbers and marks, nothing interpreted."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_TOKEN = re.compile(r"[0-9]+|[^\W\d_]+|[^\w\s]|_")
_ASCII_ALIKE = str.maketrans({"’": "'", "‘": "'", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "⁄": "/"})
_CLOSING = {"(": ")", "[": "]"}


def fold(text: str) -> str:
    """Lower case without accents, with plain dashes, apostrophes and digits (NFKD, casefold)."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.translate(_ASCII_ALIKE)).casefold()
    return "".join(c for c in plain if not unicodedata.combining(c))


def tokens_of(folded: str) -> list[str]:
    """Numbers, words and single marks in order; white space and apostrophes before letters only separate."""
    return _TOKEN.findall(folded)


@dataclass(frozen=True, slots=True)
class Bracketed:
    """A text with its remarks in brackets taken out: what is left, and the remarks."""

    outside: str
    inside: str


def without_brackets(text: str) -> Bracketed:
    """Take `(…)` and `[…]` out; a bracket that is never closed is a remark to the end."""
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
