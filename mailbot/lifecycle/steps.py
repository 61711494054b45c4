"""How a step is put together: the moved ticket, letters to the owner and to every admin.  Pure helpers of `decide`."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, TypedDict

from mailbot.letters.kinds import LetterFacts
from mailbot.letters.questions import AdminDecided
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.model import Action, Actor, Admin, Effect, Letter, Role, Step, Ticket, TicketState
from parsers.translatable import NOTHING, Translatable, say

_DECIDED_UPON = frozenset({"state", "end_date", "disk_gib", "asked_end_date"})


def moved(ticket: Ticket, circumstances: Circumstances, **changes: Any) -> Ticket:
    """The ticket with changes; `version` rises when something changed that people decide upon."""
    new = any(changes[name] != getattr(ticket, name) for name in _DECIDED_UPON & changes.keys())
    version: dict[str, Any] = {"version": ticket.version + 1} if new else {}
    return replace(ticket, changed_at=circumstances.now, **changes, **version)


def why_held(ticket: Ticket) -> Translatable:
    """Why nothing is done to a machine that an admin holds, as words for whoever wants it done; empty where none does."""
    return say("This machine is on hold: {why}. End the hold first.", why=ticket.held) if ticket.held else NOTHING


LOOK_AGAIN = timedelta(minutes=10)
"""How soon a step is tried again that waited only because the bot could not see."""


def later(ticket: Ticket, circumstances: Circumstances) -> Step:
    """Nothing happens now; the ticket is looked at again soon."""
    return Step(replace(moved(ticket, circumstances), due_at=circumstances.now + LOOK_AGAIN), (), "")


def to_owner(ticket: Ticket, facts: LetterFacts, *, key: str = "") -> Effect:
    """One letter to the registered address of the ticket's owner."""
    letter = facts.about.letter
    stored, spoken = facts.stored(), ticket.language
    return Effect(Action.LETTER, _key(letter, ticket, key), letter, ticket.email, ticket.name, stored, language=spoken)


def to_admins(ticket: Ticket, circumstances: Circumstances, facts: LetterFacts, *, key: str = "") -> tuple[Effect, ...]:
    """The same letter to every admin; each has a row, and so a token and a language, of their own."""
    letter = facts.about.letter
    return tuple(letter_to(admin, facts, _key(letter, ticket, key, admin.address)) for admin in circumstances.admins)


def letter_to(admin: Admin, facts: LetterFacts, key: str) -> Effect:
    """One letter to one admin, in their language."""
    letter, stored = facts.about.letter, facts.stored()
    return Effect(Action.LETTER, key, letter, admin.address, admin.name, stored, language=admin.language)


def _key(what: Letter | Action, ticket: Ticket, *more: str) -> str:
    return ":".join((what.value, str(ticket.version), *filter(None, more)))


class AsDecided(TypedDict):
    """The facts of `letters.kinds.Snapshot`."""

    end_date: date
    disk_gib: int


def snapshot(ticket: Ticket) -> AsDecided:
    """Last day and disk as they were when the letter was decided, so that a late letter still tells the truth."""
    return {"end_date": ticket.end_date, "disk_gib": ticket.disk_gib}


def decided(
    ticket: Ticket,
    circumstances: Circumstances,
    question: str,
    decision: str,
    by: str,
    *,
    actor: str = "",
    reason: str = "",
    changed: tuple[Translatable, ...] = (),
) -> tuple[Effect, ...]:
    """What every admin reads about a question that is decided.

    `question` is request or extension, `decision` approved, denied or withdrawn.
    """
    told = AdminDecided(
        decision=decision, question=question, by=by, at=circumstances.now, actor=actor, reason=reason,
        changed=changed,
        **snapshot(ticket),
    )  # fmt: skip
    return to_admins(ticket, circumstances, told)


def machine(ticket: Ticket, action: Action, *, key: str = "", **facts: Any) -> Effect:
    """Something to be done to the ticket's machine."""
    return Effect(action, _key(action, ticket, key), facts=facts)


def called(actor: Actor, ticket: Ticket, circumstances: Circumstances) -> str:
    """Who acted, as letters call them: the owner and admins by name, anybody else as the history has it."""
    if actor.role is Role.OWNER:
        return ticket.name or actor.who
    return next((admin.name for admin in circumstances.admins if admin.address == actor.who and admin.name), actor.who)


STATE_WORDS = {
    TicketState.UNCONFIRMED: say("the request is waiting for confirmation from the registered address"),
    TicketState.PENDING: say("the request is waiting for an admin's decision"),
    TicketState.APPROVED: say("the request was approved; the machine is being built"),
    TicketState.FAILED: say("the request was approved, but the machine could not be built; the admins know"),
    TicketState.ACTIVE: say("the machine is running"),
    TicketState.EXPIRED: say("the machine has reached its end date and is stopped"),
    TicketState.RETIRING: say("the machine is being removed"),
    TicketState.ARCHIVED: say("the machine was removed; its disk is still kept"),
    TicketState.DENIED: say("the request was refused"),
    TicketState.LAPSED: say("the request lapsed because nobody answered in time"),
    TicketState.WITHDRAWN: say("the request was withdrawn"),
    TicketState.REMOVED: say("the machine was removed"),
}
"""How things stand, in the words of a letter."""


def standing(ticket: Ticket) -> Translatable:
    """`STATE_WORDS` as a sentence of its own."""
    return say("{Words}.", words=STATE_WORDS[ticket.state])
