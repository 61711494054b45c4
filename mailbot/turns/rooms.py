"""What a host has left for one more machine: what it said last, less what was promised there since.

Promised are builds that were placed there and machines that are to move there, as long as the host has not counted them.
Asks no hypervisor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mailbot.ports import Coming
from mailbot.turns.context import TurnContext
from provisioner.api import SiteHealth


def promised(context: TurnContext, moves: Mapping[int, str]) -> Mapping[str, tuple[Coming, ...]]:
    """By host, the machines that are to come there: built, or moved from elsewhere (`moves`: by ticket, to which host)."""
    found: dict[str, dict[int, Coming]] = {}
    for site, coming in context.store.placed():
        found.setdefault(site, {})[coming.id] = coming
    for number, to in moves.items():
        moving = context.store.ticket(number)
        if moving is not None:
            found.setdefault(to, {})[number] = Coming(number, moving.disk_gib)
    return {site: tuple(machines.values()) for site, machines in found.items()}


def left(
    context: TurnContext, health: SiteHealth, coming: Mapping[str, tuple[Coming, ...]], but: int = 0
) -> SiteHealth:
    """The host's room without what is promised there and not counted yet, but for the ticket `but` itself."""
    counted = frozenset(health.references)
    wanted = [one for one in coming.get(health.site, ()) if str(one.id) not in counted and one.id != but]
    return replace(
        health,
        free_memory_mib=max(0, health.free_memory_mib - len(wanted) * context.rules.policy.memory_mib),
        free_disk_gib=max(0, health.free_disk_gib - sum(one.disk_gib for one in wanted)),
        machines=health.machines + len(wanted),
    )
