"""What an admin does with hosts: one machine moves to another host, or all of a host do, each with notice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.relocation import MovePlan, earliest, moment_of
from mailbot.lifecycle.steps import STATE_WORDS
from mailbot.model import Actor, MoveAsked, MoveEnded, Refusal, Ticket, TicketState
from mailbot.operator import Refused, acting, set_site_mode
from mailbot.timetable import end_of, today
from mailbot.turns import addresses, modes, relocation, rooms
from mailbot.turns.context import TurnContext
from parsers.translatable import say
from provisioner.api import SiteHealth
from provisioner.placement import Need, choose

CALLED_OFF = say("The support team has cancelled the move.")
_DAY = timedelta(days=1)
_LEAVING = (TicketState.ACTIVE, TicketState.EXPIRED, TicketState.ARCHIVED, TicketState.APPROVED, TicketState.RETIRING)


def move(
    context: TurnContext, ticket_id: int, to: str, day: date, as_admin: str, *, neighbours: Collection[str]
) -> MovePlan:
    """Announce that a machine moves to another host on that day; gives the plan.

    `neighbours` are the hosts where its name stays true.  Raises Refused.
    """
    by, ticket = acting(context, as_admin), context.store.ticket(ticket_id)
    if ticket is None:
        raise Refused(f"there is no ticket #{ticket_id}")
    if to not in neighbours:
        known = ", ".join(sorted(set(neighbours) - {ticket.site})) or "none"
        raise Refused(f"the machine would not keep its name at {to}; it would at {known}")
    begun = relocation.of_ticket(context.store, ticket_id)
    if begun is not None and begun.begun:
        raise Refused(f"it is already moving to {begun.plan.to}")
    if why := relocation.cannot_take(context, ticket, to):
        raise Refused(f"{to}: {why}")
    zone = context.rules.service.timezone
    noon = end_of(day, zone) - timedelta(hours=12)
    at = moment_of(noon, context.circumstances(context.clock.now(), ticket))
    after = relocation.announce(context, ticket_id, MoveAsked(by, to, at))
    if isinstance(after, Refusal):
        raise Refused(after.why)
    planned = relocation.of_ticket(context.store, ticket_id)
    if planned is None:
        raise Refused("someone else has cancelled it meanwhile")
    return planned.plan


def cancel_move(context: TurnContext, ticket_id: int, as_admin: str) -> None:
    """Call off a move that has not begun; the owner is told.  Raises Refused."""
    by, planned = acting(context, as_admin), relocation.of_ticket(context.store, ticket_id)
    if planned is None:
        raise Refused(f"no move of ticket #{ticket_id} is planned")
    if planned.begun:
        raise Refused(f"it is already moving to {planned.plan.to}")
    after = relocation.end(context, ticket_id, MoveEnded(f"called off by {by.who}", CALLED_OFF, by=by))
    if isinstance(after, Refusal):
        raise Refused(after.why)


@dataclass(frozen=True, slots=True)
class Leaving:
    """One machine of a host that is drained: where it goes and when, or why it does not move."""

    ticket: int
    machine: str
    to: str = ""
    at: datetime | None = None
    why: str = ""


def drain(
    context: TurnContext, host: str, as_admin: str, *, why: str, neighbours: Collection[str], first: date | None = None
) -> tuple[Leaving, ...]:
    """Give a host no new machine and announce that those it has move, as `drained` plans; gives the plan.  May run twice.  Raises Refused."""
    by = acting(context, as_admin)
    set_site_mode(context, host, modes.Mode.DRAINING, as_admin, why)
    return tuple(_announced(context, one, by) for one in drained(context, host, neighbours=neighbours, first=first))


def _announced(context: TurnContext, one: Leaving, by: Actor) -> Leaving:
    if one.at is None or relocation.of_ticket(context.store, one.ticket) is not None:
        return one
    after = relocation.announce(context, one.ticket, MoveAsked(by, one.to, one.at))
    return replace(one, to="", at=None, why=str(after.why)) if isinstance(after, Refusal) else one


def drained(
    context: TurnContext, host: str, *, neighbours: Collection[str], first: date | None = None
) -> tuple[Leaving, ...]:
    """How a host would be drained: each running machine to the neighbour with the most room, as many a day as the brake lets go.

    From the first day that leaves the whole notice, or a later one; no day of a closure.  What is stopped or kept stays, and
    goes by itself.  Changes nothing and asks no host.
    """
    planned = relocation.planned(context.store)
    left = {one.site: one for one in _rooms(context, host, neighbours)}
    tickets = [one for one in context.store.tickets(_LEAVING) if one.site == host]
    busy = Counter(one.plan.at for one in planned.values())
    found: list[Leaving] = []
    for ticket in sorted(tickets, key=lambda one: one.id):
        known = planned.get(ticket.id)
        machine = f"{ticket.username}-vm"
        if known is not None:
            found.append(Leaving(ticket.id, machine, known.plan.to, known.plan.at))
        elif ticket.state is not TicketState.ACTIVE:
            found.append(Leaving(ticket.id, machine, why=str(STATE_WORDS[ticket.state])))
        else:
            found.append(_leaving(context, ticket, left, busy, first))
    return tuple(found)


def _leaving(
    context: TurnContext, ticket: Ticket, rooms: dict[str, SiteHealth], busy: Counter[datetime], first: date | None
) -> Leaving:
    machine, memory = f"{ticket.username}-vm", context.rules.policy.memory_mib
    if ticket.held:
        return Leaving(ticket.id, machine, why=f"it is held: {ticket.held}")
    choice = choose(rooms.values(), Need(memory, ticket.disk_gib))
    if choice.site is None:
        return Leaving(ticket.id, machine, why=choice.why_not or "there is no other host of its domain")
    circumstances, most = context.circumstances(context.clock.now(), ticket), context.rules.lease.brake_machines
    at = next(one for one in _days(circumstances, first) if busy[one] < max(1, most))
    if end_of(ticket.end_date, context.rules.service.timezone) <= at:
        return Leaving(ticket.id, machine, why=f"its last day is {ticket.end_date}, before its turn")
    busy[at] += 1
    room = rooms[choice.site]
    rooms[choice.site] = replace(
        room,
        free_memory_mib=room.free_memory_mib - memory,
        free_disk_gib=room.free_disk_gib - ticket.disk_gib,
        machines=room.machines + 1,
    )
    return Leaving(ticket.id, machine, choice.site, at)


def _days(circumstances: Circumstances, first: date | None) -> Iterator[datetime]:
    """The moments at which a move may begin, one a day."""
    zone = circumstances.rules.service.timezone
    at = earliest(circumstances)
    if first is not None and first > today(at, zone):
        at = moment_of(circumstances.open_from(end_of(first, zone) - _DAY / 2), circumstances)
    while True:
        yield at
        at = moment_of(circumstances.open_from(at + _DAY), circumstances)


def _rooms(context: TurnContext, host: str, neighbours: Collection[str]) -> Iterator[SiteHealth]:
    """What the other hosts have left, without what is on its way to them."""
    coming = rooms.promised(context, relocation.destinations(context.store))
    taken_out, full = modes.refusals(context.store), addresses.full(context)
    for health, _at in context.store.health():
        if health.site == host or health.site not in neighbours:
            continue
        if words := taken_out.get(health.site):
            yield SiteHealth(health.site, reachable=False, problems=(words,))
        else:
            more = (full[health.site],) if health.site in full else ()
            yield replace(rooms.left(context, health, coming), problems=(*health.problems, *more))
