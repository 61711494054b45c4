"""What a mail leads to, before it is committed together with its line in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailbot import journal, policy
from mailbot.letters import KINDS
from mailbot.model import (
    Action,
    Actor,
    Admin,
    Effect,
    Event,
    HistoryEntry,
    Letter,
    Person,
    Step,
    Ticket,
    TicketState,
    Verdict,
)
from mailbot.turns.context import TurnContext, entry
from parsers.values import Mail, Problem

STRANGERS_PER_DAY = 50
"""Answers a day to addresses that nobody has registered, all together: forged senders make the bot write to others."""
_STRANGERS = "strangers"
"""The store's note of the day and how many such answers it has seen."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The judgement of one mail: where it goes, what changes, what is sent.  `why` is for the ledger and the log."""

    verdict: Verdict
    why: str
    ticket: Ticket | None = None
    expected_revision: int | None = None
    about_ticket: int | None = None
    effects: tuple[Effect, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    cancel_keys: tuple[str, ...] = ()
    bounced: str | None = None
    bounce_permanent: bool | None = None


def left(why: str) -> Outcome:
    """Not for the bot: people will read it."""
    return Outcome(Verdict.LEFT, why)


def happened(event: Event | str, actor: Actor, before: Ticket | None, step: Step, now: datetime) -> Outcome:
    """The mail changed a ticket."""
    state: TicketState | None = before.state if before else None
    return Outcome(
        Verdict.HANDLED,
        step.summary,
        ticket=step.ticket,
        expected_revision=before.revision if before else None,
        effects=step.effects,
        history=(entry(event, actor, state, step, now),) if step.summary else (),
        cancel_keys=step.cancel,
    )


def answered(
    context: TurnContext,
    mail: Mail,
    to: Person | Admin,
    letter: Letter,
    now: datetime,
    *,
    ticket: Ticket | None = None,
    note: str,
    proven: bool = True,
    **facts: Any,
) -> Outcome:
    """The mail changes nothing and is answered once, unless that address had enough answers for today.

    Where it is not proven that the mail comes from there, fewer are enough: somebody else may have caused them.
    """
    address = to.email if isinstance(to, Person) else to.address
    limits = context.rules.answers
    limit = limits.per_address_and_day if proven else min(limits.unproven_per_day, limits.per_address_and_day)
    if context.store.answers_today(address, now) >= limit:
        return withheld(mail, address, note)
    key = f"{letter.value}:{mail.sha256}" if ticket else f"mail:{mail.sha256}:{letter.value}"
    if "subject" in KINDS[letter].optional:
        facts["subject"] = mail.subject
    effect = Effect(Action.LETTER, key, letter, address, to.name, facts)
    return Outcome(Verdict.HANDLED, note, about_ticket=ticket.id if ticket else None, effects=(effect,))


def answered_stranger(context: TurnContext, mail: Mail, now: datetime, note: str) -> Outcome:
    """One neutral line a day to an address that nobody has registered; it says nothing about anybody.

    Anybody can write in anybody's name: it carries no word of the mail, not even its subject, and there are
    few of them a day in all.
    """
    address = mail.sender.address
    limit = context.rules.answers.unknown_sender_per_day
    if context.store.answers_today(address, now) >= limit or not counted(context, _STRANGERS, STRANGERS_PER_DAY, now):
        return withheld(mail, address, note)
    key = f"mail:{mail.sha256}:{Letter.UNKNOWN_SENDER.value}"
    effect = Effect(Action.LETTER, key, Letter.UNKNOWN_SENDER, address)
    return Outcome(Verdict.HANDLED, note, effects=(effect,))


def counted(context: TurnContext, name: str, most: int, now: datetime) -> int:
    """Count one more of something that has a limit a day (UTC); gives its number of today, 0 where there were enough."""
    day, _, seen = (context.store.note(name) or "").partition(" ")
    number = (int(seen) if day == now.date().isoformat() else 0) + 1
    if number > most:
        return 0
    context.store.put_note(name, f"{now.date().isoformat()} {number}")
    return number


def withheld(mail: Mail, address: str, note: str) -> Outcome:
    """The mail is done with, and nothing is written: that address had enough answers for today."""
    journal.answer_withheld(mail=mail.sha256, to=address, why="enough answers in 24 hours")
    return Outcome(Verdict.HANDLED, f"{note}; not answered: {address} had enough answers in 24 hours")


def problem_facts(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Problems as a letter's fact."""
    return [
        {"field": policy.in_words(p.field), "line": p.line, "found": p.found, "allowed": p.allowed} for p in problems
    ]
