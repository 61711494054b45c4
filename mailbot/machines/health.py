"""What the bot knows of its sites: each is looked at by its own worker, and what it said is stored for everybody else.

No decision asks a hypervisor: placement, letters, metrics and the weekly summary read what was stored.  A site that does
not answer costs the others nothing: its rows are not claimed until a look finds it again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailbot import journal
from mailbot.machines.progress import Site, Sites
from mailbot.turns import drift, modes
from mailbot.turns.context import TurnContext
from parsers.translatable import NOTHING, Translatable, as_one
from provisioner.api import SiteHealth

HEALTH_EVERY = timedelta(minutes=5)
PROBE_EVERY = timedelta(seconds=30)
"""How often a site is asked that did not answer the last time."""
TOO_OLD = 3 * HEALTH_EVERY
"""What was said so long ago says nothing about now: the bot was off, or the site's worker hangs."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a site said last, and when."""

    health: SiteHealth
    at: datetime

    def needs_a_look(self, now: datetime) -> bool:
        """Whether it is time to ask again."""
        return now - self.at >= (HEALTH_EVERY if self.health.reachable else PROBE_EVERY)


def known(context: TurnContext) -> Mapping[str, Known]:
    """Every site that was ever looked at."""
    return {health.site: Known(health, at) for health, at in context.store.health()}


def to_be_looked_at(context: TurnContext, sites: Sites) -> frozenset[str]:
    """The sites whose look is due, or that were never looked at."""
    now, seen = context.clock.now(), known(context)
    due = frozenset(name for name in sites if name not in seen or seen[name].needs_a_look(now))
    return due - modes.taken_down(context.store)


def answers(context: TurnContext, name: str) -> bool:
    """Whether a site may be asked for something: it answered its last look, and no admin has taken it down."""
    seen = known(context).get(name)
    return seen is not None and seen.health.reachable and name not in modes.taken_down(context.store)


def look(context: TurnContext, name: str, site: Site) -> SiteHealth:
    """Ask a site for its room and health, and store the answer."""
    health, now = site.provisioner.health(), context.clock.now()
    for problem in health.problems:
        journal.site_unwell(site=name, problem=problem)
    context.store.put_health(health, now)
    return health


def forget_those_that_left(context: TurnContext, sites: Collection[str]) -> None:
    """Forget what sites said that the configuration does not name any more: no letter offers them, no summary tells of them."""
    for name in known(context).keys() - sites:
        for names in (False, True):
            drift.keep(context.store, name, (), names=names)
        context.store.forget_site(name)


def why_away(context: TurnContext, name: str) -> Translatable:
    """Why a site is asked for nothing: it fell silent, or an admin has taken it down; empty where it is asked."""
    if name in modes.taken_down(context.store):
        return modes.refusals(context.store)[name]
    seen = known(context).get(name)
    return NOTHING if seen is None or seen.health.reachable else as_one(*seen.health.problems)
