"""The pages that a site publishes: for its users, in a language that letters can be in, and a card for its admins.

Made from the rules in force and the tables that act.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from mailbot.commands import offered
from mailbot.config import Config
from mailbot.letters.languages import language
from mailbot.model import Purpose, Ticket, TicketState
from mailbot.offers import Offer
from mailbot.rules import ENGLISH, Rules
from mailbot.timetable import latest_end, today
from parsers.request.form import FORMS
from parsers.request.labels import Part
from parsers.translatable import Translatable, say, say_many


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
    language: str = ENGLISH


def for_users(config: Config, now: datetime, code: str = ENGLISH) -> Page:
    """The page to publish, in a language that letters can be in."""
    rules, service = config.rules, config.rules.service
    latest = latest_end(now, service.timezone, rules.policy.max_years)
    form, spoken = FORMS.get(code, FORMS[ENGLISH]), language(code)
    example = {
        Part.USERNAME: "alice",
        Part.USAGE: spoken.words(say("What the machine is for, in a sentence or two.")),
        Part.DATE: f"{today(now, service.timezone) + timedelta(days=90):%d/%m/%Y}",
    }
    sections = (
        Section(
            say("Request a machine"),
            (
                say(
                    "Write to {address} with the subject “{subject}” and these lines, filled in:",
                    address=config.smtp.from_address,
                    subject=service.request_subject,
                ),
                say(
                    "The last day can be at most {years} years ahead, today {latest}. The disk has {usual} GiB; if you need more (up to {most} GiB), say so in the usage, and why.",
                    years=rules.policy.max_years,
                    latest=latest,
                    usual=rules.policy.disk_gib,
                    most=rules.policy.max_disk_gib,
                ),
                say(
                    "If something is wrong, the answer lists everything at once and returns your lines. Write from your registered address, or confirm by replying."
                ),
            ),
            "\n".join(f"{form.labels[part]}{form.colon} {words}" for part, words in example.items()),
        ),
        Section(say("What happens then"), _what_happens(rules)),
        Section(
            say("What you can answer"),
            (say("Reply to any message about your machine. Write one of these as the first line:"),),
            offers=_offers(Purpose.OWN, rules, now),
        ),
        Section(say("Terms"), service.terms),
        Section(
            say("Help"),
            (say("All other messages to this address are read by {contact}.", contact=service.contact),),
        ),
    )
    page: Page = spoken.value(Page(say("Virtual machines of {service}", service=service.name), sections, code))
    return page


def _what_happens(rules: Rules) -> tuple[Translatable, ...]:
    lease = rules.lease
    return (
        say(
            "You will get a receipt, and the admins will be asked. If nobody decides, the request lapses after {days}, and you will be told.",
            days=_days(lease.lapse_days),
        ),
        say(
            "Once it is approved, the machine is built, and a message tells you how to log in, with the fingerprints to compare."
        ),
        say(
            "You will be warned {warned} days before the last day, less often if you have the machine only for a short time. You can reply to ask for a later day.",
            warned=", ".join(map(str, lease.warn_days)),
        ),
        say(
            "After the last day the machine is stopped. It is removed {grace} later, and its disk is kept for {kept} more; until then it can be restored. None of this happens without messages beforehand.",
            grace=_days(lease.grace_days),
            kept=_days(lease.keep_disk_days),
        ),
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
                "Reply to the message that asks you, from the address it was sent to, with one of these as the first line. The first "
                f"valid answer counts; the other admins will be told. {proof}".strip(),
                "Everything you write counts: if a line limits or takes back the command, nothing is decided, and mailbot asks you.",
            ),
            offers=_offers(Purpose.DECIDE, rules, now),
        ),
        Section(
            "Without an answer",
            (
                f"You will be reminded after {', '.join(map(str, lease.remind_days))} days. After {_days(lease.lapse_days)}, the "
                "request will lapse, and the requester will be told.",
            ),
        ),
        Section(
            "What mailbot holds back",
            (
                f"If more than {lease.brake_machines} machines, and more than {lease.brake_percent} % of all, would be stopped or "
                "removed at once, they are held back, and you will be asked.",
                "While the mailbox, the directory or the clock cannot be trusted, nothing is stopped or removed, and nothing lapses.",
                "`mailbot hold N` protects a machine, `mailbot pause` pauses everything, and `mailbot doctor` shows what is wrong.",
            ),
        ),
        Section("Who decides", (who,)),
    )
    return Page(f"{rules.service.name}: the admins' card", sections)


def _days(number: int) -> Translatable:
    return say_many("{number} day", "{number} days", number)


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
    return "\n".join(
        (_HEAD.format(title=escape(page.title), language=page.language), *_body(page), "</main></body></html>")
    )


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
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 0 }}
main {{ max-width: 42rem; margin: 0 auto; padding: 1.5rem }}
pre {{ overflow-x: auto; padding: .8rem; border: 1px solid; border-radius: .3rem; white-space: pre-wrap }}
dt {{ margin-top: .6rem; font-weight: 600 }}
dd {{ margin: 0 0 0 1.2rem }}
</style></head><body><main><h1>{title}</h1>"""
