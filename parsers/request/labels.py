"""The labels of the request template, as people write them.

A label is *strong* where it is the template's own or a plain translation, *weak* where it is a word
that ordinary text also puts before a colon ("date:", "user:").  A weak label counts only where the
mail has no strong one for the same part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from parsers.remembering import remembered
from parsers.text.folding import fold, word_set
from parsers.translatable import say


class Part(StrEnum):
    """The parts of a request; the values are the names that problems carry."""

    USERNAME = "username"
    USAGE = "intended_usage"
    DATE = "expiration_date"
    DISK = "disk_gib"
    WHOLE = "request"


REQUIRED = (Part.USERNAME, Part.USAGE, Part.DATE)
LABELS = {Part.USERNAME: "username", Part.USAGE: "intended usage", Part.DATE: "expiration date"}
IN_WORDS = {Part.USERNAME: say("username"), Part.USAGE: say("intended usage"), Part.DATE: say("expiration date")}
"""The same labels as a letter says them, in its reader's language."""

_STRONG = {
    Part.USERNAME: (
        "username", "user name", "login", "nom d'utilisateur", "nom utilisateur", "identifiant",
        "benutzername", "nutzername", "nombre de usuario", "nome utente",
        "nome de utilizador", "nome de usuario", "nome do usuario", "gebruikersnaam",
    ),
    Part.USAGE: (
        "intended usage", "intended use", "intended usages", "usage prevu", "utilisation prevue",
        "usage envisage", "utilisation envisagee", "usage intended", "verwendungszweck", "geplante nutzung", "vorgesehene nutzung",
        "geplante verwendung", "uso previsto", "utilizzo previsto", "uso previsto de la maquina", "utilizacao prevista", "beoogd gebruik", "gebruiksdoel",
    ),
    Part.DATE: (
        "expiration date", "expiry date", "date d'expiration", "date expiration", "end date", "date de fin",
        "date of expiration", "expiration", "expire date", "ablaufdatum", "enddatum", "fecha de caducidad", "fecha de expiracion",
        "fecha de fin", "fecha de vencimiento", "data di scadenza", "data di fine", "data de expiracao", "data de fim", "data de validade",
        "vervaldatum", "einddatum",
    ),
}  # fmt: skip
_WEAK = {
    Part.USERNAME: ("user", "name", "nom", "account", "compte", "utilisateur", "login name", "user id", "userid", "uid", "usuario", "utente",
        "kennung", "benutzer"),
    Part.USAGE: ("usage", "use", "purpose", "utilisation", "usages", "objectif", "intended purpose", "but"),
    Part.DATE: (
        "date", "until", "expires", "expires on", "expiry", "fin", "echeance", "jusqu'au", "jusqu'a", "end",
        "valid until", "needed until", "gultig bis", "laufzeit bis", "valable jusqu'au", "valido hasta",
    ),
    Part.DISK: (
        "disk", "extra disk", "disk space", "extra disk space", "disk size", "additional disk", "additional disk space",
        "storage", "extra storage", "disque", "espace disque", "taille du disque", "disque supplementaire",
        "espace disque supplementaire", "stockage", "festplatte", "festplattenplatz", "speicherplatz",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Name:
    part: Part
    strong: bool
    exact: bool = False


_NAMES = {
    **{name: _Name(part, strong=False) for part, names in _WEAK.items() for name in names},
    **{name: _Name(part, strong=True) for part, names in _STRONG.items() for name in names},
    **{name: _Name(part, strong=True, exact=True) for part, name in LABELS.items()},
}
# "Your Grid'5000 login", "expiration date of the VM", "date de fin souhaitée": words that change nothing.
_PADDING = word_set(
    "your my our the grid 5000 g5k grid'5000 votre mon ma notre la le vm of du desired requested wanted souhaitee prevue"
    " proposed full pour for a"
)

_FIRST_WORDS = frozenset(name.split()[0] for name in _NAMES)

LONGEST_LABEL = 60
# A colon or its relatives; a dash or arrow between spaces; the edge of a table cell.
_SEPARATOR = re.compile(r"[:=：﹕＝∶→\t|]|(?<=\s)(?:[-–—]|->)(?=\s)|[ \xa0]{2,}(?=\S)")
_TABLE_EDGES = frozenset("\t| \xa0")
_BULLET = re.compile(r"[^\w<>]{0,12}(?:\(?[0-9]{1,2}[.)]\s{0,3}|[a-c]\)\s{1,3})?[^\w<>]{0,4}")
_DECORATION = " \t\xa0*_#|`\"'“”«»\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\xad"
_REMARK = re.compile(r"\s{0,3}[(\[][^()\[\]]{0,60}[)\]]$")
_INLINE = re.compile(
    r"(?<=[\s,;.|])(?:" + "|".join(re.escape(name) for names in _STRONG.values() for name in names if len(name) > 10)
    + r"|username)\s?[:=：]",
    re.IGNORECASE,
)  # fmt: skip
_ALIKE = 0.84
_COLONS = frozenset(":=：")
_LONGEST_REMARK = 300
_FIRST_LETTERS = frozenset(label[0] for label in LABELS.values())
_CELL_EDGE = re.compile(r"\s{0,3}[\t|]\s{0,3}|[ \xa0]{2,}")


@dataclass(frozen=True, slots=True)
class Label:
    """A label at the start of a line: which part, the rest of the line, and how it is written.

    `inset` is how far the label stands from the left (bullets count), to tell a template line from a
    look-alike inside somebody's text; `cell` says that no colon but a table edge follows; `bare` that
    nothing at all follows, not even a separator; `guessed` holds the words of a misspelt label;
    `exact` says that it is the template's own label and no other word for it.
    """

    part: Part
    strong: bool
    value: str
    inset: int
    cell: bool = False
    bare: bool = False
    guessed: str = ""
    exact: bool = False


@remembered(longest=500, most=1024)  # the steps of reading a mail ask for the same lines
def read_label(line: str) -> Label | None:
    """The template label that a line (without quote marks) begins with, or None.

    Behind a bar (│) our letters show words of people, which are no template.
    """
    if line.lstrip()[:1] == "│":
        return None
    start = _BULLET.match(line)
    inset = start.end() if start else 0
    head = line[inset : inset + LONGEST_LABEL]
    for tried, separator in enumerate(_SEPARATOR.finditer(head)):
        known = _lookup(head[: separator.start()])
        if known is not None:
            value = _value(line[inset + separator.end() :], line[:inset], head)
            return _label(known, value, inset, cell=separator.group()[0] in _TABLE_EDGES)
        if tried == 3:
            return None
    return _explained_label(line, inset) or _bare_label(line, inset)


def _bare_label(line: str, inset: int) -> Label | None:
    known = _lookup(line[inset:]) if len(line) - inset < LONGEST_LABEL else None
    return _label(known, "", inset, bare=True) if known and known.strong else None


def _explained_label(line: str, inset: int) -> Label | None:
    """A label with a long remark in brackets before its colon: "expiration date (until when ...): 2027-03-31"."""
    opened = line.find("(", inset, inset + 40)
    closed = line.find(")", opened, opened + _LONGEST_REMARK) if opened > 0 else -1
    after = line[closed + 1 :].lstrip() if closed > 0 else ""
    known = _lookup(line[inset:opened]) if after[:1] in _COLONS else None
    return _label(known, _value(after[1:], line[:inset], line[inset:]), inset) if known else None


def _label(name: _Name, value: str, inset: int, *, cell: bool = False, bare: bool = False) -> Label:
    return Label(name.part, name.strong, value, inset, cell=cell, bare=bare, exact=name.exact)


def guess_label(line: str, wanted: frozenset[Part]) -> Label | None:
    """A misspelt label of one of the wanted parts ("intented usage:", "usernmae:"), or one without colon, or None."""
    start = _BULLET.match(line)
    inset = start.end() if start else 0
    for part in wanted & LABELS.keys():
        rest = line[inset + len(LABELS[part]) :]
        if rest[:1] == " " and line[inset:].lower().startswith(LABELS[part]) and len(rest) < LONGEST_LABEL:
            return Label(part, strong=True, value=rest.strip(), inset=inset, guessed=f"{LABELS[part]} (without colon)")
    head, colon, _ = line[inset : inset + 24].partition(":")
    folded = " ".join(fold(head).split())
    if not colon or not 6 <= len(folded) <= 18 or folded[0] not in _FIRST_LETTERS:
        return None
    for part in wanted & LABELS.keys():
        if SequenceMatcher(None, folded, LABELS[part]).ratio() >= _ALIKE:
            value = _value(line[inset + len(head) + 1 :], line[:inset], head)
            return Label(part, strong=True, value=value, inset=inset, guessed=head.strip(_DECORATION))
    return None


def inline_labels(line: str) -> list[int]:
    """Where further strong labels with a colon begin inside a line, for templates that lost their line breaks."""
    return [hit.start() for hit in _INLINE.finditer(line)]


def cells_of(line: str) -> list[str]:
    """The cells of a table row as text: parted by tabs, bars or several spaces."""
    return [cell for cell in _CELL_EDGE.split(line.strip(" \t|\xa0")) if cell]


def is_heading(cells: list[str]) -> bool:
    """Whether a table row holds the template's labels and nothing else."""
    if len(cells) < 2:
        return False  # nearly every line
    parts = [known.part for cell in cells if (known := _lookup(cell))]
    return len(parts) == len(cells) and set(REQUIRED) >= set(parts) and len(set(parts)) == len(parts)


def _lookup(head: str) -> _Name | None:
    name = head.strip(_DECORATION)
    if not 2 < len(name) <= LONGEST_LABEL:
        return None
    folded = " ".join(fold(name).replace("_", " ").replace("-", " ").split())
    known = _NAMES.get(folded)
    if known is not None or (len(folded) > 45 and "(" not in folded) or _first_word(folded) not in _FIRST_WORDS:
        return known
    bare = _REMARK.sub("", folded)
    return _NAMES.get(bare) or _NAMES.get(_without_padding(bare)) or _of_both_names(bare)


def _first_word(name: str) -> str:
    """The first word that is no padding: where no label begins with it, the name is none, whatever remarks it has."""
    words = name.replace("/", " ").replace("(", " ").split()
    return next((word for word in words if word not in _PADDING), "")


def _without_padding(name: str) -> str:
    return " ".join(word for word in name.split() if word not in _PADDING)


def _of_both_names(name: str) -> _Name | None:
    """Two names of one part: "username / login", "nom d'utilisateur (username)"."""
    names = [piece for piece in re.split(r"[/()]| or | ou ", name) if piece.strip()][:4]
    known = [_NAMES.get(_without_padding(piece)) for piece in names]
    parts = {one.part if one else None for one in known}
    return known[0] if len(known) > 1 and len(parts) == 1 else None


def _value(rest: str, before: str, head: str) -> str:
    """The text after a separator, without a doubled separator and without the bold marks around label or line."""
    value = rest.strip().lstrip(":=>→| \t\xa0").strip()
    marks = {mark for mark in '*_`"' if before.endswith(mark) or head.startswith(mark)}
    if marks:
        value = value.strip("".join(marks)).strip()
    elif value.startswith("**"):
        value = value.strip("*").strip()
    return value.removesuffix("|").strip()
