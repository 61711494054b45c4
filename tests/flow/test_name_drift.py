"""Names in the zones that are no longer as they were published: what is lost comes back once, what leads elsewhere is told and left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot.adapters.zones.memory import MemoryZones
from mailbot.model import Action, Effect, Letter, Turn
from mailbot.ports import Zones
from mailbot.turns import drift, name_drift, sight
from mailbot.turns.drift import Drift
from mailbot.turns.names import note_of, publish
from tests.name_server import FORWARD
from tests.world import World, kind_of
from tests.writing import words_of

NAME = "alice-vm.north.testbed.example"


@pytest.fixture
def zones() -> MemoryZones:
    return MemoryZones()


@pytest.fixture
def world(tmp_path: Path, zones: MemoryZones) -> Iterator[World]:
    yield from with_a_named_machine(tmp_path, zones)


def with_a_named_machine(folder: Path, zones: Zones) -> Iterator[World]:
    world = World(folder)
    world.bot = replace(world.bot, context=replace(world.bot.context, zones=zones))
    world.gets_a_machine()
    look(world)
    yield world
    world.close()


def look(world: World) -> None:
    """The day after: the names of every site are looked at."""
    world.clock.advance(timedelta(days=1))
    for _ in world.sites:
        name_drift.look(world.bot.context)


def look_again(world: World) -> None:
    """So soon afterwards that only what was new is looked at again."""
    world.clock.advance(name_drift.AGAIN)
    name_drift.look(world.bot.context)


def kept(world: World) -> list[Drift]:
    return [one.drift for found in drift.kept(world.bot.context.store).values() for one in found]


def said(world: World) -> str:
    (finding,) = drift.kept(world.bot.context.store)["north"]
    return str(finding.said)


def told(world: World) -> int:
    return sum(kind_of(one) is Letter.ADMIN_FINDINGS for one in world.letters)


def test_names_that_are_as_published_are_asked_for_once_a_day(world: World, zones: MemoryZones) -> None:
    assert kept(world) == []
    zones.asked = 0
    look_again(world)
    world.clock.advance(timedelta(hours=20))
    assert name_drift.look(world.bot.context) == 0
    assert zones.asked == 0
    look(world)
    assert zones.asked == 2, "the name, and the way back from its address"


@pytest.mark.parametrize("what", ["names", "pointers"])
def test_what_is_lost_is_told_and_published_again_once(world: World, zones: MemoryZones, what: str) -> None:
    before = dict(zones.names), dict(zones.pointers)
    getattr(zones, what).clear()
    look(world)
    assert kept(world) == [], "a zone may be loaded again just now"
    look_again(world)
    assert kept(world) == [Drift.NAME_MISSING]
    world.once()
    assert (zones.names, zones.pointers) == before
    assert told(world) == 2, "one letter to each admin"
    assert "mailbot publishes" in said(world)
    look_again(world)
    assert kept(world) == []

    getattr(zones, what).clear()
    look(world)
    for _ in range(3):
        look_again(world)
        publish(world.bot.context)
        getattr(zones, what).clear()
    look(world)
    assert kept(world) == [Drift.NAME_MISSING]
    assert publish(world.bot.context) == 0, "whoever takes it away again has a reason: it is on the list, and no more"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda zones, owner: zones.names.update({NAME: (owner, ("192.0.2.99",))}), f"{NAME} leads to 192.0.2.99, not to"),
        (lambda zones, _: zones.names.update({NAME: ("", ("192.0.2.99",))}), f"the records of the name {NAME} are not mailbot's"),
        (
            lambda zones, _: zones.pointers.update(dict.fromkeys(zones.pointers, ("", "ns.example"))),
            f"leads back to ns.example, not to {NAME}",
        ),
    ],
)  # fmt: skip
def test_what_leads_elsewhere_is_told_once_and_left_until_somebody_deletes_it(
    world: World, zones: MemoryZones, wrong: object, words: str
) -> None:
    before = dict(zones.names), dict(zones.pointers)
    wrong(zones, str(world.ticket().machine_id))  # type: ignore[operator]
    there = dict(zones.names), dict(zones.pointers)
    look(world)
    look_again(world)
    world.once()
    assert kept(world) == [Drift.NAME_ELSEWHERE]
    assert words in said(world)
    assert words in " ".join(words_of(world.last(Letter.ADMIN_FINDINGS)).split())
    for _ in range(3):
        look(world)
        world.once()
    assert (zones.names, zones.pointers) == there
    assert told(world) == 2

    zones.names.clear()
    zones.pointers.clear()
    look(world)
    look_again(world)
    publish(world.bot.context)
    assert (zones.names, zones.pointers) == before


def test_a_machine_that_was_ready_before_its_zone_was_configured_gets_its_name(
    world: World, zones: MemoryZones
) -> None:
    before = dict(zones.names), dict(zones.pointers)
    zones.names.clear()
    zones.pointers.clear()
    world.bot.context.store.put_note(note_of(1), None)
    zones.zones = ("elsewhere.example",)
    look(world)
    look_again(world)
    assert kept(world) == [], "its domain is in no zone of ours"
    zones.zones = (FORWARD,)
    look(world)
    look_again(world)
    world.once()
    assert (zones.names, zones.pointers) == before
    look_again(world)
    assert kept(world) == []


def test_a_name_that_waits_to_be_published_is_not_judged(world: World, zones: MemoryZones) -> None:
    zones.names.clear()
    facts = {"fqdn": NAME, "addresses": ["192.0.2.77"]}
    effects = (Effect(Action.NAME, "name:test", facts=facts),)
    world.bot.context.store.commit(Turn(world.now, about_ticket=1, effects=effects))
    look(world)
    look_again(world)
    assert kept(world) == []


def test_a_name_that_its_machine_has_left_since_the_look_is_not_published_again(
    world: World, zones: MemoryZones
) -> None:
    zones.names.clear()
    look(world)
    real = zones.records

    def slow(fqdn: str, owner: str) -> object:
        found = real(fqdn, owner)
        zones.records = real  # type: ignore[method-assign]
        world.gives_it_back()
        return found

    zones.records = slow  # type: ignore[assignment,method-assign]
    look_again(world)
    world.later(minutes=1)
    assert zones.names == {}


def test_a_machine_that_goes_while_its_name_is_being_put_right_is_not_named(world: World, zones: MemoryZones) -> None:
    world.bot.context.store.put_note(note_of(1), None)
    zones.names.clear()
    zones.pointers.clear()
    look(world)
    real, asked = zones.zone_of, [0]

    def slow(fqdn: str) -> str:
        asked[0] += 1
        if asked[0] == 2:  # the first time it is compared, the second time its row is about to be written
            zones.zone_of = real  # type: ignore[method-assign]
            world.gives_it_back()
        return real(fqdn)

    zones.zone_of = slow  # type: ignore[method-assign]
    look_again(world)
    assert asked == [2]
    world.later(minutes=1)
    assert zones.names == {}


def test_a_name_server_that_is_away_leaves_what_is_known_and_is_told_like_any_other_time(
    world: World, zones: MemoryZones
) -> None:
    zones.names.clear()
    look(world)
    look_again(world)
    publish(world.bot.context)
    zones.away = "the name server 192.0.2.53 does not answer"
    look_again(world)
    assert kept(world) == [Drift.NAME_MISSING]
    assert sight.fails(world.bot.context, sight.Sense.ZONES)
    zones.away = ""
    look_again(world)
    assert kept(world) == []
    assert not sight.fails(world.bot.context, sight.Sense.ZONES)


def test_while_the_bot_is_paused_no_name_is_looked_at(world: World, zones: MemoryZones) -> None:
    world.bot.context.store.put_note("paused", "carol: the zone is moved")
    zones.asked = 0
    look(world)
    assert zones.asked == 0
