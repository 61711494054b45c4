"""`docs`: a page for a site's users and a card for its admins, made from the rules in force and the tables that act."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Annotated

import typer

from mailbot.cli.output import say
from mailbot.cli.site import settings_of
from mailbot.cli.table import LOOK
from mailbot.commands import Offer, offered
from mailbot.config import Config
from mailbot.model import Purpose, Ticket, TicketState
from mailbot.rules import Rules
from mailbot.timetable import latest_end, today
from parsers.request.labels import LABELS, Part

docs = typer.Typer(
    help="Pages for a site's users and admins, made from its configuration.", no_args_is_help=True, **LOOK
)
Html = Annotated[bool, typer.Option("--html", help="One self-contained HTML page instead of Markdown.")]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands below it: sentences, text to copy, and words with their meaning."""

    heading: str
    sentences: tuple[str, ...] = ()
    copied: str = ""
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A title and its sections."""

    title: str
    sections: tuple[Section, ...]


@docs.command()
def users(context: typer.Context, html: Html = False) -> None:
    """Write the page for users: how to ask for a machine, what happens then, and what can be answered."""
    settings = settings_of(context)
    _say(for_users(settings.config, settings.clock.now()), html=html)


@docs.command()
def admins(context: typer.Context, html: Html = False) -> None:
    """Write the card for admins: what they are asked, what they can answer, and what happens without an answer."""
    settings = settings_of(context)
    _say(for_admins(settings.config, settings.clock.now()), html=html)


def for_users(config: Config, now: datetime) -> Page:
    """The page to publish."""
    rules, service = config.rules, config.rules.service
    latest = latest_end(now, service.timezone, rules.policy.max_years)
    template = "\n".join(
        (
            f"{LABELS[Part.USERNAME]}: alice",
            f"{LABELS[Part.USAGE]}: What the machine is for, in a sentence or two.",
            f"{LABELS[Part.DATE]}: {today(now, service.timezone) + timedelta(days=90):%d/%m/%Y}",
        )
    )
    sections = (
        Section(
            "Ask for a machine",
            (
                f"Write to {config.smtp.from_address} with the subject “{service.request_subject}” and these lines, filled in:",
                f"The last day can be at most {rules.policy.max_years} years ahead, now {latest:%d %B %Y}. The disk has "
                f"{rules.policy.disk_gib} GiB; for more, up to {rules.policy.max_disk_gib} GiB, say so and why in the usage.",
                "If something cannot be right, the answer names everything at once and gives the lines back. Write from the "
                "address under which you are registered, or confirm by a reply.",
            ),
            template,
        ),
        Section("What happens then", _what_happens(rules)),
        Section(
            "What you can answer",
            ("Reply to any letter about your machine. Write one of these as the first line:",),
            offers=_offers(Purpose.OWN, rules, now),
        ),
        Section("Terms", service.terms),
        Section("Help", (f"Mail that is not for the bot is read by {service.contact}, at the same address.",)),
    )
    return Page(f"Virtual machines of {service.name}", sections)


def _what_happens(rules: Rules) -> tuple[str, ...]:
    lease = rules.lease
    warned = ", ".join(map(str, lease.warn_days))
    return (
        "You are told that the request has arrived, and the admins are asked. If nobody decides, it lapses after "
        f"{_days(lease.lapse_days)}, and you are told.",
        "Once it is approved the machine is built, and a letter tells how to log in, with the fingerprints to compare.",
        f"Before the last day you are warned {warned} days ahead, for a short lease less often. You can ask for a later day by a "
        "reply.",
        f"After the last day the machine is stopped. It is removed {_days(lease.grace_days)} later, and its disk is kept for "
        f"{_days(lease.keep_disk_days)} more, in which it can be restored. Nothing of this happens without letters before.",
    )


def for_admins(config: Config, now: datetime) -> Page:
    """The card for those who decide."""
    rules, lease = config.rules, config.rules.lease
    who = ", ".join(f"{admin.name} <{admin.address}>" for admin in config.admins)
    proof = "Your mail must also be proven to come from your domain." if rules.trust.sees_alignment else ""
    sections = (
        Section(
            "Decide",
            (
                "Reply to the letter that asks you, from the address that it went to; one of these as the first line. The first "
                f"valid answer counts, and the others are told. {proof}".strip(),
                "All your words count: a line that limits or takes back the command decides nothing, and is asked back.",
            ),
            offers=_offers(Purpose.DECIDE, rules, now),
        ),
        Section(
            "Without an answer",
            (
                f"You are reminded after {', '.join(map(str, lease.remind_days))} days; after {_days(lease.lapse_days)} the "
                "request lapses, and the requester is told.",
            ),
        ),
        Section(
            "What the bot holds back",
            (
                f"When more than {lease.brake_machines} machines, and more than {lease.brake_percent} % of all, would be stopped or "
                "removed at once, nothing is, and you are asked.",
                "While the mailbox, the directory or the clock cannot be trusted nothing is stopped, removed or left to lapse.",
                "`mailbot hold N` exempts a machine, `mailbot pause` stops everything, `mailbot doctor` says what is wrong.",
            ),
        ),
        Section("Who decides", (who,)),
    )
    return Page(f"{rules.service.name}: the admins' card", sections)


def _days(number: int) -> str:
    return "one day" if number == 1 else f"{number} days"


def _offers(purpose: Purpose, rules: Rules, now: datetime) -> tuple[Offer, ...]:
    """Every line that letters of this purpose offer in some state, each once: asked of the table that acts."""
    found: dict[str, Offer] = {}
    for state in TicketState:
        for offer in offered(_ticket(state, rules, now), purpose, now, rules):
            found.setdefault(offer.words, offer)
    return tuple(found.values())


def _ticket(state: TicketState, rules: Rules, now: datetime) -> Ticket:
    """Somebody's ticket, in the middle of that state."""
    first = today(now, rules.service.timezone)
    return Ticket(
        1, state, "alice", "Alice", "alice@example.org", "", first + timedelta(days=30), rules.policy.disk_gib, "", "", now, now,
        lease_from=now, keep_until=now + timedelta(days=30),
    )  # fmt: skip


def _say(page: Page, *, html: bool) -> None:
    say(as_html(page) if html else as_markdown(page))


def as_markdown(page: Page) -> str:
    """The page as Markdown."""
    lines = [f"# {page.title}"]
    for section in page.sections:
        lines += ["", f"## {section.heading}"]
        for number, sentence in enumerate(section.sentences):
            lines += ["", sentence]
            if section.copied and number == 0:
                lines += ["", "```text", section.copied, "```"]
        if section.offers:
            lines += ["", *(f"- `{offer.words}`: {offer.meaning}" for offer in section.offers)]
    return "\n".join(lines)


def as_html(page: Page) -> str:
    """The page as HTML (and nothing else is needed): no script, no picture, no address of anybody else."""
    return "\n".join((_HEAD.format(title=escape(page.title)), *_body(page), "</main></body></html>"))


def _body(page: Page) -> Iterator[str]:
    for section in page.sections:
        yield f"<h2>{escape(section.heading)}</h2>"
        for number, sentence in enumerate(section.sentences):
            yield f"<p>{escape(sentence)}</p>"
            if section.copied and number == 0:
                yield f"<pre>{escape(section.copied)}</pre>"
        if section.offers:
            rows = (
                f"<dt><code>{escape(one.words)}</code></dt><dd>{escape(one.meaning)}</dd>" for one in section.offers
            )
            yield f"<dl>{''.join(rows)}</dl>"


_HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 0 }}
main {{ max-width: 42rem; margin: 0 auto; padding: 1.5rem }}
pre {{ overflow-x: auto; padding: .8rem; border: 1px solid; border-radius: .3rem; white-space: pre-wrap }}
dt {{ margin-top: .6rem; font-weight: 600 }}
dd {{ margin: 0 0 0 1.2rem }}
</style></head><body><main><h1>{title}</h1>"""
