"""Trying letters before they are sent: they are written from the samples that are shipped.

A template in the site's folder (`[smtp] templates`) replaces the one of the same name.  It may use exactly the facts of
its letter; and no line of what it writes may be a command, or a client that quotes without marks would send it back as one.

`mailbot.letters.own_words` tells when this is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes

from jinja2 import TemplateError

from mailbot.letters.catalogue import LETTERS
from mailbot.letters.compose import LetterCannotBeWritten, compose, known_to_all
from mailbot.letters.languages import Language, language, languages
from mailbot.letters.own_words import LAYOUT, SUFFIX, acts, replaced
from mailbot.letters.rendering import undeclared
from mailbot.letters.samples import Sample, samples
from mailbot.letters.settings import LetterSettings
from mailbot.model import Letter
from mailbot.policy import reading_rules
from mailbot.rules import ENGLISH
from parsers.reply.grammar import read_in

SHOWING_THE_SITE = (
    Letter.ADMIN_BRAKE, Letter.ADMIN_MAIL_TROUBLE, Letter.EXTENSION_DENIED, Letter.EXTENSION_LAPSED,
    Letter.REQUEST_DENIED, Letter.REQUEST_LAPSED, Letter.REQUEST_PROBLEMS, Letter.REQUEST_WITHDRAWN,
    Letter.UNKNOWN_SENDER, Letter.VM_ENDED, Letter.VM_MOVE, Letter.VM_PASSED_ON, Letter.VM_READY, Letter.VM_REMOVED,
    Letter.VM_SWITCHED_OFF,
)  # fmt: skip
"""Letters that show every word of the site (its name, its terms, …) in every paragraph that has one."""


def problems(settings: LetterSettings) -> Iterator[str]:
    """What is wrong with the site's templates, each with the file or the letter where it shows; nothing where all is well."""
    letters = {f"{letter.value}{SUFFIX}": letter for letter in Letter}
    for file in replaced(settings.templates) if settings.templates else []:
        code, _, name = file.rpartition("/")
        if name == LAYOUT:  # what it may use is seen when it is used
            continue
        if name not in letters and not name.startswith("_"):
            yield f"{file}: there is no letter of that name"
            continue
        found = _wrong_with(name, letters.get(name), settings, language(code or ENGLISH))
        yield from (f"{file}: {problem}" for problem in found)
    for code in filter(read_in(settings.rules.service.languages).__contains__, languages()):
        for sample in samples():
            yield from badly_written(sample, settings, code)


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


def badly_written(sample: Sample, settings: LetterSettings, code: str) -> Iterator[str]:
    """Why a sample cannot be written in that language, and which of its lines would be commands."""
    which = sample.letter if code == ENGLISH else f"{code}/{sample.letter}"
    try:
        written = compose(sample.spoken(code).item, sample.ticket, settings, sample.now)
    except (TemplateError, LetterCannotBeWritten) as error:
        yield f"{which}: {error}"
        return
    reading = reading_rules(settings.rules, sample.now)
    for line in text_of(written.data).splitlines():
        if acts(line, reading):
            yield f"{which}: the line “{line.strip()}” would be a command if it came back in an answer"


def text_of(mail: bytes) -> str:
    """The words of a letter of ours."""
    parts = message_from_bytes(mail).walk()
    payload = next(part for part in parts if part.get_content_type() == "text/plain").get_payload(decode=True)
    return payload.decode() if isinstance(payload, bytes) else ""
