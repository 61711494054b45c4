"""The turn for machines: claim, take each a step further, settle; apart from the mail, and each site apart from the others.

A build is placed without asking any hypervisor; whatever asks one is claimed by the worker of that site.  So a site that
hangs, or is away, holds up only what is to be done there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from mailbot import journal
from mailbot.errors import LeaseLost
from mailbot.machines import answering, arriving, health, moving, reconcile, upkeep
from mailbot.machines.build import build, elsewhere
from mailbot.machines.progress import Site, Sites, again, ended
from mailbot.model import MACHINE_ACTIONS, ONLY_ASK, Action, OutboxItem, Ticket, TicketState
from mailbot.ports import Settled
from mailbot.turns import left_behind
from mailbot.turns.context import TurnContext
from mailbot.turns.leases import LEASE_SECONDS, Leases
from parsers.translatable import named, words_of
from provisioner.api import SiteUnreachable

__all__ = ["Site", "Sites", "look_at_sites", "place", "sites_to_visit", "visit", "work"]

CLAIM = 20
SLOW = timedelta(seconds=150)
"""A site that takes so long for what was claimed together has the rest given back: another daemon may be quicker."""

S = TicketState


def work(context: TurnContext, sites: Sites) -> int:
    """One pass over everything, one site after the other; gives how many rows were looked at.

    1. Look at the sites whose look is due.
    2. Place the builds that have no site yet.
    3. Visit every site that has something to do.
    """
    look_at_sites(context, sites)
    done = place(context, sites)
    return done + sum(visit(context, sites, name) for name in sorted(sites_to_visit(context, sites)))


def look_at_sites(context: TurnContext, sites: Sites) -> int:
    """Ask every site whose look is due for its room and health; gives how many were asked."""
    due = sorted(health.to_be_looked_at(context, sites))
    for name in due:
        health.look(context, name, sites[name])
    return len(due)


def sites_to_visit(context: TurnContext, sites: Sites) -> frozenset[str]:
    """The sites where rows are due, or the look is, or the comparison with the tickets."""
    waiting = context.store.sites_with_work(context.clock.now())
    compared = frozenset(name for name in reconcile.due(context, sites) if health.answers(context, name))
    left = left_behind.due(context.store, context.clock.now())
    wanted = frozenset(name for name in sites if name in waiting or (name in left and health.answers(context, name)))
    return health.to_be_looked_at(context, sites) | compared | wanted


def place(context: TurnContext, sites: Sites) -> int:
    """Take what has no site, or one that the configuration does not name, a step further; asks no hypervisor.  Nothing while paused."""
    if context.paused():
        return 0
    homeless = context.store.sites_with_work(context.clock.now()) - sites.keys()
    return sum(
        _each(context, sites, _claim(context, name, MACHINE_ACTIONS))
        for name in sorted(homeless, key=lambda it: it or "")
    )


def visit(context: TurnContext, sites: Sites, name: str) -> int:
    """Do what is due at one site; gives how many rows were looked at.

    1. Look how it is, where that is due.
    2. Where it does not answer: answer questions about its machines all the same, have builds that have not begun
       there begin elsewhere, and leave the rest unclaimed.
    3. Else claim: the attempt is on record before it is made, one row per ticket.
    4. Do what can be done without waiting for a guest, and settle it together with what follows for the ticket.
    """
    if name in health.to_be_looked_at(context, {name: sites[name]}):
        health.look(context, name, sites[name])
    if context.paused():
        return 0
    if not health.answers(context, name):
        return _without_it(context, sites, name)
    done = _each(context, sites, _claim(context, name, MACHINE_ACTIONS), name)
    if name in left_behind.due(context.store, context.clock.now()):
        _cleared(context, sites, name)
    if reconcile.due(context, {name: sites[name]}) and health.answers(context, name):
        _compare(context, sites, name)
    return done


def _compare(context: TurnContext, sites: Sites, name: str) -> None:
    """Compare the site with its tickets; whatever is wrong with that stops no machine."""
    try:
        reconcile.reconcile(context, name, sites[name])
    except Exception as error:  # noqa: BLE001 - told, and tried again at the next visit
        journal.trouble(about=f"comparing the site {name} with its tickets", error=error)


def _cleared(context: TurnContext, sites: Sites, name: str) -> None:
    """Take away what machines have left at the site; whatever is wrong with that stops no machine."""
    try:
        moving.clear(context, name, sites[name])
    except Exception as error:  # noqa: BLE001 - told, and tried again at the next visit
        journal.trouble(about=f"taking away what machines have left at the site {name}", error=error)


def _without_it(context: TurnContext, sites: Sites, name: str) -> int:
    reports = _each(context, sites, _claim(context, name, ONLY_ASK))
    builds = _claim(context, name, {Action.BUILD})
    for item in builds:
        if not elsewhere(context, sites, item):
            why = f"{name} does not answer"
            retry_at = context.clock.now() + health.PROBE_EVERY
            context.store.settle([Settled(item, retry_at=retry_at, error=why, counted=False)], context.clock.now())
    coming = _claim(context, name, {Action.ARRIVE})
    for item in coming:
        arriving.stranded(context, item)
    return reports + len(builds) + len(coming)


def _claim(context: TurnContext, site: str | None, actions: frozenset[Action] | set[Action]) -> list[OutboxItem]:
    return context.store.claim_at(site, sorted(actions), context.clock.now(), CLAIM, LEASE_SECONDS)


def _each(context: TurnContext, sites: Sites, items: Sequence[OutboxItem], name: str | None = None) -> int:
    """Take claimed rows a step further; a site that stops answering has the rest of its rows given back."""
    with Leases(context, items) as leases:
        return _taken_further(context, sites, items, name, leases)


def _taken_further(
    context: TurnContext, sites: Sites, items: Sequence[OutboxItem], name: str | None, leases: Leases
) -> int:
    until = context.clock.now() + SLOW
    for number, item in enumerate(items):
        if context.clock.now() >= until:  # a slow site: another daemon must not work on these too; first the next time
            _give_back(context, items[number:], "the site was slow")
            return number
        if not leases.holds(item):
            continue
        try:
            _one(context, sites, item)
        except LeaseLost as error:
            journal.trouble(about=f"{item.effect.action.value} of ticket #{item.ticket_id}", error=error)
        except SiteUnreachable as error:
            if name is not None and health.look(context, name, sites[name]).reachable:
                again(context, item, words_of(error))  # it is there after all: then the attempt counts
                continue
            _give_back(context, items[number:], words_of(error))
            return number + 1
        except Exception as error:  # noqa: BLE001 - one machine never stops the others
            journal.trouble(about=f"{item.effect.action.value} of ticket #{item.ticket_id}", error=error)
            again(context, item, named(error))
    return len(items)


def _give_back(context: TurnContext, items: Sequence[OutboxItem], why: str) -> None:
    """Nothing was learnt about these machines: the attempts do not count."""
    now = context.clock.now()
    context.store.settle([Settled(item, retry_at=now, error=why, counted=False) for item in items], now)


def _one(context: TurnContext, sites: Sites, item: OutboxItem) -> None:
    """What the row asks for, if the ticket still wants it."""
    ticket = context.store.ticket(item.about_ticket)
    wanted, do = _WORK[item.effect.action]
    if ticket is None or ticket.state not in wanted:
        if ticket and item.effect.action is Action.MOVE and not moving.call_off(context, sites, item, ticket):
            return
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
    Action.SWITCH_OFF: (frozenset({S.ACTIVE}), upkeep.stop),
    Action.RESTART: (frozenset({S.ACTIVE}), upkeep.restart),
    Action.REINSTALL: (frozenset({S.ACTIVE}), upkeep.reinstall),
    Action.MOVE: (frozenset({S.ACTIVE}), moving.move),
    Action.ARRIVE: (frozenset({S.ACTIVE}), arriving.arrive),
    Action.RETIRE: (frozenset({S.RETIRING}), upkeep.retire),
    Action.DELETE_DISK: (frozenset({S.ARCHIVED}), upkeep.delete_disk),
    Action.REPORT: (frozenset(S), answering.report),
    Action.CONSOLE: (frozenset(S), answering.console),
    Action.REKEY: (frozenset({S.ACTIVE}), answering.rekey),
}
"""What each action does, and the states in which it is still wanted: an extension makes a waiting stop void."""
