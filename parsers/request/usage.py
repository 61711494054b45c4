"""The words of the usage, which may be many lines, with what follows the request cut off."""

from __future__ import annotations

import re
import textwrap

from parsers.request.labels import Part
from parsers.request.placeholders import Stripped, strip_placeholder
from parsers.request.template import Entry, Line
from parsers.text.boilerplate import is_disclaimer
from parsers.text.endings import is_closing, is_mobile_footer
from parsers.text.folding import fold, visible

LONGEST_USAGE = 10_000

_THANKS = re.compile(r"(?:thank you|thanks|merci|danke|gracias|grazie)[\w\s']{0,30}")
_RULE = re.compile(r"[-_=*~]{5,}")


def usage_text(entry: Entry) -> Stripped:
    """The usage of a request: its lines as written, without placeholder, signature and disclaimer."""
    first = entry.label.value
    body = textwrap.dedent("\n".join(line.text for line in _until_closing(entry))).rstrip()
    text = f"{first}\n{body}" if first else body
    if strip_placeholder(Part.USAGE, text[:LONGEST_USAGE]).text == "" and entry.below:
        text = "\n".join(line.text for line in entry.below).strip("\n")
    stripped = strip_placeholder(Part.USAGE, text[:LONGEST_USAGE])
    lines = [line.rstrip() for line in visible(stripped.text).split("\n")]
    return Stripped(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), stripped.was_there)


def _until_closing(entry: Entry) -> list[Line]:
    lines = list(entry.following)
    if not entry.is_last:
        return lines
    for index, line in enumerate(lines):
        text = line.text
        if text.rstrip() == "--" or _RULE.fullmatch(text.strip()):
            return lines[:index]
        folded = fold(text[:80]).strip(" ,.!*")
        if (
            is_closing(text)
            or is_mobile_footer(text)
            or _THANKS.fullmatch(folded)
            or (index and not lines[index - 1].text.strip() and is_disclaimer(_paragraph(lines, index)))
        ):
            return lines[:index]
    return lines


def _paragraph(lines: list[Line], start: int) -> str:
    end = next((at for at in range(start, len(lines)) if not lines[at].text.strip()), len(lines))
    return "\n".join(line.text for line in lines[start:end])
