"""The history of a ticket: what happened to it, by whom, line by line.  Frozen values, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from mailbot.model.kinds import EventKind
from mailbot.model.tickets import Actor, Facts, TicketState


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change of a ticket, as stored: written once, never updated."""

    ticket_id: int
    at: datetime
    event: EventKind
    before: TicketState | None
    after: TicketState
    actor: Actor
    summary: str
    facts: Facts = field(default_factory=dict)
    """What the event said, value by value: `summary` is for people, this is what decisions are made of."""
