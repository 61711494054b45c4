"""The machines' names in a zone of the site: there when a machine is ready, gone when it is, whatever the name server does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from mailbot import fleet, operator
from mailbot.adapters.zones.memory import MemoryZones
from mailbot.machines.work import look_at_sites
from mailbot.model import Action, Arrived, Letter, Login, TicketState, Turn
from mailbot.turns import sight
from mailbot.turns.names import name_after, note_of, publish
from provisioner.addressing import Bridge, read_range
from tests.world import BOB, CAROL, World, kind_of
from tests.writing import words_of

NAME = "alice-vm.north.testbed.example"


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def zones() -> MemoryZones:
    return MemoryZones()


@pytest.fixture
def world(tmp_path: Path, zones: MemoryZones) -> Iterator[World]:
    world = World(tmp_path)
    world.bot = replace(world.bot, context=replace(world.bot.context, zones=zones))
    yield world
    world.close()


def waiting(world: World) -> list[Action]:
    return [one.action for one in world.bot.context.store.waiting(1)]


def test_a_machine_is_named_when_it_is_ready_and_not_any_more_when_it_is_gone(world: World, zones: MemoryZones) -> None:
    world.gets_a_machine()
    address = world.machines()["alice-vm@north"].address
    owner = str(world.ticket().machine_id)
    assert zones.names == {NAME: (owner, (address,))}
    assert zones.pointers == {address: (owner, NAME)}
    world.gives_it_back()
    assert (zones.names, zones.pointers) == ({}, {})
    assert world.bot.context.store.note(note_of(1)) is None


def test_a_kept_machine_that_is_restored_has_its_name_again(world: World, zones: MemoryZones) -> None:
    world.gets_a_machine()
    before = dict(zones.names)
    world.gives_it_back()
    operator.restore(world.bot.context, 1, CAROL.login, date(2027, 6, 30))
    for _ in range(3):
        world.later(minutes=1)
    assert world.ticket().state is TicketState.ACTIVE
    assert zones.names.keys() == before.keys()


def test_both_families_of_a_machine_on_a_bridge_are_named(world: World, zones: MemoryZones) -> None:
    ranges = (
        read_range("192.0.2.1/24", "192.0.2.10-192.0.2.10", 4),
        read_range("2001:db8::1/64", "2001:db8::10-2001:db8::10", 6),
    )
    bridges = {"north": Bridge("br0", ranges)}
    world.bot = replace(world.bot, context=replace(world.bot.context, bridges=bridges))
    world.gets_a_machine()
    assert zones.names[NAME][1] == ("192.0.2.10", "2001:db8::10")
    assert zones.pointers.keys() == {"192.0.2.10", "2001:db8::10"}


def test_a_machine_that_moves_is_named_at_its_new_address_and_nothing_leads_to_the_old_one(
    world: World, zones: MemoryZones
) -> None:
    bridges = {
        site: Bridge("br0", (read_range(f"{net}.1/24", f"{net}.10-{net}.20", 4),))
        for site, net in (("north", "192.0.2"), ("south", "198.51.100"))
    }
    world.bot = replace(world.bot, context=replace(world.bot.context, bridges=bridges))
    world.gets_a_machine()
    (old,) = zones.pointers
    look_at_sites(world.bot.context, world.bot.sites)
    plan = fleet.move(world.bot.context, 1, "south", date(2026, 12, 7), CAROL.login, neighbours={"north", "south"})
    world.once()
    for moment in (plan.at - timedelta(hours=25, minutes=50), plan.at - timedelta(minutes=3), plan.at):
        world.clock.set(moment)
        world.once()
    for _ in range(30):
        world.later(minutes=1)
    assert world.ticket().site == "south"
    (new,) = zones.pointers
    assert new != old
    assert new.startswith("198.51.100.")
    assert [addresses for _, addresses in zones.names.values()] == [(new,)]


def test_a_name_server_that_is_away_holds_up_no_machine_and_admins_hear_after_an_hour_and_when_it_is_back(
    world: World, zones: MemoryZones
) -> None:
    zones.away = "the name server 192.0.2.53 of the zone testbed.example does not answer"
    world.gets_a_machine()
    assert world.ticket().state is TicketState.ACTIVE
    assert kind_of(world.last(Letter.VM_READY)) is Letter.VM_READY
    assert waiting(world) == [Action.NAME]
    operator.stop(world.bot.context, 1, CAROL.login, "it sends spam")
    world.once()
    world.later(minutes=10)
    assert not world.machines()["alice-vm@north"].running, "what is done to the machine does not wait for its name"
    for _ in range(7):
        world.later(minutes=10)
    told = words_of(world.last(Letter.ADMIN_BLIND))
    assert "Publishing machines' names has not worked" in told
    assert "192.0.2.53" in told
    count = sum(kind_of(one) is Letter.ADMIN_BLIND for one in world.letters)

    zones.away = ""
    world.later(minutes=10)
    world.later(minutes=1)
    assert NAME in zones.names
    assert sum(kind_of(one) is Letter.ADMIN_BLIND for one in world.letters) > count, "and that it works again"
    assert not sight.fails(world.bot.context, sight.Sense.ZONES)


def test_a_server_that_is_away_is_asked_once_a_pass_however_many_names_wait(world: World, zones: MemoryZones) -> None:
    zones.away = "away"
    world.gets_a_machine()
    world.gets_a_machine(BOB, 2)
    zones.asked = 0
    world.clock.advance(timedelta(minutes=1))
    publish(world.bot.context)
    assert zones.asked == 1


def test_a_name_that_is_somebody_elses_is_left_and_admins_hear_of_it(world: World, zones: MemoryZones) -> None:
    zones.names[NAME] = ("", ("192.0.2.99",))
    world.gets_a_machine()
    for _ in range(6):
        world.later(minutes=16)
    assert zones.names[NAME] == ("", ("192.0.2.99",))
    said = words_of(world.last(Letter.ADMIN_MACHINE_TROUBLE))
    assert "alice-vm: publishing the machine's name failed" in said
    del zones.names[NAME]
    world.later(minutes=16)
    assert zones.names[NAME][0] == str(world.ticket().machine_id), "it is tried on"


@pytest.mark.parametrize("after", range(1, 4))
def test_a_daemon_that_is_killed_between_two_updates_leaves_nothing_behind(
    world: World, zones: MemoryZones, after: int
) -> None:
    world.gets_a_machine()
    (old,) = zones.pointers
    real = zones._ask

    def killing() -> None:
        real()
        if zones.asked >= after:
            raise Killed

    # It is ready again at another address, as after a move, and the daemon dies at one of the updates that follow.
    context, ticket = world.bot.context, world.ticket()
    event = Arrived(Login(NAME, "192.0.2.77", (), ()))
    turn = Turn(world.now, ticket=ticket)
    effects = tuple(name_after(context, event, turn))
    context.store.commit(Turn(world.now, about_ticket=1, effects=effects))
    zones.asked, zones._ask = 0, killing  # type: ignore[method-assign]
    with suppress(Killed):
        publish(context)
    zones._ask = real  # type: ignore[method-assign]
    world.later(minutes=20)
    owner = str(ticket.machine_id)
    assert zones.names == {NAME: (owner, ("192.0.2.77",))}
    assert zones.pointers == {"192.0.2.77": (owner, NAME)}
    assert old not in zones.pointers


def test_a_machine_whose_domain_is_in_no_zone_has_no_row_for_its_name(world: World, zones: MemoryZones) -> None:
    zones.zones = ("elsewhere.example",)
    world.gets_a_machine()
    assert zones.asked == 0
    assert waiting(world) == []


def test_a_site_without_zones_writes_nothing_of_names(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.gets_a_machine()
    world.gives_it_back()
    assert not [one for one in world.bot.context.store.outbox_counts() if one.action is Action.NAME]
    world.close()
