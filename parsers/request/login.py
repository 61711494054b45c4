"""A user's login as it stands in a request.

Decoration that cannot be part of a login is taken off; nothing else is corrected but upper case,
because what is left is looked up in a directory and a wrong guess would be somebody else's account.
A login is one to 32 of `a-z`, `0-9`, `-`, `_` and `.`, begins with a letter and does not end in a mark:
with hyphens for marks and a suffix it must still make a host name (RFC 1123 section 2.1, 63 characters at most).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from parsers.translatable import NOTHING, Translatable, as_one, say

LOGIN = re.compile(r"[a-z](?:[a-z0-9._-]{0,30}[a-z0-9])?")
_PAIRS = {
    '"': '"',
    "'": "'",
    "`": "`",
    "“": "”",
    "«": "»",
    "‘": "’",
    "<": ">",
    "(": ")",
    "[": "]",
    "*": "*",
    "_": "_",
    "„": "“",
}
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"
_SHOWN_CHARACTERS = 4
_ALLOWED = say("Only the login itself, for example username: alice")


@dataclass(frozen=True, slots=True)
class LoginReading:
    """A login, or None and `problem` (a sentence for the user); `note` says what was corrected."""

    value: str | None = None
    problem: Translatable = NOTHING
    note: Translatable = NOTHING


def read_login(text: str) -> LoginReading:
    """The login in the value of a username line.  Never raises."""
    bare = undecorated(text)
    if not bare:
        return LoginReading(problem=as_one(say("Nothing is filled in here."), _ALLOWED))
    odd = _odd_characters(bare)
    if odd:
        alike = say("The login has characters that only look like plain letters or cannot be seen: {odd}.", odd=odd)
        return LoginReading(problem=as_one(alike, _ALLOWED))
    if "@" in bare:
        address = say("This is an email address; we need the login, which may be different.")
        return LoginReading(problem=as_one(address, _ALLOWED))
    if len(bare.split()) > 1 or "/" in bare or "," in bare:
        return LoginReading(problem=as_one(say("There is more than one word here."), _ALLOWED))
    lowered = bare.lower()
    if not LOGIN.fullmatch(lowered):
        return LoginReading(problem=_why_not(lowered))
    note = say("the login was written {written}, and read as {login}", written=bare, login=lowered)
    return LoginReading(lowered, note=NOTHING if lowered == bare else note)


def undecorated(text: str) -> str:
    """The text without the quotes, brackets, closing marks and bracketed remark that people put around a login."""
    text = text[:300].strip().strip(_INVISIBLE).strip()
    for _ in range(4):
        shorter = text.rstrip(".,;:!").strip()
        if len(shorter) > 1 and _PAIRS.get(shorter[0]) == shorter[-1]:
            shorter = shorter[1:-1].strip()
        if shorter == text:
            break
        text = shorter
    remark = re.match(r"(\S+)\s+\([^()@]{0,80}\)$", text)
    return remark.group(1) if remark else text


def _odd_characters(text: str) -> str:
    odd = dict.fromkeys(c for c in text if not c.isascii() or not (c.isprintable() or c.isspace()))
    named = [f"{c if c.isprintable() else '?'} is U+{ord(c):04X} {unicodedata.name(c, '(no name)')}" for c in odd]
    more = f" and {len(named) - _SHOWN_CHARACTERS} more" if len(named) > _SHOWN_CHARACTERS else ""
    return ", ".join(named[:_SHOWN_CHARACTERS]) + more


def _why_not(text: str) -> Translatable:
    return as_one(_what_is_wrong(text), _ALLOWED)


def _what_is_wrong(text: str) -> Translatable:
    if len(text) > 32:
        return say("A login has at most 32 characters, this has {number}.", number=len(text))
    if not text[0].isalpha():
        return say("A login begins with a letter.")
    wrong = "".join(dict.fromkeys(c for c in text if not (c.isalnum() or c in "-_.")))
    return say('A login cannot contain "{wrong}".', wrong=wrong) if wrong else say("A login ends in a letter or digit.")
