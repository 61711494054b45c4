"""Templates to text and HTML.  Both are written from the same blocks, so they can never say different things."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeAlias

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    Template,
    Undefined,
    meta,
)
from markupsafe import Markup, escape

from mailbot.letters.blocks import Block, BlockKind, read_blocks
from mailbot.letters.languages import Language
from mailbot.letters.plain import to_text
from mailbot.letters.requests import Filled
from mailbot.letters.troubles import WORK, Section
from mailbot.offers import Offer
from mailbot.rules import ENGLISH
from parsers.request.form import form_lines
from parsers.request.labels import Part
from parsers.text.folding import one_line, visible
from parsers.translatable import say
from parsers.values import Verb

Mailto: TypeAlias = Callable[[str], str]
DECIDING = frozenset(
    {Verb.APPROVE, Verb.DENY, Verb.CONFIRM, Verb.EXTEND, Verb.KEEP, Verb.PROCEED, Verb.RESTORE, Verb.RETRY}
)
"""Offers that decide something: their first line is a button."""
_VALUE_LIMIT = 1500
_QUOTE_LINES = 60
_QUOTE_CHARACTERS = 6000
_FORM_CHARACTERS = 11_000
"""As much as a usage may have, with its label: the form gives back all of it."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter's body, twice the same."""

    text: str
    html: str


class _Marked(str):
    """Mark-up made by a function of ours from cleaned values; everything else is a value and is cleaned."""

    __slots__ = ()


def rendering(
    template: str,
    values: Mapping[str, Any],
    *,
    title: str,
    band: str,
    mailto: Mailto,
    language: Language,
    own: Path | None = None,
) -> Generator[None, None, Rendered]:
    """Render `<template>.txt.j2` of `templates_email`, in the language, in pieces; `band` is the line above the letter in HTML, `title`
    its title; `mailto` gives the link that opens a reply with a line that is offered.  Templates in the folder `own` go first.

    Raises jinja2.UndefinedError where the template needs a value that is not there.
    """
    source = _template(_text_environment(own, language), f"{template}.txt.j2").render(values)
    yield
    blocks = read_blocks(source)
    if language.is_typeset:
        blocks = tuple(_typeset(block, language) for block in blocks)
    preview = next((block.text for block in blocks if block.kind is BlockKind.LEAD), title)
    label = partial(_label, language)
    offered = {one_line(offer.words): offer.verb for offer in values["commands"]}
    yield
    html = _template(_html_environment(own, language), "layout.html.j2").render(
        blocks=blocks,
        title=title,
        band=band,
        preview=preview,
        mailto=mailto,
        language=language.code,
        label=label,
        strong_offers=_strong(blocks, offered),
        refusals=frozenset(words for words, verb in offered.items() if verb is Verb.DENY),
    )
    yield
    return Rendered(to_text(blocks, label), html)


@lru_cache(maxsize=256)  # most lines are offered in many letters
def _label(language: Language, words: str) -> str:
    """How a line that can be answered is offered: a word in front keeps it from being a command, also where a client drops the indent."""
    return language.typeset(language.words(say("Reply «{words}»", words=words)))


def _typeset(block: Block, language: Language) -> Block:
    """The block with the spaces of its language, but for what is copied and what is somebody's own."""
    match block.kind:
        case BlockKind.CODE | BlockKind.QUOTE:
            return block
        case BlockKind.OFFERS:
            lines = tuple((words, language.typeset(meaning)) for words, meaning in block.lines)
        case BlockKind.ROWS:
            lines = tuple((language.label(label), language.typeset(value)) for label, value in block.lines)
        case _:
            lines = tuple((language.typeset(words), "") for words, _ in block.lines)
    return Block(block.kind, lines)


def _strong(blocks: Iterable[Block], offered: Mapping[str, Verb]) -> frozenset[int]:
    """Which of the offered lines are buttons: the first of every word that decides something."""
    verbs = [offered.get(line) for block in blocks if block.kind is BlockKind.OFFERS for line, _ in block.lines]
    return frozenset(at for at, verb in enumerate(verbs) if verb in DECIDING and verbs.index(verb) == at)


def _clean(value: object) -> object:
    """Jinja's finalize: a value becomes one line without unseen characters; mark-up of ours passes."""
    if isinstance(value, (_Marked, Undefined)) or type(value) is int:
        return value
    return one_line(str(value), _VALUE_LIMIT)


def _quote(words: str, language: Language) -> _Marked:
    """Somebody's words as a quoted block, line by line, at most so many."""
    lines = [" ".join(line.split()) for line in visible(words[:_QUOTE_CHARACTERS]).split("\n")]
    lines = [line for line in lines if line]
    if len(lines) > _QUOTE_LINES or len(words) > _QUOTE_CHARACTERS:
        lines = [*lines[:_QUOTE_LINES], language.words(say("(…) The rest is in the message itself."))]
    return _Marked("\n".join(f"> {line}" for line in lines or [language.words(say("(nothing)"))]))


def _paragraphs(words: str, language: Language) -> _Marked:
    """Somebody's words like `_quote`, their paragraphs as blocks of their own."""
    return _Marked("\n\n".join(_quote(one, language) for one in re.split(r"\n\s*\n", words.strip())))


def _listed(mark: str, limit: int = _QUOTE_CHARACTERS) -> Any:
    def listed(lines: Iterable[object]) -> _Marked:
        return _Marked("\n".join(f"{mark} {one_line(str(line), limit)}" for line in lines))

    return listed


def _offers(commands: Iterable[Offer]) -> _Marked:
    """What can be answered: each line and its meaning, from `mailbot.commands`."""
    return _Marked(
        "\n".join(f"@ {one_line(offer.words)} ¦ {one_line(offer.meaning, _VALUE_LIMIT)}" for offer in commands)
    )


def _known_hosts(fqdn: str, address: str, host_keys: Iterable[str], further: Iterable[str] = ()) -> list[str]:
    """Lines for ~/.ssh/known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
    return [f"{','.join((fqdn, address, *further))} {key}" for key in host_keys]


def _forget_hosts(*names: str) -> list[str]:
    """Commands that take a machine out of ~/.ssh/known_hosts (ssh-keygen(1))."""
    return [f"ssh-keygen -R {name}" for name in names]


def _headline(sections: Iterable[Section], language: Language) -> str:
    """A digest in one line: `2 waiting, 1 failed`."""
    told = ", ".join(f"{len(section.lines)} {section.title}" for section in sections if section.lines)
    return told or language.words(say("nothing to report"))


def _filled_in(fields: Filled, language: Language) -> list[str]:
    """The request template with what is known, in the reader's language."""
    known = {
        Part.USERNAME: fields.username,
        Part.USAGE: fields.intended_usage,
        Part.DATE: fields.expiration_date,
    }
    return form_lines(known if fields.disk is None else {**known, Part.DISK: fields.disk}, language.code)


def undeclared(file: str, own: Path | None, language: Language) -> set[str]:
    """The names that a template needs from outside; raises jinja2.TemplateError where it cannot be read."""
    environment = _text_environment(own, language)
    if environment.loader is None:
        raise AssertionError("it is given where the environment is made")
    source, _name, _fresh = environment.loader.get_source(environment, file)
    return meta.find_undeclared_variables(environment.parse(source)) - environment.globals.keys()


def _loader(own: Path | None, language: Language) -> BaseLoader:
    """A template of the site before those of the program; in either, the language before what has none."""
    shipped = (PackageLoader("templates_email", folder) for folder in _folders(language))
    mine = (FileSystemLoader(own / folder) for folder in _folders(language)) if own else ()
    return ChoiceLoader([*mine, *shipped])


def _folders(language: Language) -> tuple[str, ...]:
    return ("",) if language.code == ENGLISH else (language.code, "")


@lru_cache(maxsize=16)
def _text_environment(own: Path | None, language: Language) -> Environment:
    environment = Environment(  # noqa: S701 - this is no HTML: the layout, which is, escapes
        loader=_loader(own, language),
        undefined=StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters.update(
        day=language.day, gib=language.gib, first_upper=lambda words: words[:1].upper() + words[1:]
    )
    environment.globals.update(
        quote=partial(_quote, language=language),
        paragraphs=partial(_paragraphs, language=language),
        items=_listed("-"),
        code=_listed("$", _FORM_CHARACTERS),
        offers=_offers,
        count=language.count,
        known_hosts=_known_hosts,
        forget_hosts=_forget_hosts,
        filled_in=partial(_filled_in, language=language),
        headline=partial(_headline, language=language),
        work=lambda action: language.words(WORK[action]),
    )
    return environment


@lru_cache(maxsize=256)
def _template(environment: Environment, name: str) -> Template:
    template = environment.get_template(name)
    template.globals = dict(template.globals)  # copied for each letter, and a chain of two takes six times as long
    return template


@lru_cache(maxsize=16)
def _html_environment(own: Path | None, language: Language) -> Environment:
    environment = Environment(
        loader=_loader(own, language),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        auto_reload=False,
    )
    environment.filters["together"] = _together
    return environment


_TOGETHER = re.compile(
    r"(\d{4}-\d\d-\d\d|(?<![\w.])[\w.]+-vm(?![\w-])|\d+ (?:GiB|Gio|MiB|Mio|CPUs?)\b|\d+ h \d\d|--\w+)"
)
_UNBROKEN = r'<span style="white-space:nowrap">\1</span>'


@lru_cache(maxsize=256)  # most sentences stand in many letters
def _together(words: str) -> Markup:
    """The words as HTML in which no line breaks within a date, a machine's name, an amount or a time.

    What stands for a character in HTML begins and ends with none of the expression's: it finds the same as in plain words.
    """
    return Markup(_TOGETHER.sub(_UNBROKEN, str(escape(words))))  # noqa: S704 - escaped in this very line
