"""Templates to text and HTML.  Both are written from the same blocks, so they can never say different things."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

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

from mailbot.commands import Offer
from mailbot.letters.blocks import Block, BlockKind, read_blocks
from mailbot.letters.plain import to_text
from mailbot.letters.requests import Filled
from mailbot.letters.troubles import Section
from parsers.dates import long_form
from parsers.request.labels import LABELS, Part
from parsers.request.placeholders import OWN
from parsers.text.folding import one_line, visible

Mailto: TypeAlias = Callable[[str], str]
DECIDING = frozenset({"approve", "deny", "confirm", "extend", "keep", "proceed", "restore", "retry"})
"""Offers that decide something: their first line is a button."""
_VALUE_LIMIT = 1500
_QUOTE_LINES = 60
_QUOTE_CHARACTERS = 6000


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter's body, twice the same."""

    text: str
    html: str


class _Marked(str):
    """Mark-up made by a function of ours from cleaned values; everything else is a value and is cleaned."""

    __slots__ = ()


def render(
    template: str, values: Mapping[str, Any], *, title: str, band: str, mailto: Mailto, own: Path | None = None
) -> Rendered:
    """Render `templates_email/<template>.txt.j2`; `band` is the line above the letter in HTML, `title` its title; `mailto`
    gives the link that opens a reply with a line that is offered.  Templates in the folder `own` go first.

    Raises jinja2.UndefinedError where the template needs a value that is not there.
    """
    blocks = read_blocks(_template(template, own).render(values))
    preview = next((block.text for block in blocks if block.kind is BlockKind.LEAD), title)
    html = _layout(own).render(
        blocks=blocks, title=title, band=band, preview=preview, mailto=mailto, strong_offers=_strong(blocks)
    )
    return Rendered(to_text(blocks), html)


def _strong(blocks: Iterable[Block]) -> frozenset[int]:
    """Which of the offered lines are buttons: the first of every word that decides something."""
    words = [line.split()[0] for block in blocks if block.kind is BlockKind.OFFERS for line, _ in block.lines]
    return frozenset(at for at, word in enumerate(words) if word in DECIDING and words.index(word) == at)


def moment_in_words(moment: datetime, timezone: str) -> str:
    """`on Monday 31 January 2027 at 17:05`, `at midnight, end of Monday 31 January 2027`; the zone stands in the footer."""
    words = point_in_words(moment, timezone)
    return f"at {words}" if words.startswith(_MIDNIGHT) else f"on {words.replace(', ', ' at ')}"


_MIDNIGHT = "midnight, end of "


def point_in_words(moment: datetime, timezone: str) -> str:
    """`Monday 31 January 2027, 17:05`, behind "until" or "since"; midnight belongs to the day that ends."""
    local = moment.astimezone(ZoneInfo(timezone))
    if (local.hour, local.minute) == (0, 0):
        return f"{_MIDNIGHT}{long_form(local.date() - timedelta(days=1))}"
    return f"{long_form(local.date())}, {local:%H:%M}"


def day_in_words(day: date) -> str:
    """`Monday 31 January 2027`."""
    return long_form(day)


def when_in_words(when: date | datetime, timezone: str) -> str:
    """A day or a moment, whichever it is, behind "since"."""
    return point_in_words(when, timezone) if isinstance(when, datetime) else day_in_words(when)


def gib(mebibytes: int) -> str:
    """MiB as GiB in words: `12 GiB`, `1.5 GiB`."""
    return f"{mebibytes / 1024:.1f}".removesuffix(".0") + " GiB"


def count(number: int, noun: str) -> str:
    """`1 day`, `2 days`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _clean(value: object) -> object:
    """Jinja's finalize: a value becomes one line without unseen characters; mark-up of ours passes."""
    if isinstance(value, (_Marked, Undefined)) or type(value) is int:
        return value
    return one_line(str(value), _VALUE_LIMIT)


def _quote(words: str) -> _Marked:
    """Somebody's words as a quoted block, line by line, at most so many."""
    lines = [" ".join(line.split()) for line in visible(words[:_QUOTE_CHARACTERS]).split("\n")]
    lines = [line for line in lines if line]
    if len(lines) > _QUOTE_LINES or len(words) > _QUOTE_CHARACTERS:
        lines = [*lines[:_QUOTE_LINES], "(…) The rest is in the mail itself."]
    return _Marked("\n".join(f"> {line}" for line in lines or ["(nothing)"]))


def _listed(mark: str) -> Any:
    def listed(lines: Iterable[object]) -> _Marked:
        return _Marked("\n".join(f"{mark} {one_line(str(line), _QUOTE_CHARACTERS)}" for line in lines))

    return listed


def _offers(commands: Iterable[Offer]) -> _Marked:
    """What can be answered: each line and its meaning, from `mailbot.commands`."""
    return _Marked(
        "\n".join(f"@ {one_line(offer.words)} ¦ {one_line(offer.meaning, _VALUE_LIMIT)}" for offer in commands)
    )


def _known_hosts(fqdn: str, address: str, host_keys: Iterable[str]) -> list[str]:
    """Lines for ~/.ssh/known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
    return [f"{fqdn},{address} {key}" for key in host_keys]


def _headline(sections: Iterable[Section]) -> str:
    """A digest in one line: `2 waiting, 1 failed`."""
    return ", ".join(f"{len(section.lines)} {section.title}" for section in sections if section.lines) or "all quiet"


def _filled_in(fields: Filled) -> list[str]:
    """The request template with what is known, one line a field, so that no line of it can be a command."""
    known = {
        Part.USERNAME: fields.username,
        Part.USAGE: fields.intended_usage,
        Part.DATE: fields.expiration_date,
    }
    return [
        f"{LABELS[part]}: {one_line(value, _QUOTE_CHARACTERS) or f'<{OWN[part]}>'}" for part, value in known.items()
    ]


def undeclared(file: str, own: Path | None) -> set[str]:
    """The names that a template needs from outside; raises jinja2.TemplateError where it cannot be read."""
    environment = _text_environment(own)
    assert environment.loader is not None  # noqa: S101 - it is given below
    source, _name, _fresh = environment.loader.get_source(environment, file)
    return meta.find_undeclared_variables(environment.parse(source)) - environment.globals.keys()


def _loader(own: Path | None) -> BaseLoader:
    shipped = PackageLoader("templates_email", "")
    return ChoiceLoader([FileSystemLoader(own), shipped]) if own else shipped


@lru_cache(maxsize=4)
def _text_environment(own: Path | None) -> Environment:
    environment = Environment(  # noqa: S701 - this is no HTML: the layout, which is, escapes
        loader=_loader(own),
        undefined=StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters.update(day=day_in_words, gib=gib, first_upper=lambda words: words[:1].upper() + words[1:])
    environment.globals.update(
        quote=_quote,
        items=_listed("-"),
        code=_listed("$"),
        offers=_offers,
        count=count,
        known_hosts=_known_hosts,
        filled_in=_filled_in,
        headline=_headline,
    )
    return environment


@lru_cache(maxsize=4)
def _layout(own: Path | None) -> Template:
    environment = Environment(
        loader=_loader(own),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        auto_reload=False,
    )
    return environment.get_template("layout.html.j2")


@lru_cache(maxsize=128)
def _template(name: str, own: Path | None) -> Template:
    return _text_environment(own).get_template(f"{name}.txt.j2")
