"""Trying a site's own templates before they are used: every letter is written from the samples that are shipped.

A template in the site's folder (`[smtp] templates`) replaces the one of the same name.  It may use exactly the facts of
its letter; and no line of what it writes may be a command, or a client that quotes without marks would send it back as one.
"""

from __future__ import annotations

import email
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from pathlib import Path

from jinja2 import TemplateError

from mailbot.letters.catalogue import LETTERS
from mailbot.letters.compose import LetterCannotBeWritten, compose, known_to_all
from mailbot.letters.languages import Language, language, languages
from mailbot.letters.rendering import undeclared
from mailbot.letters.samples import Sample, samples
from mailbot.letters.settings import LetterSettings
from mailbot.model import Letter
from mailbot.policy import reading_rules
from mailbot.rules import ENGLISH
from parsers.reply.commands import read_command
from parsers.reply.grammar import read_in
from parsers.values import Command

SUFFIX = ".txt.j2"


def replaced(folder: Path) -> list[str]:
    """The templates that a site's folder replaces, by file name (with the language's folder); none where there is no such folder."""
    folders = (folder, *(folder / code for code in languages() if code != ENGLISH))
    return sorted(str(path.relative_to(folder)) for one in folders for path in one.glob(f"*{SUFFIX}"))


def problems(settings: LetterSettings) -> Iterator[str]:
    """What is wrong with the site's templates, each with the file or the letter where it shows; nothing where all is well."""
    letters = {f"{letter.value}{SUFFIX}": letter for letter in Letter}
    read = read_in(settings.rules.service.languages)
    if settings.rules.service.language not in languages():
        wanted, there = settings.rules.service.language, ", ".join(languages())
        yield f"service.language: letters cannot be written in {wanted} yet, and are in English; there are {there}"
    elif settings.rules.service.language not in read:
        wanted = settings.rules.service.language
        yield f"service.language: letters are in English, because service.languages lacks {wanted}: commands in it are not read"
    for file in replaced(settings.templates) if settings.templates else ():
        code, _, name = file.rpartition("/")
        if name not in letters and not name.startswith("_"):
            yield f"{file}: there is no letter of that name"
            continue
        found = _wrong_with(name, letters.get(name), settings, language(code or ENGLISH))
        yield from (f"{file}: {problem}" for problem in found)
    for code in filter(read.__contains__, languages()):
        for sample in samples():
            yield from _badly_written(sample, settings, code)


def _wrong_with(name: str, letter: Letter | None, settings: LetterSettings, spoken: Language) -> Iterator[str]:
    known = {fact for kind in ([LETTERS[letter]] if letter else LETTERS.values()) for fact in kind.__dataclass_fields__}
    any_letter = samples()[0]
    known |= known_to_all(any_letter.item, any_letter.ticket, settings, any_letter.now)
    try:
        unknown = sorted(undeclared(name, settings.templates, spoken) - known)
    except TemplateError as error:
        yield str(error)
        return
    if unknown:
        yield f"this letter has no {', '.join(unknown)}; docs/letters.md lists what it has"


def _badly_written(sample: Sample, settings: LetterSettings, code: str) -> Iterator[str]:
    which = sample.letter if code == ENGLISH else f"{code}/{sample.letter}"
    try:
        written = compose(sample.spoken(code).item, sample.ticket, settings, sample.now)
    except (TemplateError, LetterCannotBeWritten) as error:
        yield f"{which}: {error}"
        return
    message: EmailMessage = email.message_from_bytes(written.data, policy=policy.default)
    part = message.get_body(("plain",))
    reading = reading_rules(settings.rules, sample.now)
    for line in str(part.get_content() if part else "").splitlines():
        if isinstance(read_command(line, reading), Command):
            yield f"{which}: the line “{line.strip()}” would be a command if it came back in an answer"
