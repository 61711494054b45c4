"""The request template as letters hand it out: filled in as far as it was understood, in the reader's language.

Every label and every placeholder here is read again when the form comes back (`labels`, `placeholders`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from parsers.request.disk import read_disk
from parsers.request.labels import LABELS, Part
from parsers.request.placeholders import ENGLISH, FRENCH, GERMAN
from parsers.text.folding import one_line
from parsers.values import Fields, ReadingRules

_LONGEST = 10_000
_ORDER = (Part.USERNAME, Part.USAGE, Part.DATE, Part.DISK)


@dataclass(frozen=True, slots=True)
class Form:
    """The template in one language: the words before each colon, and what stands where something is to be written."""

    labels: Mapping[Part, str]
    placeholders: Mapping[Part, str]
    colon: str = ":"


FORMS: Mapping[str, Form] = {
    "en": Form({**LABELS, Part.DISK: "disk"}, ENGLISH),
    "fr": Form(
        {
            Part.USERNAME: "nom d'utilisateur",
            Part.USAGE: "usage prévu",
            Part.DATE: "date d'expiration",
            Part.DISK: "disque",
        },
        FRENCH,
        colon=" :",
    ),
    "de": Form(
        {
            Part.USERNAME: "Benutzername",
            Part.USAGE: "Verwendungszweck",
            Part.DATE: "Ablaufdatum",
            Part.DISK: "Festplatte",
        },
        GERMAN,
    ),
}
"""By the code of the language; a language of letters that has none here shows the English form, which everybody may send."""


def form_lines(known: Mapping[Part, str], language: str) -> list[str]:
    """The form, one line a part, so that no line of it can be a command; "" stands for what has to be written.

    A part that is not in `known` is left out.
    """
    form = FORMS.get(language, FORMS["en"])
    return [
        f"{form.labels[part]}{form.colon} {one_line(known[part], _LONGEST) or f'<{form.placeholders[part]}>'}"
        for part in _ORDER
        if part in known
    ]


def answers(fields: Fields, wrong: frozenset[str], rules: ReadingRules) -> dict[Part, str]:
    """What the form says of a request: its answers, and "" for what is missing or `wrong` (fields of problems).

    The disk has a line of its own where the usage alone would not be read as this size, so that nothing that was
    understood has to be written again, and a wrong size is put right without looking for it in the usage.
    """
    day = fields.expiration_date
    told = {
        Part.USERNAME: fields.username or "",
        Part.USAGE: one_line(fields.intended_usage or "", _LONGEST),
        Part.DATE: day.isoformat() if day else "",
    }
    known = {part: "" if part.value in wrong else value for part, value in told.items()}
    usual = rules.default_disk_gib
    if Part.DISK.value in wrong:
        known[Part.DISK] = ""
    elif fields.disk_gib is not None and read_disk(known[Part.USAGE], usual).gib != fields.disk_gib:
        known[Part.DISK] = _disk(fields.disk_gib, fields.disk_reason or "", usual)
    return known


def _disk(gib: int, reason: str, usual: int) -> str:
    """The wish in the user's words where these are read as this size, else the size in front of them."""
    forms = (reason, f"{gib} GB because {reason}", f"{gib} GB, {reason}", f"{gib} GB")
    return next(one for one in forms if read_disk(one, usual, labelled=True).gib == gib or one == forms[-1])
