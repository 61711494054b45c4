"""Each site compared with its tickets, by its own worker: one look over the site, and nothing done to it."""

from __future__ import annotations

from datetime import timedelta

from mailbot.machines.progress import Site, Sites, id_of
from mailbot.model import FINAL, MACHINE_ACTIONS, ONLY_ASK, TicketState
from mailbot.turns import drift, findings, left_behind, relocation
from mailbot.turns.context import TurnContext
from mailbot.turns.drift import AGAIN, Finding, Known

EVERY = timedelta(hours=1)
_OPEN = tuple(state for state in TicketState if state not in FINAL)


def due(context: TurnContext, sites: Sites) -> frozenset[str]:
    """The sites that are to be compared with their tickets now."""
    now, notes = context.clock.now(), context.store.notes([_note(name) for name in sites])
    return frozenset(name for name in sites if drift.last_look(notes.get(_note(name))).next_at <= now)


def reconcile(context: TurnContext, name: str, site: Site) -> tuple[Finding, ...]:
    """Compare a site with its tickets; gives what disagrees now as it did at the look before.

    A volume may be out of sight while its pool is read again, and a person may be at work: only what two looks in a
    row have seen is kept.  Raises ProvisionerError where the site cannot be asked.
    """
    seen, now = compared(context, name, site), context.clock.now()
    before = drift.last_look(context.store.note(_note(name)))
    lasting = findings.unforgotten(context.store, name, before.again(seen))
    soon = any(one.said not in before.seen for one in seen)
    drift.keep_look(context.store, _note(name), seen, now + (AGAIN if soon else EVERY))
    if lasting != drift.kept_of(context.store, name):
        drift.keep(context.store, name, lasting)
    return lasting


def compared(context: TurnContext, name: str, site: Site) -> tuple[Finding, ...]:
    """What disagrees at a site at this moment.  Raises ProvisionerError where it cannot be asked."""
    there = site.provisioner.inventory()
    # The tickets are read after the look: what was begun in between is known then.
    known = _known(context, name, site)
    # What a machine leaves behind when it moves, or has not arrived with yet, is no machine that nobody knows.
    numbers = left_behind.at(context.store, name) | relocation.under_way(context.store).keys()
    passing = {one.machine_id for one in known if one.ticket.id in numbers and one.ticket.site != name}
    # A pool that several hosts have shows each of them the disks of all.
    elsewhere = [one for one in known if one.ticket.site != name and context.has_one_pool(name, one.ticket.site or "")]
    passing |= {one.machine_id for one in elsewhere} & {one.machine_id for one in there if one.name is None}
    return drift.compare(name, known, [one for one in there if one.machine_id not in passing])


def _known(context: TurnContext, name: str, site: Site) -> list[Known]:
    """Every ticket that is not at its end; whether something waits to be done is asked only for those of this site."""
    return [
        Known(
            ticket,
            id_of(site, ticket),
            at_rest=ticket.site == name
            and not any(one.action in MACHINE_ACTIONS - ONLY_ASK for one in context.store.waiting(ticket.id)),
        )
        for ticket in context.store.tickets(_OPEN)
    ]


def _note(name: str) -> str:
    return f"reconciled:{name}"
