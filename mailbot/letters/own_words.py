"""What is wrong with the letters of a site: its words in the program's letters, or templates of its own.

The program's own templates are proven by its tests, whatever the languages, but for the site's words in them (its name,
its terms, …).  These are tried in the paragraphs that show them, which are shipped as
`templates_email/site-words.json`: writing the letters would take five times as long as the rest of `mailbot check`.
Only where templates are replaced, or a gateway's banner is left out of what is read, are letters written
(`mailbot.letters.trying`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import templates_email
from mailbot.letters.plain import wrap
from mailbot.letters.settings import LetterSettings
from mailbot.model import Letter
from mailbot.policy import reading_rules
from mailbot.rules import ENGLISH, ServiceRules
from parsers.reply.commands import is_command
from parsers.reply.grammar import read_in
from parsers.text.folding import one_line
from parsers.values import ReadingRules

SUFFIX = ".txt.j2"
LAYOUT = "layout.html.j2"
_SHIPPED = Path(templates_email.__path__[0])
_ANY_DAY = datetime(2027, 1, 1, tzinfo=UTC)
_WORDS = ("name", "contact", "login_hint")


def problems(settings: LetterSettings) -> Iterator[str]:
    """What is wrong, each with the setting, the file or the letter where it shows; nothing where all is well."""
    service, there = settings.rules.service, tuple(_paragraphs())
    read = read_in(service.languages)
    if service.language not in there:
        told = f"letters cannot be written in {service.language} yet, and are in English; there are {', '.join(there)}"
        yield f"service.language: {told}"
    elif service.language not in read:
        told = (
            f"letters are in English, because service.languages lacks {service.language}: commands in it are not read"
        )
        yield f"service.language: {told}"
    yield from _missing()
    # What a gateway writes is left out where a reply is read, so that another line may be a command then.
    if service.banners or (settings.templates and replaced(settings.templates)):
        # Jinja, Babel and every letter: only for who needs them.
        yield from import_module("mailbot.letters.trying").problems(settings)
        return
    reading = reading_rules(settings.rules, _ANY_DAY)
    for line in dict.fromkeys(line for code in there if code in read for line in _lines(settings, code)):
        if acts(line, reading):
            yield f"service: the line “{line.strip()}” would be a command if it came back in an answer"


def replaced(folder: Path) -> list[str]:
    """The templates that a site's folder replaces, by file name (with the language's folder); none where there is no such folder."""
    folders = (folder, *(folder / code for code in _paragraphs() if code != ENGLISH))
    files = (path for one in folders for pattern in (f"*{SUFFIX}", LAYOUT) for path in one.glob(pattern))
    return sorted(str(path.relative_to(folder)) for path in files)


@lru_cache(maxsize=4096)  # half of the lines of a letter stand in others, too
def acts(line: str, reading: ReadingRules) -> bool:
    """Whether a line is a command where it comes back in an answer."""
    return is_command(line, reading)


@cache
def _paragraphs() -> dict[str, dict[str, Any]]:
    """By language, the paragraphs with words of the site, and what these words are where the site says nothing."""
    found: dict[str, dict[str, Any]] = json.loads((_SHIPPED / "site-words.json").read_text(encoding="utf-8"))
    return found


def _missing() -> Iterator[str]:
    there = {path.name for path in _SHIPPED.iterdir()}
    for name in (LAYOUT, *(f"{letter.value}{SUFFIX}" for letter in Letter)):
        if name not in there:
            yield f"{name}: there is no such template"


def _lines(settings: LetterSettings, code: str) -> Iterator[str]:
    """Every line of the paragraphs, as letters have them, with the words of this site."""
    service, usual, shipped = settings.rules.service, ServiceRules(), _paragraphs()[code]
    words = {one: getattr(service, one) for one in _WORDS}
    words |= {one: shipped[one] for one in _WORDS if one in shipped and words[one] == getattr(usual, one)}
    for paragraph in shipped["paragraphs"]:
        text = paragraph.replace("{support}", settings.support_address)
        for one, said in words.items():
            text = text.replace(f"{{{one}}}", one_line(str(said)))
        yield from wrap(text).split("\n")
    for term in service.terms:
        yield from wrap(one_line(str(term)), "- ", "  ").split("\n")
