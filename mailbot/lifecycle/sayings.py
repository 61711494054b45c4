"""What can be said by mail about a ticket, by whom, in which state; every letter's list of commands comes from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mailbot.model import Purpose, Ticket, TicketState
from parsers.values import Verb

S = TicketState


@dataclass(frozen=True, slots=True)
class Saying:
    """One command: the verb, an example of the whole line, and what it does, worded for a letter."""

    verb: Verb
    words: str
    meaning: str

    def as_fact(self) -> dict[str, str]:
        return {"words": self.words, "meaning": self.meaning}


_STATUS = Saying(Verb.STATUS, "status", "tells how things stand")
_HELP = Saying(Verb.HELP, "help", "lists what can be answered")
_WITHDRAW = Saying(Verb.WITHDRAW, "withdraw", "takes the request back")

_ADMIN: Mapping[TicketState, tuple[Saying, ...]] = {
    S.PENDING: (
        Saying(Verb.APPROVE, "approve", "builds the machine as it was asked for"),
        Saying(Verb.APPROVE, "approve until 2027-01-31", "builds it with another end date"),
        Saying(Verb.APPROVE, "approve disk 20", "builds it with a disk of 20 GiB"),
        Saying(Verb.DENY, "deny <reason>", "refuses it; the requester reads the reason"),
    ),
}

_QUESTION = (
    Saying(Verb.APPROVE, "approve", "grants the extension as it was asked for"),
    Saying(Verb.APPROVE, "approve until 2027-01-31", "grants it with another end date"),
    Saying(Verb.DENY, "deny <reason>", "refuses it; the owner reads the reason"),
)
"""What admins can say about an extension that is asked."""

_LIVING = (
    Saying(Verb.EXTEND, "extend until 2027-12-31", "asks for a later end date"),
    Saying(Verb.EXTEND, "extend for 6 months", "the same, counted from the present end date"),
    Saying(Verb.RELEASE, "release", "gives the machine back before its time; you are asked once more"),
)
_OWNER: Mapping[TicketState, tuple[Saying, ...]] = {
    S.PENDING: (_WITHDRAW,),
    S.ACTIVE: _LIVING,
    S.EXPIRED: _LIVING,
    S.ARCHIVED: (Saying(Verb.RESTORE, "restore", "brings the machine back with its disk"),),
}
_TAKE_BACK = Saying(Verb.WITHDRAW, "withdraw", "takes the wish for an extension back")
_KEEP = Saying(Verb.KEEP, "keep", "keeps the machine after all")

_CONFIRM: Mapping[TicketState, tuple[Saying, ...]] = {
    S.UNCONFIRMED: (
        Saying(Verb.CONFIRM, "confirm", "says that the request is yours and sends it to the admins"),
        Saying(Verb.WITHDRAW, "withdraw", "says that it is not yours, or no longer wanted"),
    ),
}
_RELEASE = (Saying(Verb.CONFIRM, "confirm", "gives the machine back now"), _KEEP)
BRAKE = (Saying(Verb.PROCEED, "proceed", "lets these machines be stopped or removed"),)
"""What admins can say to the letter of the brake."""


def sayings(ticket: Ticket, purpose: Purpose) -> tuple[Saying, ...]:
    """Every command that a reply with a token of that purpose may give now."""
    match purpose:
        case Purpose.DECIDE:
            asked = _QUESTION if ticket.asked_end_date else _ADMIN.get(ticket.state, ())
            return (*asked, _STATUS, _HELP)
        case Purpose.OWN:
            more = (*((_TAKE_BACK,) if ticket.asked_end_date else ()), *((_KEEP,) if ticket.release_asked_at else ()))
            return (*_OWNER.get(ticket.state, ()), *more, _STATUS, _HELP)
        case Purpose.CONFIRM:
            return (*(_RELEASE if ticket.release_asked_at else _CONFIRM.get(ticket.state, ())), _HELP)
        case Purpose.NONE:
            return ()


def as_facts(ticket: Ticket, purpose: Purpose) -> list[dict[str, str]]:
    """The same as a letter's fact `commands`."""
    return [saying.as_fact() for saying in sayings(ticket, purpose)]
