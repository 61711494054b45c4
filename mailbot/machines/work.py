"""The turn for machines: claim, take each a step further, settle; apart from the mail, so that it never waits for a hypervisor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from mailbot import journal
from mailbot.machines import upkeep
from mailbot.machines.build import build
from mailbot.machines.progress import Site, Sites, again, ended
from mailbot.model import MACHINE_ACTIONS, Action, OutboxItem, Ticket, TicketState
from mailbot.ports import Settled
from mailbot.turns.context import TurnContext

__all__ = ["Site", "Sites", "look_at_sites", "work"]

CLAIM = 20
LEASE_SECONDS = 300.0
HEALTH_EVERY = timedelta(minutes=5)

S = TicketState


def look_at_sites(context: TurnContext, sites: Sites) -> int:
    """Ask every site for its room and health where the last answer is older than `HEALTH_EVERY`; give how many were asked."""
    now = context.clock.now()
    fresh = {health.site for health, at in context.store.health() if now - at < HEALTH_EVERY}
    stale = sorted(sites.keys() - fresh)
    for name in stale:
        health = sites[name].provisioner.health()
        for problem in health.problems:
            journal.site_unwell(site=name, problem=problem)
        context.store.put_health(health, now)
    return len(stale)


def work(context: TurnContext, sites: Sites) -> int:
    """Take every machine that is due a step further; give how many rows were looked at.

    1. Claim: the attempt is on record before it is made, one row per ticket.
    2. Do what can be done without waiting for a guest.
    3. Settle together with what follows for the ticket: done, look again soon, try again later, or given up.
    """
    now = context.clock.now()
    items = context.store.claim(sorted(MACHINE_ACTIONS), now, CLAIM, LEASE_SECONDS)
    until = now + timedelta(seconds=LEASE_SECONDS / 2)
    for item in items:
        if context.clock.now() >= until:  # a slow site: another daemon must not work on these too; first the next time
            context.store.settle([Settled(item, retry_at=now, error="a site was slow", counted=False)], now)
            continue
        try:
            _one(context, sites, item)
        except Exception as error:  # noqa: BLE001 - one machine never stops the others
            journal.trouble(about=f"{item.effect.action.value} of ticket #{item.ticket_id}", error=error)
            again(context, item, f"{type(error).__name__}: {error}")
    return len(items)


def _one(context: TurnContext, sites: Sites, item: OutboxItem) -> None:
    """What the row asks for, if the ticket still wants it."""
    ticket = context.store.ticket(item.ticket_id or 0)
    wanted, do = _WORK[item.effect.action]
    if ticket is None or ticket.state not in wanted:
        context.store.settle([Settled(item, done=True, proof="no longer wanted")], context.clock.now())
        ended(context, item)
        return
    action = item.effect.action.value
    journal.machine_started(ticket.id, action=action, machine=ticket.username, attempt=item.attempts, site=ticket.site)
    do(context, sites, item, ticket)


_Work = Callable[[TurnContext, Sites, OutboxItem, Ticket], None]

_WORK: Mapping[Action, tuple[frozenset[TicketState], _Work]] = {
    Action.BUILD: (frozenset({S.APPROVED}), build),
    Action.STOP: (frozenset({S.EXPIRED}), upkeep.stop),
    Action.START: (frozenset({S.ACTIVE}), upkeep.start),
    Action.RETIRE: (frozenset({S.RETIRING}), upkeep.retire),
    Action.DELETE_DISK: (frozenset({S.ARCHIVED}), upkeep.delete_disk),
    Action.REPORT: (frozenset(S), upkeep.report),
}
"""What each action does, and the states in which it is still wanted: an extension makes a waiting stop void."""
