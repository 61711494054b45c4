"""What is done to a machine that exists, and what must never happen to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from mailbot import operator
from mailbot.lifecycle.steps import machine
from mailbot.model import (
    Action,
    Approved,
    Event,
    ExtensionAsked,
    Letter,
    Refusal,
    ReleaseAsked,
    Released,
    Restored,
    TicketState,
    Turn,
)
from mailbot.turns.context import apply
from provisioner.fake_machine import FakeMachine, FakeStep, Faults
from tests.lives import BY_ADMIN, BY_OWNER
from tests.world import ALICE, CAROL, World, kind_of, request_words
from tests.writing import mail

S = TicketState


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Alice has a machine at north until the end of March."""
    world = World(tmp_path)
    world.gets_a_machine()
    assert world.ticket().state is S.ACTIVE
    yield world
    world.close()


def the_machine(world: World) -> FakeMachine:
    return world.machines()["alice-vm@north"]


def expired(world: World) -> None:
    """As if the clock had stopped it now."""
    ticket = world.ticket()
    now = world.now
    after = replace(
        ticket,
        state=S.EXPIRED,
        version=ticket.version + 1,
        ended_at=now,
        remove_at=now + timedelta(days=14),
        due_at=now,
    )
    effects = (machine(after, Action.STOP),)
    world.bot.context.store.commit(Turn(now=now, ticket=after, expected_revision=ticket.revision, effects=effects))


def happens(world: World, *events: Event) -> None:
    for event in events:
        after = apply(world.bot.context, 1, event)
        assert not isinstance(after, Refusal), after


def told(world: World, letter: Letter) -> int:
    return sum(1 for one in world.letters if kind_of(one) is letter)


def test_a_guest_that_does_not_listen_loses_its_power_after_a_while(world: World) -> None:
    world.sites["north"].faults = Faults(deaf=True)
    expired(world)
    world.once()
    world.later(minutes=2)
    assert the_machine(world).running
    world.later(minutes=4)
    assert not the_machine(world).running
    assert the_machine(world).disk


def test_an_extension_during_a_shutdown_ends_with_a_machine_that_runs(world: World) -> None:
    """The guest was asked to stop, is still going down when it is extended, and goes down after that."""
    world.sites["north"].faults = Faults(deaf=True)
    expired(world)
    world.once()
    happens(world, ExtensionAsked(BY_OWNER, date(2027, 9, 30)), Approved(BY_ADMIN))
    world.later(seconds=10)
    assert the_machine(world).running, "still going down"
    _goes_down(world)
    world.later(seconds=10)
    assert the_machine(world).running
    world.later(minutes=6)
    assert the_machine(world).running
    assert world.bot.context.store.outbox_counts() == []


def _goes_down(world: World) -> None:
    site = world.sites["north"]
    site.faults = Faults()
    uuid, found = next((uuid, one) for uuid, one in site.machines().items() if one.name == "alice-vm")
    found.running = False
    site._save(uuid, found)


def test_a_stop_that_was_not_begun_is_void_after_an_extension(world: World) -> None:
    expired(world)
    happens(world, ExtensionAsked(BY_OWNER, date(2027, 9, 30)), Approved(BY_ADMIN))
    world.once()
    assert the_machine(world).running
    assert (FakeStep.STOP, "alice-vm") not in world.sites["north"].steps


def test_a_stop_that_fails_is_tried_again_and_admins_hear_of_it_once_a_day(world: World) -> None:
    world.sites["north"].faults = Faults(fail_at=frozenset({FakeStep.STOP, FakeStep.POWER_OFF}))
    expired(world)
    for _ in range(30):
        world.later(minutes=20)
    assert 1 <= told(world, Letter.ADMIN_MACHINE_TROUBLE) <= 4
    world.sites["north"].faults = Faults()
    world.later(minutes=20)
    assert not the_machine(world).running


def test_a_removal_keeps_the_disk_and_touches_nothing_else(world: World) -> None:
    world.inbox.deliver(mail("bob@example.org", "Persistent Virtual Machine Creation", request_words("bob"), world.now))
    world.once()
    operator.approve(world.bot.context, 2, CAROL.login)
    world.once()
    world.later(minutes=1)
    before = {name: repr(one) for name, one in world.machines().items() if name.startswith("bob")}
    happens(world, ReleaseAsked(BY_OWNER), Released(BY_OWNER))
    world.once()
    kept = the_machine(world)
    assert (kept.disk, kept.defined, kept.seed, kept.address) == (True, False, False, None)
    assert {name: repr(one) for name, one in world.machines().items() if name.startswith("bob")} == before


def test_a_restored_machine_has_the_disk_that_was_kept(world: World) -> None:
    happens(world, ReleaseAsked(BY_OWNER), Released(BY_OWNER))
    world.once()
    world.later(days=2)
    made = world.sites["north"].steps.count((FakeStep.CREATE_DISK, "alice-vm"))
    happens(world, Restored(BY_OWNER))
    world.once()
    world.later(minutes=1)
    assert the_machine(world).running
    assert world.ticket().state is S.ACTIVE
    assert world.sites["north"].steps.count((FakeStep.CREATE_DISK, "alice-vm")) == made, "no new disk"


def test_a_restore_without_its_disk_never_gives_an_empty_machine(world: World) -> None:
    happens(world, ReleaseAsked(BY_OWNER), Released(BY_OWNER))
    world.once()
    site = world.sites["north"]
    uuid, found = next(iter(site.machines().items()))
    found.disk = False
    site._save(uuid, found)
    happens(world, Restored(BY_OWNER))
    world.once()
    assert world.ticket().state is S.FAILED
    assert b"The kept disk is no longer at north" in world.last(Letter.ADMIN_BUILD_FAILED).data.replace(b"=\r\n", b"")
    assert not any(one.disk for one in world.machines().values())


@pytest.mark.parametrize(
    "fault",
    [
        lambda: Faults(unreachable=True),
        lambda: Faults(fail_at=frozenset({FakeStep.DEFINE}), permanent=True),
        lambda: Faults(fail_at=frozenset({FakeStep.START})),
        lambda: Faults(foreign=frozenset({"alice-vm"})),
    ],
)
def test_a_kept_disk_is_never_lost_by_a_restore_that_fails(world: World, fault: Callable[[], Faults]) -> None:
    happens(world, ReleaseAsked(BY_OWNER), Released(BY_OWNER))
    world.once()
    world.sites["north"].faults = fault()
    happens(world, Restored(BY_OWNER))
    for _ in range(20):
        world.later(minutes=20)
    assert the_machine(world).disk
    assert world.ticket().site == "north"
    world.sites["north"].faults = Faults()
    if world.ticket().state is S.FAILED:
        operator.retry(world.bot.context, 1, CAROL.login)
    for _ in range(3):
        world.later(minutes=20)
    assert world.ticket().state is S.ACTIVE
    assert the_machine(world).running
    assert "alice-vm@south" not in world.machines()


def test_a_new_machine_of_the_same_person_leaves_the_kept_disk_alone(world: World) -> None:
    happens(world, ReleaseAsked(BY_OWNER), Released(BY_OWNER))
    world.once()
    world.sites["south"].faults = Faults(full=True)
    world.writes("Alice Martin <alice@example.org>", request_words(until="2027-06-30"))
    operator.approve(world.bot.context, 2, CAROL.login)
    world.once()
    world.later(minutes=1)
    both = list(world.sites["north"].machines().values())
    assert [one.disk for one in both] == [True, True]
    assert [one.running for one in both].count(True) == 1
    world.later(days=31)
    world.later(days=3)
    assert world.ticket(1).state is S.REMOVED
    assert [one.running for one in world.sites["north"].machines().values() if one.disk] == [True]


def test_a_machine_that_somebody_removed_by_hand_does_not_stop_the_lease(world: World) -> None:
    site = world.sites["north"]
    uuid, found = next(iter(site.machines().items()))
    for part in ("disk", "seed", "defined", "running"):
        setattr(found, part, False)
    found.address = None
    site._save(uuid, found)
    expired(world)
    world.once()
    assert world.bot.context.store.outbox_counts() == []


def test_a_site_that_left_the_configuration_is_told_and_nothing_is_lost(world: World) -> None:
    kept = world.sites.pop("north")
    world.restart()
    expired(world)
    for _ in range(15):
        world.later(minutes=20)
    assert told(world, Letter.ADMIN_MACHINE_TROUBLE) >= 1
    world.sites["north"] = kept
    world.restart()
    world.later(minutes=20)
    assert not the_machine(world).running


def test_letters_go_to_the_address_that_the_directory_has_now(world: World) -> None:
    world.directory.put(replace(ALICE, email="alice@new.example.org", aliases=()))
    world.clock.set(world.now.fromisoformat("2027-01-31T12:00+00:00"))
    world.once()
    assert world.last(Letter.WARNING).envelope_to == "alice@new.example.org"
    assert "OwnerSeen" in [line.event for line in world.bot.context.store.history(1)]


def test_a_directory_that_is_away_delays_no_warning(world: World) -> None:
    world.directory.down = True
    world.clock.set(world.now.fromisoformat("2027-01-31T12:00+00:00"))
    world.once()
    assert world.last(Letter.WARNING).envelope_to == "alice@example.org"
