"""The labels of the request template, as people write them.

A label is *strong* where it is the template's own or a plain translation, *weak* where it is a word
that ordinary text also puts before a colon ("date:", "user:").  A weak label counts only where the
mail has no strong one for the same field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from parsers.date_tokens import fold


class Part(StrEnum):
    """The parts of a request; the values are the names that problems carry."""

    USERNAME = "username"
    USAGE = "intended_usage"
    DATE = "expiration_date"
    DISK = "disk_gib"
    WHOLE = "request"


REQUIRED = (Part.USERNAME, Part.USAGE, Part.DATE)

_STRONG = {
    Part.USERNAME: ("username", "user name", "login", "nom d'utilisateur", "nom utilisateur", "identifiant"),
    Part.USAGE: (
        "intended usage", "intended use", "intented usage", "intended usages", "usage prevu", "utilisation prevue",
        "usage envisage", "utilisation envisagee", "usage intended",
    ),
    Part.DATE: (
        "expiration date", "expiry date", "date d'expiration", "date expiration", "end date", "date de fin",
        "date of expiration", "expiration", "expire date",
    ),
}  # fmt: skip
_WEAK = {
    Part.USERNAME: ("user", "name", "nom", "account", "compte", "utilisateur", "login name", "user id", "userid", "uid"),
    Part.USAGE: ("usage", "use", "purpose", "utilisation", "usages", "objectif", "intended purpose", "but"),
    Part.DATE: (
        "date", "until", "expires", "expires on", "expiry", "fin", "echeance", "jusqu'au", "jusqu'a", "end",
        "valid until", "needed until", "date de fin souhaitee",
    ),
    Part.DISK: (
        "disk", "extra disk", "disk space", "extra disk space", "disk size", "additional disk", "additional disk space",
        "storage", "extra storage", "disque", "espace disque", "taille du disque", "disque supplementaire",
        "espace disque supplementaire", "stockage",
    ),
}  # fmt: skip

_LABELS: dict[str, tuple[Part, bool]] = {
    **{name: (part, False) for part, names in _WEAK.items() for name in names},
    **{name: (part, True) for part, names in _STRONG.items() for name in names},
}

LONGEST_LABEL = 60
# A colon or its relatives; a dash or arrow between spaces; the edge of a table cell.
_SEPARATOR = re.compile(r"[:=：﹕＝∶→\t|]|(?<=\s)(?:[-–—]|->)(?=\s)| {2,}(?=\S)")
_TABLE_EDGES = frozenset("\t| ")
_BULLET = re.compile(r"[\s|]*(?:[-*•·▪◦‣+–—#]+\s+|\(?[0-9]{1,2}[.)]\s*|[a-c]\)\s+)?")
_DECORATION = " \t*_#|`\"'“”«»"
_REMARK = re.compile(r"\s*[(\[][^()\[\]]{0,60}[)\]]$")
_BETWEEN_WORDS = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True)
class Label:
    """A label at the start of a line: which part, the rest of the line, and how it is written.

    `inset` is how far the label stands from the left (bullets count), to tell a template line from a
    look-alike inside somebody's text; `cell` says that no colon but a table edge follows; `bare` that
    nothing at all follows, not even a separator.
    """

    part: Part
    strong: bool
    value: str
    inset: int
    cell: bool = False
    bare: bool = False


def read_label(line: str) -> Label | None:
    """The template label that a line (without quote marks) begins with, or None."""
    start = _BULLET.match(line[:40])
    inset = start.end() if start else 0
    head = line[inset : inset + LONGEST_LABEL]
    for tried, separator in enumerate(_SEPARATOR.finditer(head)):
        known = _lookup(head[: separator.start()])
        if known is not None:
            value = _value(line[inset + separator.end() :], separator.group(), head)
            return Label(*known, value=value, inset=inset, cell=separator.group()[0] in _TABLE_EDGES)
        if tried == 3:
            break
    known = _lookup(head) if len(line) - inset < LONGEST_LABEL else None
    return Label(*known, value="", inset=inset, bare=True) if known and known[1] else None


def _lookup(head: str) -> tuple[Part, bool] | None:
    name = head.strip(_DECORATION)
    if not 2 < len(name) <= LONGEST_LABEL:
        return None
    folded = _BETWEEN_WORDS.sub(" ", fold(name))
    return _LABELS.get(folded) or _LABELS.get(_REMARK.sub("", folded))


def _value(rest: str, separator: str, head: str) -> str:
    """The text after a separator, without a doubled separator and without the bold marks around the line."""
    value = rest.strip().lstrip(":=>→| \t" if separator != "\t" else ":|\t ").strip()
    marked = head[:1] in "*_" or value[:2] in {"* ", "**", "__", "_ "}
    if marked or value.startswith("*"):
        value = value.strip("*").strip("_").strip() if head[:1] in "*_" else value.lstrip("*").strip()
    return value.removesuffix("|").strip()
