"""The template's placeholders: taken out where they were left, put in where a value is not known."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from parsers.request.labels import LABELS, Part, read_label
from parsers.text.folding import fold, word_set
from parsers.values import Fields

# Our own wording: no day and no amount in it, so that a forgotten placeholder is never read as an answer.
ENGLISH = {
    Part.USERNAME: "your login",
    Part.USAGE: "what the VM is for, in 5 to 10 lines; if you need more disk, how much and why",
    Part.DATE: "the last day on which you need the VM",
    Part.DISK: "the size of the whole disk, and why",
}
FRENCH = {
    Part.USERNAME: "votre identifiant",
    Part.USAGE: "à quoi servira la VM, en 5 à 10 lignes ; s'il faut plus de disque, combien et pourquoi",
    Part.DATE: "le dernier jour où vous aurez besoin de la VM",
    Part.DISK: "la taille du disque entier, et pourquoi",
}
GERMAN = {
    Part.USERNAME: "Ihr Login",
    Part.USAGE: "wofür die VM ist, in 5 bis 10 Zeilen; wenn mehr Festplatte nötig ist, wie viel und warum",
    Part.DATE: "der letzte Tag, an dem Sie die VM brauchen",
    Part.DISK: "die Größe der ganzen Festplatte, und warum",
}


def _own(part: Part) -> tuple[str, ...]:
    return ENGLISH[part], FRENCH[part], GERMAN[part]


def _pattern(*sentences: str) -> re.Pattern[str]:
    """The sentences with any white space between their words; `~` stands for a few words of the site's."""
    joined = "|".join(re.escape(s).replace(r"\ ", r"\s{1,9}").replace("\\~", "[^<>:]{1,40}?") for s in sentences)
    return re.compile(rf"(?:{joined})[.!]?", re.IGNORECASE)


_SENTENCES = {
    Part.USERNAME: _pattern("Fill with your ~ login", "Fill with your login", *_own(Part.USERNAME)),
    Part.USAGE: _pattern(
        "Fill with the intended usage for the VM, in 5-10 lines",
        "Fill with the intended usage for the VM",
        "If you require extra disk space, please explain how much and why",
        *_own(Part.USAGE),
    ),
    Part.DATE: _pattern(
        "Until when you will need the VM",
        "You will need to contact us again to extend this",
        "We will contact you before removing your VM",
        "Maximum: 2 years",
        "Maximum : 2 years",
        *_own(Part.DATE),
    ),
    Part.DISK: _pattern(*_own(Part.DISK)),
}
_VOCABULARY = {
    Part.USERNAME: word_set("fill with your login the"),
    Part.USAGE: word_set(
        "fill with the intended usage for vm in 5 10 lines if you require extra disk space please explain how much and why"
    ),
}
_EMPTY_ANSWERS = word_set(
    "todo tbd tba xxx xxxx na none null nil fill empty vide aucun aucune unknown inconnu login username placeholder"
    " optional required"
)
_EMPTY_PAIR = re.compile(r"[<(\[{][\s.,;:]{0,9}[>)\]}]")
_WORD = re.compile(r"\w+")
_EDGES = " \t\n<>[]{}«»:;,.–—-_*/\\|?…!"


@dataclass(frozen=True, slots=True)
class Stripped:
    """A value without placeholder: what the user wrote, and whether any placeholder was there."""

    text: str
    was_there: bool


def strip_placeholder(part: Part, value: str) -> Stripped:
    """Take the template's own sentences and an angle bracket around the answer out of a value."""
    sentences = _SENTENCES.get(part)
    if sentences is None:
        return Stripped(value.strip(), was_there=False)
    without, count = sentences.subn(" ", html.unescape(value) if "&lt;" in value else value)
    text = without.strip()
    if count:
        text = _EMPTY_PAIR.sub(" ", text).strip("<>[]{} \t\n").lstrip(":;,.-–—> \t\n")
        text = text.lstrip(" >]}\n").strip()
    if text.startswith("<") and text.endswith(">") and text.count("<") == 1:
        text = text[1:-1].strip()
    return Stripped("" if _says_nothing(part, text) else text, was_there=bool(count))


def _says_nothing(part: Part, text: str) -> bool:
    """Nothing but marks, "TODO", "n/a", or words of the template itself."""
    words = _WORD.findall(fold(text[:200]))
    if not text.strip(_EDGES) or not words:
        return True
    if len(words) <= 2 and "".join(words) in _EMPTY_ANSWERS:
        return True
    return len(words) > 1 and len(text) < 200 and set(words) <= _VOCABULARY.get(part, frozenset())


def filled_template(fields: Fields) -> str:
    """The request template with what was understood, and a placeholder in angle brackets for what was not.

    The text ends without a line break and is read again as a request when it comes back, quoted or not.
    """
    date = fields.expiration_date.isoformat() if fields.expiration_date else None
    values = {Part.USERNAME: fields.username, Part.USAGE: _usage(fields), Part.DATE: date}
    return "\n\n".join(f"{LABELS[part]}: {value or f'<{ENGLISH[part]}>'}" for part, value in values.items())


def _usage(fields: Fields) -> str | None:
    """The usage; a line of it that looks like a template line is set in, so that it is read as text again."""
    if not fields.intended_usage:
        return None
    first, *rest = fields.intended_usage.strip().split("\n")
    return "\n".join([first, *(f"  {line}" if read_label(line) else line for line in rest)])
