"""Two hosts of one site with one pool, one bridge and a way for machines to come and go while they run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from provisioner.addressing import Bridge, read_range
from provisioner.api import SiteSettings
from provisioner.fake import FakeSite
from provisioner.fake_machine import FakeMachine, FakeStep
from provisioner.fake_migration import FakeMigration
from tests.world import World

FIRST, SECOND = "main", "main/second"
BRIDGE = Bridge("br0", (read_range("192.0.2.1/24", "192.0.2.10-192.0.2.12", 4),))


class HostOfOnePool(FakeSite):
    """What is in its pool is in the other one's, too; no machine may ever run at both, since it has one disk."""

    other: HostOfOnePool

    def change(self, step: FakeStep, machine_id: UUID, machine: FakeMachine, **changes: Any) -> None:
        super().change(step, machine_id, machine, **changes)
        twin = self.other._load().get(str(machine_id)) or FakeMachine(machine.name)
        for name in ("disk", "disk_gib", "content", "seed"):
            setattr(twin, name, getattr(machine, name))
        self.other._save(machine_id, twin)
        at_work = [one for one in (machine, twin) if one.running and not one.halted]
        assert len(at_work) < 2, f"two machines on one disk, after {step}"


def with_one_pool(
    world: World, names: tuple[str, str] = (FIRST, SECOND), host: type[HostOfOnePool] = HostOfOnePool
) -> World:
    """The same world with that."""
    first, second = (host(name) for name in names)
    first.other, second.other = second, first
    world.sites = {first.site: first, second.site: second}
    started_again(world)
    return world


def started_again(world: World, *, at_once: bool = False) -> None:
    """The daemon is another one: of what the one before was sending it knows nothing."""
    world.restart()
    names = tuple(world.sites)
    context = replace(
        world.bot.context,
        shared_pools=dict.fromkeys(names, "nfs"),
        bridges=dict.fromkeys(names, BRIDGE),
        receiving=frozenset(names),
    )
    sites = {
        name: replace(
            world.bot.sites[name],
            dns_domain="main.testbed.example",
            migration=FakeMigration(
                SiteSettings(name, "main.testbed.example", migration_uri="tcp://192.0.2.1"),
                world.sites,
                at_once=at_once,
            ),
        )
        for name in names
    }
    world.bot = replace(world.bot, context=context, sites=sites)


def machine(world: World, host: str) -> FakeMachine | None:
    """What is at a host of the first machine."""
    return world.machines().get(f"alice-vm@{host}")
