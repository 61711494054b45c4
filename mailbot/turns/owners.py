"""Whose a ticket is: asked of the directory by the id that never changes, at every mail, every letter, and once a day."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailbot import journal
from mailbot.errors import Conflict, DirectoryUnavailable
from mailbot.letters.catalogue import KINDS
from mailbot.letters.kinds import Audience
from mailbot.lifecycle import ownership
from mailbot.model import FINAL, OwnerSeen, Person, Refusal, Ticket, TicketState
from mailbot.ports import Wanted
from mailbot.turns import sight
from mailbot.turns.context import TurnContext, apply, usable_keys
from parsers.translatable import words_of
from provisioner.naming import host_part

EVERY = timedelta(days=1)
"""How often the directory is asked about the owner of every machine."""
AT_ONCE = 100
"""Tickets looked at in one tick; the next one goes on."""
NOTE = "owners"
"""The store's note of the daily look: when it began, and which ticket was the last."""
_TO_OWNERS = frozenset(letter.value for letter, about in KINDS.items() if about.audience is Audience.OWNER)
_LOOKED_AT = tuple(state for state in TicketState if state not in FINAL)


def owner_of(context: TurnContext, ticket: Ticket) -> Person | None:
    """Whose the ticket is, whatever their login and address are now; None where the directory has them no more.

    By the login alone where nothing else is known: the directory was not asked yet, or shows ids of another kind now.
    Raises DirectoryUnavailable.
    """
    if _by_id(context, ticket):
        return context.directory.by_id(ticket.person_id)
    return context.directory.by_login(ticket.login)


def is_owner(context: TurnContext, person: Person, ticket: Ticket) -> bool:
    """Whether the ticket is that person's.  Raises DirectoryUnavailable where an id that would tell is not seen."""
    if not _by_id(context, ticket):
        return person.login == ticket.login
    if not person.id:
        msg = f"the directory shows no id of {person.login}, so nobody can say whose #{ticket.id} is"
        raise DirectoryUnavailable(msg)
    return person.id == ticket.person_id


def _by_id(context: TurnContext, ticket: Ticket) -> bool:
    return bool(ticket.person_id) and context.directory.issued(ticket.person_id)


def addresses(context: TurnContext, person: Person, ticket: Ticket) -> tuple[str, ...]:
    """Where letters about the ticket can have been written to this owner of it: their addresses now, and before.

    An address that only admins' letters went to is not the owner's, whatever its token allows.
    """
    written = (one.to for one in context.store.accepted(ticket.id) if one.letter in _TO_OWNERS)
    return tuple(dict.fromkeys((person.email, *person.aliases, ticket.email, *written)))


def ask(context: TurnContext, ticket: Ticket) -> OwnerSeen:
    """How the directory has the owner now.  Raises DirectoryUnavailable."""
    person = owner_of(context, ticket)
    holder = (
        person if person and host_part(person.login) == ticket.username else context.directory.by_login(ticket.username)
    )
    if person is None and holder is None:  # the machine's name is not the login where that has dots, say
        holder = context.directory.by_login(ticket.login)
    keys = usable_keys(person)[0] if person else ()
    taken = holder is not None and (person is None or holder.login != person.login)
    return ownership.as_seen(ticket, person, len(keys), taken=taken)


def look_at(context: TurnContext, ticket: Ticket, now: datetime, *, known_to_answer: bool = False) -> OwnerSeen | None:
    """Ask about one owner, and have the ticket say what the directory says; None where it does not answer."""
    try:
        seen = ask(context, ticket)
    except DirectoryUnavailable as error:
        sight.cannot(context, sight.Sense.DIRECTORY, words_of(error), now)
        return None
    if not known_to_answer:
        sight.can(context, sight.Sense.DIRECTORY, now)
    if ownership.is_news(ticket, seen):
        after = apply(context, ticket.id, seen)
        if not isinstance(after, Refusal):
            journal.owner_changed(ticket.id, login=after.login, owner=after.owner.value)
    return seen


@dataclass(frozen=True, slots=True)
class _Place:
    """How far the daily look has come: `after` is the ticket that was looked at last, None where all were."""

    begun: datetime
    after: int | None

    def written(self) -> str:
        return json.dumps({"begun": self.begun.isoformat(), "after": self.after})


def _place(kept: str | None, now: datetime) -> _Place | None:
    """Where to go on; None where nothing is to be looked at now."""
    if kept is None:
        return _Place(now, 0)
    read = json.loads(kept)
    place = _Place(datetime.fromisoformat(read["begun"]), read["after"])
    if place.after is not None:
        return place
    return _Place(now, 0) if abs(now - place.begun) >= EVERY else None


def look(context: TurnContext) -> int:
    """The daily look at the owners of all tickets that are not over; gives how many were looked at.

    1. Where the last one is a day old, begin with the first ticket; else go on after the last one.
    2. Ask the directory about each; where it does not answer, the next tick tries again at the same ticket.
    3. Remember how far that came.
    """
    now = context.clock.now()
    place = _place(context.store.note(NOTE), now)
    if place is None or place.after is None:
        return 0
    tickets = context.store.overview.tickets(Wanted(states=_LOOKED_AT), place.after, AT_ONCE)
    last, looked = place.after, 0
    for ticket in tickets:
        try:
            if look_at(context, ticket, now, known_to_answer=looked > 0) is None:
                break
        except Conflict as error:  # another one has this person's place, or it changes all the time: tomorrow again
            journal.trouble(about=f"the look at the owner of ticket #{ticket.id}", error=error)
        last, looked = ticket.id, looked + 1
    all_of_them = looked == len(tickets) < AT_ONCE
    context.store.put_note(NOTE, _Place(place.begun, None if all_of_them else last).written())
    return looked
