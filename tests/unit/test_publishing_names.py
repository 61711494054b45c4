"""Bringing names in step with machines, one call of `publish` at a time: what is asked of which server, settled, put back, or told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailbot import operator
from mailbot.adapters.zones.memory import MemoryZones
from mailbot.errors import NameServerUnavailable
from mailbot.model import Action, Arrived, EffectFailed, Letter, Login, Retired, Turn
from mailbot.turns import sight
from mailbot.turns.addresses import have
from mailbot.turns.context import TurnContext
from mailbot.turns.names import TELL_AFTER, name_after, publish
from provisioner.addressing import Bridge, read_range
from tests.world import BOB, CAROL, World

NAME = "alice-vm.north.testbed.example"
SOMEBODY = ("", "somebody.elsewhere.example")
MINUTE = timedelta(minutes=1)


class Zones(MemoryZones):
    """Name servers: those of `silent` zones are away; `asked_of` has the zone of every name that one was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.silent = ""
        self.asked_of: list[str] = []

    def publish(self, fqdn: str, owner: str, addresses: tuple[str, ...]) -> None:
        self._hear(fqdn)
        super().publish(fqdn, owner, addresses)

    def withdraw(self, fqdn: str, owner: str) -> None:
        self._hear(fqdn)
        super().withdraw(fqdn, owner)

    def _hear(self, fqdn: str) -> None:
        self.asked_of.append(self.zone_of(fqdn))
        if self.zone_of(fqdn) == self.silent:
            raise NameServerUnavailable(f"the server of {self.silent} is away")


@pytest.fixture
def zones() -> Zones:
    return Zones()


@pytest.fixture
def world(tmp_path: Path, zones: Zones) -> Iterator[World]:
    """Alice's machine is ready and has its name."""
    world = World(tmp_path)
    world.bot = replace(world.bot, context=replace(world.bot.context, zones=zones))
    world.gets_a_machine()
    assert NAME in zones.names
    yield world
    world.close()


def happens(world: World, event: Arrived | Retired, number: int = 1) -> None:
    """What happens to a machine, as far as its name goes."""
    context = world.bot.context
    world.clock.advance(MINUTE)
    effects = tuple(name_after(context, event, Turn(world.now, ticket=world.ticket(number))))
    context.store.commit(Turn(world.now, about_ticket=number, effects=effects))


def is_at(world: World, address: str, number: int = 1, name: str = NAME) -> None:
    happens(world, Arrived(Login(name, address, (), ())), number)


def is_left(world: World) -> bool:
    """Whether a row about a name waits or was given up."""
    return any(one.action is Action.NAME for one in world.bot.context.store.outbox_counts())


def tries(world: World) -> None:
    """Whatever rests is tried again."""
    world.clock.advance(timedelta(hours=1))
    publish(world.bot.context)


def told(world: World) -> int:
    """How many letters about a machine in trouble wait."""
    return sum(one.letter is Letter.ADMIN_MACHINE_TROUBLE for one in world.bot.context.store.waiting(1))


def test_a_name_stands_for_the_addresses_on_the_bridge_and_else_for_the_one_that_answers(
    world: World, zones: Zones
) -> None:
    context, turn = world.bot.context, Turn(world.now, ticket=world.ticket())
    ready = Arrived(Login(NAME, "192.0.2.77", (), ()))

    def named(context: TurnContext) -> list[dict[str, Any]]:
        return [dict(one.facts) for one in name_after(context, ready, turn)]

    assert named(context) == [{"fqdn": NAME, "addresses": ["192.0.2.77"]}]
    bridge = Bridge("br0", (read_range("198.51.100.1/24", "198.51.100.10-198.51.100.10", 4),))
    bridged = replace(context, bridges={"north": bridge})
    have(bridged, world.ticket(), "north")
    assert named(bridged) == [{"fqdn": NAME, "addresses": ["198.51.100.10"]}]
    zones.zones = ("elsewhere.example",)
    assert named(context) == []
    assert not list(name_after(context, EffectFailed("stop", "it does not answer"), turn))


def test_what_was_brought_in_step_is_counted_and_done(world: World) -> None:
    assert publish(world.bot.context) == 0
    is_at(world, "192.0.2.77")
    is_at(world, "192.0.2.78")
    assert publish(world.bot.context) == 2
    assert publish(world.bot.context) == 0
    assert not is_left(world)


def test_while_the_bot_is_paused_no_name_changes(world: World, zones: Zones) -> None:
    operator.pause(world.bot.context, CAROL.login, "the zone is moved")
    before = dict(zones.names)
    is_at(world, "192.0.2.77")
    assert publish(world.bot.context) == 0
    assert zones.names == before


@pytest.fixture
def two_zones(world: World, zones: Zones) -> None:
    """Alice's name is in the zone of the north, Bob's in that of the south."""
    zones.zones = ("north.testbed.example", "south.testbed.example")
    zones.pointers.clear()
    world.gets_a_machine(BOB, 2)
    assert sorted(zones.names) == [NAME, "bob-vm.south.testbed.example"]
    zones.asked_of.clear()


@pytest.mark.usefixtures("two_zones")
def test_a_server_that_is_away_holds_up_no_name_of_another_zone(world: World, zones: Zones) -> None:
    zones.silent = "north.testbed.example"
    happens(world, Retired())
    happens(world, Retired(), number=2)
    assert publish(world.bot.context) == 1
    assert sorted(zones.names) == [NAME]


@pytest.mark.usefixtures("two_zones")
def test_a_name_that_is_to_go_waits_for_its_server_unasked(world: World, zones: Zones) -> None:
    zones.silent = "south.testbed.example"
    is_at(world, "192.0.2.77", name="alice-vm.south.testbed.example")
    happens(world, Retired(), number=2)
    assert publish(world.bot.context) == 0
    assert zones.asked_of == ["north.testbed.example", "south.testbed.example"]


@pytest.mark.usefixtures("two_zones")
def test_a_name_that_is_to_come_waits_for_its_server_unasked(world: World, zones: Zones) -> None:
    zones.silent = "north.testbed.example"
    is_at(world, "192.0.2.77")
    is_at(world, "192.0.2.78", number=2, name="bob-vm.north.testbed.example")
    assert publish(world.bot.context) == 0
    assert zones.asked_of == ["north.testbed.example"]


def test_only_a_server_that_was_asked_works_again(world: World, zones: Zones) -> None:
    zones.away = "away"
    is_at(world, "192.0.2.77")
    publish(world.bot.context)
    zones.away = ""
    publish(world.bot.context)
    assert sight.fails(world.bot.context, sight.Sense.ZONES), "the name rests, so that nobody was asked"
    tries(world)
    assert not sight.fails(world.bot.context, sight.Sense.ZONES)


def test_a_ticket_from_before_machines_had_marks_has_no_name_to_publish(world: World, zones: Zones) -> None:
    is_at(world, "192.0.2.77")
    ticket, before = world.ticket(), dict(zones.names)
    unmarked = replace(ticket, machine_id=None)
    world.bot.context.store.commit(Turn(world.now, ticket=unmarked, expected_revision=ticket.revision))
    publish(world.bot.context)
    assert zones.names == before
    assert not is_left(world)


def test_admins_hear_of_a_name_that_is_somebody_elses_at_every_fifth_attempt_that_was_answered(
    world: World, zones: Zones
) -> None:
    zones.away = "away"
    is_at(world, "192.0.2.77")
    for _ in range(TELL_AFTER + 1):
        tries(world)
    zones.away = ""
    zones.names[NAME] = SOMEBODY
    heard = []
    for _ in range(2 * TELL_AFTER):
        tries(world)
        heard.append(told(world))
    assert heard[TELL_AFTER - 2 :: TELL_AFTER] == [0, 2], "both admins, and not one attempt sooner"


def test_a_machine_that_is_gone_leaves_no_name_though_its_address_led_to_somebody_else(
    world: World, zones: Zones
) -> None:
    happens(world, Retired())
    tries(world)
    zones.pointers["192.0.2.77"] = SOMEBODY
    is_at(world, "192.0.2.77")
    tries(world)
    assert NAME in zones.names, "it is named, though the way back is not its own"
    happens(world, Retired())
    tries(world)
    assert NAME not in zones.names
    assert zones.pointers == {"192.0.2.77": SOMEBODY}
    assert not is_left(world)


@pytest.mark.parametrize("event", [Retired(), Arrived(Login("alice-vm.south.testbed.example", "192.0.2.77", (), ()))])
def test_a_name_whose_server_was_away_when_its_machine_left_it_is_taken_away_when_it_is_back(
    world: World, zones: Zones, event: Arrived | Retired
) -> None:
    zones.zones = ("north.testbed.example", "south.testbed.example")
    zones.silent = "north.testbed.example"
    happens(world, event)
    tries(world)
    assert NAME in zones.names
    zones.silent = ""
    tries(world)
    assert NAME not in zones.names
