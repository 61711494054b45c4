"""Which site a machine is built at: chosen from what the sites said last, less what was promised there since."""

from __future__ import annotations

from dataclasses import replace

from mailbot.errors import LeaseLost, NoAddress
from mailbot.machines.health import TOO_OLD, known
from mailbot.machines.progress import Sites
from mailbot.model import EventKind, OutboxItem, Placed, Refusal, Ticket
from mailbot.turns import addresses, modes, relocation
from mailbot.turns.context import TurnContext, apply
from mailbot.turns.rooms import left, promised
from parsers.translatable import as_one, say, words_of
from provisioner.api import ProvisionerError, SiteHealth
from provisioner.placement import Need, choose


class NoRoom(ProvisionerError):
    """No site can take the machine now; `silent` where one of them cannot be asked, so that it may still turn out to have room."""

    def __init__(self, message: str, *, silent: bool) -> None:
        super().__init__(message)
        self.silent = silent


class NotWanted(Exception):
    """The ticket wants no machine any more; the message says why."""


def tried(context: TurnContext, ticket: Ticket) -> tuple[str, ...]:
    """Sites at which this build was placed so far: since the last approval or retry."""
    found: list[str] = []
    for line in context.store.history(ticket.id):
        if line.event in {EventKind.APPROVED, EventKind.RETRIED}:
            found = []
        elif line.event is EventKind.PLACED:
            found.append(line.facts["site"])
    return tuple(found)


def place(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> Ticket:
    """Choose a site and commit the choice, before anything is built there; from then on its room there is taken.

    Raises NoRoom, NotWanted where the ticket has moved on, and LeaseLost where another daemon builds it by now.
    """
    rules = context.rules.policy
    rooms = room(context, sites)
    choice = choose(rooms, Need(rules.memory_mib, ticket.disk_gib), frozenset(tried(context, ticket)))
    if choice.site is None:
        why = as_one(say("No site can take it."), choice.why_not)
        raise NoRoom(why, silent=any(not one.reachable for one in rooms))
    event = Placed(choice.site, instead_of=ticket.site)
    held = addresses.held_at(context, choice.site)
    try:
        after = apply(
            context, ticket.id, event, lambda turn: context.store.commit(replace(turn, held=item, addresses=held))
        )
    except NoAddress as error:  # the last one went to somebody else meanwhile
        raise NoRoom(words_of(error), silent=False) from error
    if isinstance(after, Refusal):
        fresh = context.store.ticket(ticket.id)
        if fresh is not None and fresh.site != ticket.site:
            raise LeaseLost(after.why)
        raise NotWanted(after.why)
    return after


def room(context: TurnContext, sites: Sites) -> list[SiteHealth]:
    """What each site has left for one more machine; asks no hypervisor."""
    now, seen = context.clock.now(), known(context)
    coming = promised(context, relocation.destinations(context.store))
    rooms: list[SiteHealth] = []
    taken_out, full = modes.refusals(context.store), addresses.full(context)
    for name in sorted(sites):
        words = taken_out.get(name)
        if words:
            problem = say("The site {site} takes no new machines: {why}", site=name, why=words)
            rooms.append(SiteHealth(name, reachable=False, problems=(problem,)))
        elif name not in seen or now - seen[name].at > TOO_OLD:
            problem = say("The site {site} has not been looked at yet.", site=name)
            rooms.append(SiteHealth(name, reachable=False, problems=(problem,)))
        else:
            room = left(context, seen[name].health, coming)
            rooms.append(replace(room, problems=(*room.problems, full[name])) if name in full else room)
    return rooms
