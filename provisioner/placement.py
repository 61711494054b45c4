"""Which site gets a new machine: a pure choice from what the sites say of themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from parsers.translatable import NOTHING, Translatable, as_one, say
from provisioner.api import SiteHealth


@dataclass(frozen=True, slots=True)
class Need:
    """What a machine takes from a site."""

    memory_mib: int
    disk_gib: int


@dataclass(frozen=True, slots=True)
class Placement:
    """The chosen site, or None; `refusals` says for every other unfit site why, as (site, sentence)."""

    site: str | None
    refusals: tuple[tuple[str, Translatable], ...] = ()

    @property
    def why_not(self) -> Translatable:
        """All refusals as one text for an admin."""
        return as_one(*(say("{site}: {sentence}", site=site, sentence=sentence) for site, sentence in self.refusals))


def choose(sites: Iterable[SiteHealth], need: Need, excluded: frozenset[str] = frozenset()) -> Placement:
    """Choose the site with the most memory left, then the most disk, the fewest machines, the first name.

    `excluded` are sites that have already failed for this machine.  The answer depends only on the
    values, not on their order.
    """
    fit: list[SiteHealth] = []
    refusals: list[tuple[str, Translatable]] = []
    for health in sorted(sites, key=lambda one: one.site):
        refusal = _refusal(health, need, excluded)
        if refusal:
            refusals.append((health.site, refusal))
        else:
            fit.append(health)
    fit.sort(
        key=lambda one: (
            -one.free_memory_mib,
            -one.free_disk_gib,
            one.machines,
            one.site,
        )
    )
    return Placement(fit[0].site if fit else None, tuple(refusals))


def _refusal(health: SiteHealth, need: Need, excluded: frozenset[str]) -> Translatable:
    if health.site in excluded:
        return say("The machine could not be built here before.")
    if not health.reachable:
        return as_one(*health.problems) or say("The site does not answer.")
    if health.problems:
        return as_one(*health.problems)
    if health.free_memory_mib < need.memory_mib:
        return say(
            "{free} MiB of memory are free, {needed} MiB are needed.",
            free=health.free_memory_mib,
            needed=need.memory_mib,
        )
    if health.free_disk_gib < need.disk_gib:
        return say(
            "{free} GiB of disk are free, {needed} GiB are needed.", free=health.free_disk_gib, needed=need.disk_gib
        )
    return NOTHING
