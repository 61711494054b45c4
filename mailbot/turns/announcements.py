"""An admin's announcement to the owners of machines: begun by one note, handed out ticket by ticket, once each.

The note holds the words and how far they have got.  Each ticket's letter, the line in its history and the note's progress
are one transaction, so that a bot that is killed goes on where it was, and nobody gets the words twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from mailbot import journal
from mailbot.errors import Conflict
from mailbot.letters.announcements import Announcement
from mailbot.lifecycle.steps import to_owner
from mailbot.model import LIVING, Actor, EventKind, HistoryEntry, Role, Ticket, TicketState, Turn
from mailbot.ports import Store, Wanted
from mailbot.turns.context import TurnContext

NOTE = "announcement"
"""The store's note of the announcement that is being handed out, a JSON object like `Announced`; absent where there is none."""
A_TICK = 100
"""Tickets that one tick writes to: no mail waits for thousands of letters."""
_STATES = tuple(sorted((*LIVING, TicketState.APPROVED)))
"""Whose ticket is in one of these has a machine, or will have one in a moment."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What is announced, by whom (an admin's name and address), where ("" for every site), and the last ticket that has it."""

    id: str
    subject: str
    text: str
    by: str
    address: str
    sites: tuple[str, ...] = ()
    after: int = 0


def readers(store: Store, sites: tuple[str, ...], after: int = 0) -> Iterator[Ticket]:
    """Every ticket whose owner has a machine, at one of these sites or (without any) at all, in the order of their numbers."""
    while True:
        found = store.overview.tickets(Wanted(_STATES), after, A_TICK)
        yield from (one for one in found if not sites or one.site in sites)
        if len(found) < A_TICK:
            return
        after = found[-1].id


def current(store: Store) -> Announced | None:
    """The announcement that is being handed out."""
    kept = store.note(NOTE)
    if kept is None:
        return None
    values = json.loads(kept)
    return Announced(**{**values, "sites": tuple(values["sites"])})


def go_on(context: TurnContext) -> int:
    """Hand the announcement out to the next tickets; give how many letters were written.

    1. The next tickets with a machine, by number.
    2. For each: is it still ahead of the note's progress?  Then one transaction: letter, history, progress.  A ticket that
       another daemon was faster with has moved, and is seen again by the next tick.
    3. At the end the note goes.
    """
    begun = current(context.store)
    if begun is None:
        return 0
    written = 0
    for ticket in readers(context.store, begun.sites, begun.after):
        now = current(context.store)
        if now is None or now.id != begun.id or written >= A_TICK:
            return written
        if ticket.id <= now.after:
            continue
        try:
            context.store.commit(_turn(now, ticket, context.clock.now()))
        except Conflict:
            return written
        written += 1
    context.store.put_note(NOTE, None)
    journal.announcement_done(announcement=begun.id)
    return written


def _turn(announced: Announced, ticket: Ticket, now: datetime) -> Turn:
    facts = Announcement(title=announced.subject, text=announced.text, by=announced.by)
    letter = replace(to_owner(ticket, facts), key=f"announcement:{announced.id}")
    actor = Actor(Role.OPERATOR, announced.address, evidence={"command_line": True})
    told = HistoryEntry(
        ticket.id, now, EventKind.ANNOUNCED, ticket.state, ticket.state, actor,
        f"announced by {announced.address}: {announced.subject}", {"announcement": announced.id},
    )  # fmt: skip
    progress = json.dumps(asdict(replace(announced, after=ticket.id)))
    return Turn(
        now=now, ticket=ticket, expected_revision=ticket.revision, effects=(letter,), history=(told,),
        notes={NOTE: progress},
    )  # fmt: skip
