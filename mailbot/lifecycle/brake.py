"""The brake on machines: how many may be stopped or removed at once before an admin is asked.  Pure.

The daemon (`turns.brake`) and the simulation ask the same function; what each of them brings is the note of the last
brake, the tickets that are due, and a look at the fleet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from mailbot.model import Ticket, TicketState
from mailbot.rules import LeaseRules
from parsers.frozen import frozen
from parsers.translatable import say

WHAT_COMES = {
    TicketState.ACTIVE: say("would be stopped"),
    TicketState.EXPIRED: say("would be removed"),
    TicketState.ARCHIVED: say("its disk would be deleted"),
}
"""What the clock does to a machine in each state in which it may do something destructive; in the words of the letter."""


@frozen
class Brake:
    """The last time the brake was pulled: its number, the tickets it holds, and who let go (empty: nobody yet).

    Each ticket stands with its `version`: what an admin lets go is the step that was asked about, not the
    removal after the stop, nor the next end of a lease that was extended meanwhile.
    """

    number: int
    tickets: Mapping[int, int]
    released_by: str = ""

    def holds(self, ticket: Ticket | None) -> bool:
        """Whether the ticket still is as it was when the brake was pulled."""
        return ticket is not None and self.tickets.get(ticket.id) == ticket.version


@frozen
class Fleet:
    """What the brake may ask: a ticket by its number, how many machines live (counted up to so many), and whether a ticket's next step is destructive."""

    ticket: Callable[[int], Ticket | None]
    living: Callable[[int], int]
    destructive: Callable[[Ticket], bool]


@frozen
class Braking:
    """`waiting` are the due tickets that wait for an admin; `pulls` is what a new brake holds, with versions, empty where none is pulled."""

    waiting: frozenset[int] = frozenset()
    pulls: Mapping[int, int] = field(default_factory=dict)


def braked(brake: Brake | None, due: Sequence[Ticket], fleet: Fleet, rules: LeaseRules) -> Braking:
    """Which tickets among `due` must wait for an admin.

    Those that a released brake held may go.  While a brake holds, every further destructive step waits too, without a
    further letter, unless they are too many by themselves: then it is pulled again, for all.
    """
    standing = brake is not None and not brake.released_by
    if not standing and len(due) <= rules.brake_machines:
        return Braking()
    destructive = {one.id: one for one in due if one.state in WHAT_COMES and fleet.destructive(one)}
    if brake is not None and brake.released_by:
        destructive = {number: one for number, one in destructive.items() if not brake.holds(one)}
    if not destructive:
        return Braking()
    held = _still_held(brake, fleet)
    more = {number: one for number, one in destructive.items() if number not in held}
    if _too_many(len(more), fleet, rules):
        return Braking(frozenset(destructive), {number: one.version for number, one in {**held, **more}.items()})
    return Braking(frozenset(destructive)) if held else Braking()


def _still_held(brake: Brake | None, fleet: Fleet) -> Mapping[int, Ticket]:
    """The tickets for which a brake that nobody has released still is in the way."""
    if brake is None or brake.released_by:
        return {}
    tickets = (fleet.ticket(number) for number in brake.tickets)
    return {one.id: one for one in tickets if one is not None and not one.held and brake.holds(one)}


def _too_many(wanted: int, fleet: Fleet, rules: LeaseRules) -> bool:
    """Whether that is more than may go in one tick: more than the number, and more than the share of all machines.

    Machines are counted only when it matters, and only as far as it matters: the cost follows `wanted`, not the fleet.
    """
    if wanted <= rules.brake_machines:
        return False
    if rules.brake_percent == 0:
        return True
    enough = -(-wanted * 100 // rules.brake_percent)
    return fleet.living(enough) < enough
