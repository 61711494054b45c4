"""Two libvirtds with one pool: a machine moves without a byte of its disk being copied, and nothing of it is deleted afterwards."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from contrib.demo import hypervisor
from mailbot import operator
from mailbot.machines.reconcile import compared
from mailbot.model import Letter, TicketState
from mailbot.turns.modes import Mode
from provisioner.images import LocalImage
from tests.fleet.test_two_hosts import DOMAIN, Host, begun, disk, opened, spec, until
from tests.second_host import second_host
from tests.world import BOB, CAROL, World, kind_of, request_words

pytestmark = pytest.mark.long


@pytest.fixture
def hosts(libvirt_uri: str, hollow_image: LocalImage) -> Iterator[tuple[Host, Host, ExitStack]]:
    """The first host has its pool in the folder of the second one's, as two hosts have one NFS."""
    with ExitStack() as alive:
        place = alive.enter_context(second_host(DOMAIN))
        name = f"mailbot-test-{os.getpid()}-{secrets.token_hex(2)}"
        first = hypervisor.make_site(name, Path(place.directory))
        try:
            south = opened("south", place, hollow_image, shared_pool=True)
            north = opened("north", first, hollow_image, shared_pool=True)
            yield north, south, alive
            for one in (north, south):
                one.close()
        finally:
            hypervisor.remove_site(name, Path(place.directory))


@pytest.fixture
def world(tmp_path: Path, hosts: tuple[Host, Host, ExitStack]) -> Iterator[World]:
    north, south, _ = hosts
    world = World(tmp_path)
    context = replace(world.bot.context, shared_pools={"north": "nfs", "south": "nfs"})
    world.bot = replace(world.bot, context=context, sites={"north": north.site, "south": south.site})
    operator.set_site_mode(context, "south", Mode.CORDONED, CAROL.login, "for the test")
    world.writes(BOB.email, request_words(BOB.login))  # another name than in test_two_hosts, which has the same libvirt
    operator.approve(context, 1, CAROL.login)
    until(world, lambda: world.ticket().state is TicketState.ACTIVE)
    operator.set_site_mode(context, "south", Mode.OPEN, CAROL.login, "for the test")
    yield world
    north.driver.undo(spec(world, north))
    world.close()


def test_a_machine_moves_between_hosts_of_one_pool_without_a_copy(
    world: World, hosts: tuple[Host, Host, ExitStack]
) -> None:
    north, south, _ = hosts
    file = disk(world, north)
    before = file.stat()
    begun(world)
    until(world, lambda: any(kind_of(one) is Letter.VM_MOVED for one in world.letters))
    world.later(minutes=1)
    assert world.ticket().site == "south"
    there = south.machine_of(world.ticket())
    assert there is not None
    assert there.isActive()
    assert north.machine_of(world.ticket()) is None
    assert (file.stat().st_ino, file.stat().st_size) == (before.st_ino, before.st_size)
    assert (file.parent / spec(world, south).names.seed).exists(), "it starts again with its host"
    world.later(days=15)
    world.later(minutes=10)
    assert file.exists(), "what was left at the first host is the disk itself"
    for name, host in (("north", north), ("south", south)):
        assert compared(world.bot.context, name, host.site) == ()
