"""Each site compared with its tickets, by its own worker: one look over the site, and nothing done to it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from mailbot.machines.progress import Site, Sites, id_of
from mailbot.model import FINAL, MACHINE_ACTIONS, ONLY_ASK, TicketState
from mailbot.turns import drift, findings, left_behind, relocation
from mailbot.turns.context import TurnContext
from mailbot.turns.drift import Finding, Known

EVERY = timedelta(hours=1)
AGAIN = timedelta(minutes=2)
"""How soon a site is looked at again where something new disagrees: what passes by itself is no finding."""
_OPEN = tuple(state for state in TicketState if state not in FINAL)


def due(context: TurnContext, sites: Sites) -> frozenset[str]:
    """The sites that are to be compared with their tickets now."""
    now, notes = context.clock.now(), context.store.notes([_note(name) for name in sites])
    later = {name for name in sites if (kept := notes.get(_note(name))) and now < _next(kept)}
    return frozenset(sites.keys() - later)


def _next(kept: str) -> datetime:
    return datetime.fromisoformat(json.loads(kept)["next"])


def reconcile(context: TurnContext, name: str, site: Site) -> tuple[Finding, ...]:
    """Compare a site with its tickets; gives what disagrees now as it did at the look before.

    A volume may be out of sight while its pool is read again, and a person may be at work: only what two looks in a
    row have seen is kept.  Raises ProvisionerError where the site cannot be asked.
    """
    seen, now = compared(context, name, site), context.clock.now()
    before = context.store.note(_note(name))
    told = frozenset(json.loads(before)["seen"]) if before else frozenset[str]()
    lasting = findings.unforgotten(context.store, name, [one for one in seen if one.said in told])
    soon = any(one.said not in told for one in seen)
    note = {"seen": [one.said for one in seen], "next": (now + (AGAIN if soon else EVERY)).isoformat()}
    context.store.put_note(_note(name), json.dumps(note))
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
