"""Where a filled-in template ends and its writer's signature begins, also where no mark and no closing parts them."""

from __future__ import annotations

import re
from itertools import islice

from parsers.request.labels import REQUIRED, Label, Part, read_label
from parsers.text.endings import is_closing, is_contact, is_name, names_of
from parsers.text.folding import fold
from parsers.values import Address

_LABELS_OF_A_TEMPLATE = 2
_MOST_LINES = 30
_MOST_BELOW_A_CLOSING = 12
_LONGEST_LABEL_LINE, _MOST_SPACES = 40, 4
_LONGEST_LINE = 100
_LONGEST_TITLE = 60
_BESIDE_A_NAME = re.compile(r"\s*[,|•·(<\[]|\s+[-–—/]\s+")
_WORD = re.compile(r"[^\W\d_]{2,}")
#: What stands below a name, and hardly as the second line of a usage: a title, a group, a house.
_POSITION = re.compile(
    r"\b(?:ph\.?\s?d|m\.?sc|b\.?sc|dr|prof\w*|postdoc\w*|student|engineer|researcher|scientist|lecturer|fellow|head of|manager|director|administrator|assistant|"
    r"university|institute|department|dept|faculty|school of|laboratory|lab|centre|center|group|ingenieur\w*|chercheu\w*|doctorant\w*|etudiant\w*|universite|laboratoire|"
    r"departement|maitre de conferences|direct(?:eur|rice)|inria|cnrs|wissenschaftlich\w*|mitarbeiter\w*|doktorand\w*|student\w*|lehrstuhl|institut|universitat|fachbereich|fakultat|"
    r"investigador\w*|ingenier\w*|estudiante|universidad|departamento|profesor\w*|dottorand\w*|ricercat\w*|studente\w*|universita|dipartimento|istituto)\b"
)


def above_the_signature(text: str, sender: Address) -> str:
    """The text up to the signature that stands below a template: a "login:" in it is no second user, a name in it no usage.

    It begins with the usual mark, with a name of the sender or of the request on a line of its own, or with somebody's
    name above a title or a way to reach them.
    """
    lines = text.rstrip().split("\n")
    labelled, filled_in = 0, set[Part]()
    known = {name for name in names_of(sender) if len(name) > 1}
    for number, line in enumerate(lines):
        if line.startswith(">"):
            continue  # somebody else's
        complete = filled_in.issuperset(REQUIRED)
        if labelled >= _LABELS_OF_A_TEMPLATE and (
            line.rstrip() == "--" or _begins_with_a_name(lines, number, known, complete=complete)
        ):
            return "\n".join(lines[:number])
        if complete and is_closing(line) and _is_short(lines, number + 1):
            return "\n".join(lines[:number])
        label = read_label(line) or _alone(line) if line else None
        if label is not None:
            labelled += 1
            filled_in |= {label.part}
            known |= _words(label.value) if label.part is Part.USERNAME else set()
    return text


def _alone(line: str) -> Label | None:
    """The label that is a line of its own, its answer below it."""
    is_short = len(line) <= _LONGEST_LABEL_LINE and line.count(" ") <= _MOST_SPACES
    return read_label(f"{line.rstrip()}:") if is_short else None


def _is_short(lines: list[str], start: int) -> bool:
    """Whether no more follows a closing than people put below it, quoted lines not counted."""
    below = (number for number in range(start, len(lines)) if lines[number].strip() and lines[number][0] != ">")
    return next(islice(below, _MOST_BELOW_A_CLOSING, None), None) is None  # looks no further than it must


def _begins_with_a_name(lines: list[str], number: int, known: set[str], *, complete: bool) -> bool:
    """Whether a name stands here, and nothing below it but what stands in a signature: a label only where the template is `complete` above."""
    if len(lines) - number > _MOST_LINES or len(lines[number]) > _LONGEST_LINE or _is_an_answer(lines, number):
        return False
    name = _BESIDE_A_NAME.split(lines[number].strip("*_ \t"))[0]
    if not is_name(name):
        return False  # nearly every line
    below = [line.strip() for line in lines[number + 1 :] if line.strip()]
    if any(len(line) > _LONGEST_LINE or (not complete and read_label(line)) for line in below):
        return False
    words = _words(name)
    if words and words <= known:
        return True
    apart = number > 0 and not lines[number - 1].strip()
    first = below[0].strip("*_ ") if below else lines[number][len(name) :]
    title = len(first) <= _LONGEST_TITLE and not first.endswith((".", ";", ":")) and _POSITION.search(fold(first))
    return apart and len(words) > 1 and bool(title or (below and is_contact(first)))


def _is_an_answer(lines: list[str], number: int) -> bool:
    """Whether the line above is a label that nothing follows."""
    label = read_label(lines[number - 1]) if number else None
    return label is not None and not label.value


def _words(text: str) -> set[str]:
    return set(_WORD.findall(fold(text)))
