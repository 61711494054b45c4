"""Word tables as patterns: `one | another word*`, matched as whole words in folded text."""

from __future__ import annotations

import re

from parsers.text.folding import phrases


def alternatives(table: str) -> str:
    """The phrases of a table as one pattern, longest first; `*` at the end of a word stands for any ending."""
    known = sorted(set(phrases(table)), key=len, reverse=True)
    return "|".join(re.escape(phrase).replace(r"\*", r"\w*").replace(r"\ ", r"\s+") for phrase in known)


def whole_words(table: str) -> re.Pattern[str]:
    """A pattern that finds any phrase of the table as whole words."""
    return re.compile(rf"(?<!\w)(?:{alternatives(table)})(?!\w)")


def beginning(table: str) -> re.Pattern[str]:
    """A pattern that matches where a text begins with a phrase of the table."""
    return re.compile(rf"(?:{alternatives(table)})(?!\w)")
