"""What a mail leads to, before it is committed together with its line in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mailbot import journal, policy
from mailbot.letters.kinds import LetterFacts
from mailbot.letters.requests import ToCorrect, UnknownSender
from mailbot.lifecycle.passing import OWNERS
from mailbot.model import (
    Action,
    Admin,
    Effect,
    Event,
    Person,
    Requested,
    Step,
    Ticket,
    Turn,
    Verdict,
)
from mailbot.turns.context import TurnContext, turn_of
from parsers.values import Mail, Problem

STRANGERS_PER_DAY = 50
"""Answers a day to addresses that nobody has registered, all together: forged senders make the bot write to others."""
_STRANGERS = "strangers"
"""The store's note of the day and how many such answers it has seen."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a mail leads to: where it goes, and the turn that is committed with its line in the ledger.

    `why` is for the ledger and the log.  Without a turn nothing changes but that line.  Judging writes nothing:
    counters and notes are part of the turn too.
    """

    verdict: Verdict
    why: str
    turn: Turn | None = None

    def with_turn(self, now: datetime, **changes: Any) -> Judgement:
        """The same with more in its turn."""
        return replace(self, turn=replace(self.turn or Turn(now=now), **changes))


def left(why: str) -> Judgement:
    """Not for the bot: people will read it."""
    return Judgement(Verdict.LEFT, why)


def happened(event: Event | Requested, before: Ticket | None, step: Step, now: datetime) -> Judgement:
    """The mail changed a ticket."""
    return Judgement(Verdict.HANDLED, step.summary, turn_of(event, before, step, now))


def answered(
    context: TurnContext,
    mail: Mail,
    to: Person | Admin,
    facts: LetterFacts,
    now: datetime,
    *,
    ticket: Ticket | None = None,
    note: str,
    proven: bool = True,
    language: str = "",
) -> Judgement:
    """The mail changes nothing and is answered once, unless that address had enough answers for today.

    The answer is in the `language` of the mail where that is known, else in that of the ticket's owner, or of whoever reads it.
    Where it is not proven that the mail comes from there, fewer are enough: somebody else may have caused them.
    """
    address = to.email if isinstance(to, Person) else to.address
    limits = context.rules.answers
    limit = limits.per_address_and_day if proven else min(limits.unproven_per_day, limits.per_address_and_day)
    if context.store.answers_today(address, now) >= limit:
        return withheld(mail, address, note)
    letter = facts.about.letter
    reader = OWNERS if isinstance(to, Person) else ""  # another owner voids the answers to the former one
    key = f"{letter.value}:{reader}{mail.sha256}" if ticket else f"mail:{mail.sha256}:{letter.value}"
    own = ticket.language if ticket and isinstance(to, Person) else ""
    spoken = language or own or to.language
    effect = Effect(Action.LETTER, key, letter, address, to.name, facts.stored(), language=spoken)
    turn = Turn(now=now, about_ticket=ticket.id if ticket else None, effects=(effect,))
    return Judgement(Verdict.HANDLED, note, turn)


def answered_stranger(context: TurnContext, mail: Mail, now: datetime, note: str, language: str = "") -> Judgement:
    """One neutral line a day to an address that nobody has registered; it says nothing about anybody.

    Anybody can write in anybody's name: it carries no word of the mail, not even its subject, and there are
    few of them a day in all.
    """
    address = mail.sender.address
    limit = context.rules.answers.unknown_sender_per_day
    count = counted(context, _STRANGERS, now)
    if context.store.answers_today(address, now) >= limit or count.number > STRANGERS_PER_DAY:
        return withheld(mail, address, note)
    letter = UnknownSender.about.letter
    key, facts = f"mail:{mail.sha256}:{letter.value}", UnknownSender().stored()
    effect = Effect(Action.LETTER, key, letter, address, facts=facts, language=language)
    return Judgement(Verdict.HANDLED, note, Turn(now=now, effects=(effect,), notes=count.notes))


@dataclass(frozen=True, slots=True)
class Count:
    """One more of something that has a limit a day: its number, and the note that remembers it once committed."""

    number: int
    notes: Mapping[str, str]


def counted(context: TurnContext, name: str, now: datetime) -> Count:
    """Count one more of today (UTC); it counts when the turn that holds its note is committed."""
    today = now.date().isoformat()
    day, _, seen = (context.store.note(name) or "").partition(" ")
    number = (int(seen) if day == today else 0) + 1
    return Count(number, {name: f"{today} {number}"})


def withheld(mail: Mail, address: str, note: str) -> Judgement:
    """The mail is done with, and nothing is written: that address had enough answers for today."""
    journal.answer_withheld(mail=mail.sha256, to=address, why="enough answers in 24 hours")
    return Judgement(Verdict.HANDLED, f"{note}; not answered: {address} had enough answers in 24 hours")


def to_correct(problem: Problem) -> ToCorrect:
    """A problem as a letter's fact."""
    return ToCorrect(policy.in_words(problem.field), problem.found, problem.allowed, problem.line)
