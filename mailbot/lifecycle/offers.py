"""What can be said by mail about a ticket, by whom, in which state; every letter's list of commands comes from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mailbot.model import Purpose, Ticket, TicketState
from parsers.values import Verb

S = TicketState


@dataclass(frozen=True, slots=True)
class Offer:
    """One command: the verb, an example of the whole line, and what it does, worded for a letter."""

    verb: Verb
    words: str
    meaning: str

    def as_fact(self) -> dict[str, str]:
        return {"words": self.words, "meaning": self.meaning}


_STATUS = Offer(Verb.STATUS, "status", "tells how things stand")
_HELP = Offer(Verb.HELP, "help", "lists what can be answered")
_WITHDRAW = Offer(Verb.WITHDRAW, "withdraw", "takes the request back")

_ADMIN: Mapping[TicketState, tuple[Offer, ...]] = {
    S.PENDING: (
        Offer(Verb.APPROVE, "approve", "builds the machine as it was asked for"),
        Offer(Verb.APPROVE, "approve until 2027-01-31", "builds it with another end date"),
        Offer(Verb.APPROVE, "approve disk 20", "builds it with a disk of 20 GiB"),
        Offer(Verb.DENY, "deny <reason>", "refuses it; the requester reads the reason"),
    ),
}

_QUESTION = (
    Offer(Verb.APPROVE, "approve", "grants the extension as it was asked for"),
    Offer(Verb.APPROVE, "approve until 2027-01-31", "grants it with another end date"),
    Offer(Verb.DENY, "deny <reason>", "refuses it; the owner reads the reason"),
)
"""What admins can say about an extension that is asked."""

_LIVING = (
    Offer(Verb.EXTEND, "extend until 2027-12-31", "asks for a later end date"),
    Offer(Verb.EXTEND, "extend for 6 months", "the same, counted from the present end date"),
    Offer(Verb.RELEASE, "release", "gives the machine back before its time; you are asked once more"),
)
_OWNER: Mapping[TicketState, tuple[Offer, ...]] = {
    S.PENDING: (_WITHDRAW,),
    S.ACTIVE: _LIVING,
    S.EXPIRED: _LIVING,
    S.ARCHIVED: (Offer(Verb.RESTORE, "restore", "brings the machine back with its disk"),),
}
_TAKE_BACK = Offer(Verb.WITHDRAW, "withdraw", "takes the wish for an extension back")
_KEEP = Offer(Verb.KEEP, "keep", "keeps the machine after all")

_CONFIRM: Mapping[TicketState, tuple[Offer, ...]] = {
    S.UNCONFIRMED: (
        Offer(Verb.CONFIRM, "confirm", "says that the request is yours and sends it to the admins"),
        Offer(Verb.WITHDRAW, "withdraw", "says that it is not yours, or no longer wanted"),
    ),
}
_RELEASE = (Offer(Verb.CONFIRM, "confirm", "gives the machine back now"), _KEEP)
BRAKE = (Offer(Verb.PROCEED, "proceed", "lets these machines be stopped or removed"),)
"""What admins can say to the letter of the brake."""


def offered(ticket: Ticket, purpose: Purpose) -> tuple[Offer, ...]:
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
    return [offer.as_fact() for offer in offered(ticket, purpose)]
