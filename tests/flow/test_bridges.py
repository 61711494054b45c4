"""Machines on bridges of their hosts: they have an address of the site's own from their placement until they are gone for good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from mailbot import fleet, operator
from mailbot.machines.work import look_at_sites
from mailbot.model import EventKind, Letter, TicketState
from mailbot.turns import relocation
from mailbot.turns.addresses import have
from provisioner.addressing import Bridge, read_range
from provisioner.api import VmSpec
from provisioner.fake_machine import Faults
from tests.world import BOB, CAROL, World, key_of, kind_of
from tests.writing import words_of

NORTH = Bridge("br0", (read_range("192.0.2.1/24", "192.0.2.10-192.0.2.10", 4),))
SOUTH = Bridge("br0", (read_range("198.51.100.1/24", "198.51.100.10-198.51.100.11", 4),))


def bridged(world: World, **bridges: Bridge) -> None:
    world.bot = replace(world.bot, context=replace(world.bot.context, bridges=bridges))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    bridged(world, north=NORTH, south=SOUTH)
    yield world
    world.close()


def addresses(world: World, number: int = 1) -> list[str]:
    return world.bot.context.store.addresses(number)


def test_a_machine_has_the_address_that_it_was_placed_with_and_its_owner_reads_it(world: World) -> None:
    world.gets_a_machine()
    assert world.ticket().state is TicketState.ACTIVE
    assert addresses(world) == ["192.0.2.10"]
    assert "192.0.2.10" in words_of(world.last(Letter.VM_READY))
    assert world.machines()["alice-vm@north"].address == "192.0.2.10"


def test_a_host_whose_range_is_full_gets_no_machine_and_admins_read_why_where_none_can_take_it(world: World) -> None:
    bridged(world, north=NORTH, south=replace(NORTH, name="br1"))
    world.gets_a_machine()
    world.gets_a_machine(BOB, 2)
    places = {number: world.ticket(number).site for number in (1, 2)}
    assert set(places.values()) == {"north", "south"}, "each site has its own"
    assert all(len(addresses(world, number)) == 1 for number in places)


def test_where_the_range_is_full_a_build_waits_with_the_reason_and_goes_on_when_it_grows(world: World) -> None:
    world.bot = replace(world.bot, sites={"north": world.bot.sites["north"]})
    world.gets_a_machine()
    world.gets_a_machine(BOB, 2)
    assert world.ticket(2).state is TicketState.APPROVED
    (row,) = world.bot.context.store.overview.queue(2)
    assert "no free address left: 192.0.2.10-192.0.2.10 are all taken" in row.error
    bridged(world, north=replace(NORTH, ranges=(read_range("192.0.2.1/24", "192.0.2.10-192.0.2.11", 4),)))
    for _ in range(4):
        world.later(minutes=16)
    assert world.ticket(2).state is TicketState.ACTIVE
    assert (addresses(world), addresses(world, 2)) == (["192.0.2.10"], ["192.0.2.11"])


def test_a_build_that_goes_to_another_host_has_an_address_of_there_and_none_of_the_first(world: World) -> None:
    look_at_sites(world.bot.context, world.bot.sites)
    world.sites["north"].faults = Faults(unreachable=True)  # it falls silent after it was chosen
    world.gets_a_machine()
    for _ in range(3):
        world.later(minutes=1)
    assert [line.facts["site"] for line in world.bot.context.store.history(1) if line.event is EventKind.PLACED] == [
        "north",
        "south",
    ]
    assert world.ticket().site == "south"
    (address,) = addresses(world)
    assert address.startswith("198.51.100.")
    assert world.machines()["alice-vm@south"].address == address


def test_the_address_at_the_other_host_is_kept_from_the_announcement_of_a_move_on(world: World) -> None:
    world.gets_a_machine()
    look_at_sites(world.bot.context, world.bot.sites)
    plan = fleet.move(world.bot.context, 1, "south", date(2026, 12, 7), CAROL.login, neighbours={"north", "south"})
    there = next(one for one in addresses(world) if one != "192.0.2.10")
    world.once()
    for moment in (plan.at - timedelta(hours=25, minutes=50), plan.at - timedelta(minutes=3), plan.at):
        world.clock.set(moment)
        world.once()
    for _ in range(30):
        world.later(minutes=1)
    assert world.ticket().site == "south"
    assert addresses(world) == [there], "the one that it left is free again"
    assert there in words_of(world.last(Letter.VM_MOVED))


@pytest.mark.parametrize("host", ["north", "a host without a bridge"])
def test_what_is_built_again_before_its_move_keeps_the_address_that_waits_for_it(world: World, host: str) -> None:
    world.gets_a_machine()
    look_at_sites(world.bot.context, world.bot.sites)
    fleet.move(world.bot.context, 1, "south", date(2026, 12, 7), CAROL.login, neighbours={"north", "south"})
    both = addresses(world)
    have(world.bot.context, world.ticket(), host)
    assert addresses(world) == both
    assert len(both) == 2


def test_a_move_that_is_called_off_gives_its_address_back(world: World) -> None:
    world.gets_a_machine()
    look_at_sites(world.bot.context, world.bot.sites)
    fleet.move(world.bot.context, 1, "south", date(2026, 12, 7), CAROL.login, neighbours={"north", "south"})
    assert len(addresses(world)) == 2
    fleet.cancel_move(world.bot.context, 1, CAROL.login)
    assert addresses(world) == ["192.0.2.10"]


def test_a_machine_that_is_taken_away_before_its_move_gives_the_other_address_back(world: World) -> None:
    world.gets_a_machine()
    look_at_sites(world.bot.context, world.bot.sites)
    fleet.move(world.bot.context, 1, "south", date(2026, 12, 7), CAROL.login, neighbours={"north", "south"})
    operator.end(world.bot.context, 1, CAROL.login, "no longer wanted")
    world.later(minutes=1)
    assert addresses(world) == ["192.0.2.10"], "its own is kept with its disk"


def test_a_move_to_a_host_without_an_address_is_refused(world: World) -> None:
    bridged(
        world,
        north=NORTH,
        south=replace(SOUTH, ranges=(read_range("198.51.100.1/24", "198.51.100.10-198.51.100.10", 4),)),
    )
    world.gets_a_machine()
    world.gets_a_machine(BOB, 2)
    assert {world.ticket(1).site, world.ticket(2).site} == {"north", "south"}
    look_at_sites(world.bot.context, world.bot.sites)
    with pytest.raises(operator.Refused, match="no address left"):
        fleet.move(world.bot.context, 1, "south", date(2026, 12, 7), CAROL.login, neighbours={"north", "south"})
    assert relocation.of_ticket(world.bot.context.store, 1) is None


def test_a_machine_that_is_given_back_keeps_its_address_until_its_disk_is_deleted(world: World) -> None:
    world.gets_a_machine()
    world.gives_it_back()
    assert addresses(world) == ["192.0.2.10"]
    while world.ticket().state is TicketState.ARCHIVED:
        world.later(days=20)
    assert kind_of(world.letters[-1]) in {Letter.VM_REMOVED, Letter.VM_ARCHIVED}
    assert addresses(world) == []


def test_a_restored_machine_whose_range_is_another_one_by_now_gets_an_address_of_it(world: World) -> None:
    world.gets_a_machine()
    world.gives_it_back()
    bridged(world, north=SOUTH)
    operator.restore(world.bot.context, 1, CAROL.login)
    for _ in range(3):
        world.later(minutes=1)
    assert world.ticket().state is TicketState.ACTIVE
    (address,) = addresses(world)
    assert address.startswith("198.51.100.")
    assert world.machines()["alice-vm@north"].address == address


def test_a_machine_that_is_adopted_has_the_address_that_it_has(world: World) -> None:
    wide = replace(NORTH, ranges=(read_range("192.0.2.1/24", "192.0.2.10-192.0.2.99", 4),))
    bridged(world, north=wide)
    key = key_of("alice").rsplit(" ", 1)[0]
    spec = VmSpec(
        *("alice-vm", "north.testbed.example", UUID(int=7), "alice", "9", (key,), date(2027, 3, 31)),
        addresses=("192.0.2.42",),
    )
    world.sites["north"].ensure(spec)
    for _ in range(3):
        world.later(minutes=61)
    operator.answer_finding(world.bot.context, "adopt alice-vm", CAROL.login)
    (ticket,) = world.bot.context.store.tickets()
    assert (ticket.state, addresses(world, ticket.id)) == (TicketState.ACTIVE, ["192.0.2.42"])
