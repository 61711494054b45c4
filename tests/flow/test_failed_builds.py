"""A build that failed, or that nobody wants any more, never leaves anything behind, whoever gives it up; and its owner is not kept waiting for ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot import operator, passes
from mailbot.model import Letter, TicketState
from mailbot.turns.leases import LEASE_SECONDS
from provisioner.api import VmFacts, VmSpec
from provisioner.fake import FakeSite
from provisioner.fake_machine import FakeStep, Faults
from tests.world import ALICE, CAROL, World, kind_of, request_words
from tests.writing import reply, words_of

S = TicketState


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, sites=("north",))
    yield world
    world.close()


def fails(world: World) -> None:
    """A machine that cannot be started, and whose disk cannot be deleted either: something stays at the site."""
    world.sites["north"].faults = Faults(fail_at=frozenset({FakeStep.START, FakeStep.DELETE_DISK}), permanent=True)
    world.writes(ALICE.email, request_words())
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    for _ in range(6):
        world.later(minutes=30)
    assert world.ticket().state is S.FAILED
    assert world.machines()


def comes_back(world: World) -> None:
    world.sites["north"].faults = Faults()
    for _ in range(6):
        world.later(minutes=10)


@pytest.mark.parametrize("who", ["an admin by mail", "an admin at the machine", "the owner", "nobody"])
def test_what_was_begun_is_taken_away_before_the_ticket_is_over(world: World, who: str) -> None:
    fails(world)
    match who:
        case "an admin by mail":
            world.answers(world.last(Letter.ADMIN_BUILD_FAILED, CAROL.address), "deny the site is gone")
        case "an admin at the machine":
            operator.deny(world.bot.context, 1, "carol", "the site is gone")
        case "the owner":
            world.answers(world.last(Letter.REQUEST_APPROVED), "withdraw")
        case _:
            for _ in range(31):
                world.later(days=1)
    world.once()
    assert world.ticket().state is S.RETIRING, "its site has not said that nothing is there"
    comes_back(world)
    assert world.ticket().state is S.REMOVED
    assert world.machines() == {}


def test_the_owner_reads_that_a_machine_was_given_up_that_was_granted(world: World) -> None:
    fails(world)
    for _ in range(31):
        world.later(days=1)
    assert "could not be built" in words_of(world.last(Letter.REQUEST_DENIED, ALICE.email))


def test_the_next_request_gets_a_machine_of_its_own(world: World) -> None:
    fails(world)
    world.answers(world.last(Letter.REQUEST_APPROVED), "withdraw")
    comes_back(world)
    world.writes(ALICE.email, request_words(until="2027-05-31"))
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    world.later(minutes=5)
    assert world.ticket(2).state is S.ACTIVE


def test_an_admin_answers_the_letter_of_the_failure_and_the_machine_is_built(world: World) -> None:
    world.sites["north"].faults = Faults(fail_at=frozenset({FakeStep.DEFINE}), permanent=True)
    world.writes(ALICE.email, request_words())
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    for _ in range(6):
        world.later(minutes=30)
    assert world.ticket().state is S.FAILED
    world.sites["north"].faults = Faults()
    world.answers(world.last(Letter.ADMIN_BUILD_FAILED, CAROL.address), "retry")
    world.later(minutes=5)
    assert world.ticket().state is S.ACTIVE
    for _ in range(33):
        world.later(days=1)
    assert not [one for one in world.letters if kind_of(one) is Letter.REQUEST_DENIED], "it is not given up any more"


# while it is being built


@pytest.fixture
def building(world: World) -> World:
    """A machine that boots and is not ready yet."""
    world.sites["north"].faults = Faults(never_ready=True)
    world.writes(ALICE.email, request_words())
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    world.later(minutes=1)
    assert world.ticket().state is S.APPROVED
    assert world.machines()["alice-vm@north"].running
    return world


@pytest.mark.parametrize("who", ["the owner", "an admin"])
def test_a_machine_that_is_being_built_is_taken_away_before_the_ticket_is_over(building: World, who: str) -> None:
    if who == "the owner":
        building.answers(building.last(Letter.REQUEST_APPROVED), "withdraw")
        assert "what had been begun is being removed" in words_of(building.last(Letter.REQUEST_WITHDRAWN))
    else:
        operator.end(building.bot.context, 1, "carol", "the campaign was cancelled")
        building.once()
        told = words_of(building.last(Letter.REQUEST_DENIED))
        assert "will not be built after all" in " ".join(told.split())
        assert "the campaign was cancelled" in told
    for _ in range(3):
        building.later(minutes=1)
    assert building.ticket().state is S.REMOVED
    assert building.machines() == {}
    assert not [one for one in building.letters if kind_of(one) is Letter.VM_READY]
    building.sites["north"].faults = Faults()
    building.writes(ALICE.email, request_words(until="2027-05-31"))
    building.answers(building.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    building.later(minutes=5)
    assert building.ticket(2).state is S.ACTIVE, "the place is free again"


def test_a_site_that_is_away_keeps_what_was_begun_until_it_is_back(building: World) -> None:
    building.sites["north"].faults = Faults(unreachable=True)
    building.answers(building.last(Letter.REQUEST_APPROVED), "withdraw")
    for _ in range(3):
        building.later(minutes=20)
    assert building.ticket().state is S.RETIRING
    building.sites["north"].faults = Faults()
    for _ in range(6):
        building.later(minutes=10)
    assert (building.ticket().state, building.machines()) == (S.REMOVED, {})


def test_a_denial_while_the_site_is_away_names_what_gives_up_the_build(building: World) -> None:
    question = building.last(Letter.ADMIN_DECISION, CAROL.address)
    building.sites["north"].faults = Faults(unreachable=True)
    building.answers(question, "deny never mind")
    told = " ".join(words_of(building.last(Letter.ADMIN_ALREADY_DECIDED)).split())
    assert "«mailbot end 1 REASON» gives up the build, also while its site does not answer" in told
    with pytest.raises(operator.Refused, match="mailbot end 1"):
        operator.deny(building.bot.context, 1, "carol", "never mind")
    assert building.ticket().state is S.APPROVED, "the first decision counts"
    operator.hold(building.bot.context, 1, "carol", "evidence")
    building.answers(question, "deny it once more")
    assert "mailbot end" not in words_of(building.last(Letter.ADMIN_ALREADY_DECIDED)), "a hold stands before it"
    operator.unhold(building.bot.context, 1, "carol")
    operator.end(building.bot.context, 1, "carol", "never mind")
    building.later(hours=5)
    assert building.ticket().state is S.RETIRING
    building.sites["north"].faults = Faults()
    for _ in range(6):
        building.later(minutes=10)
    assert (building.ticket().state, building.machines()) == (S.REMOVED, {})


def test_a_machine_that_is_held_while_it_is_built_goes_on(building: World) -> None:
    operator.hold(building.bot.context, 1, "carol", "evidence")
    building.answers(building.last(Letter.REQUEST_APPROVED), "withdraw")
    assert "evidence" in words_of(building.last(Letter.COMMAND_REFUSED))
    with pytest.raises(operator.Refused, match="evidence"):
        operator.end(building.bot.context, 1, "carol", "it is not wanted")
    assert building.ticket().state is S.APPROVED
    operator.unhold(building.bot.context, 1, "carol")
    building.answers(building.last(Letter.REQUEST_APPROVED), "withdraw")
    assert building.ticket().state is S.RETIRING


def test_one_daemon_builds_while_another_reads_that_it_is_not_wanted(building: World) -> None:
    """What is being done at the site comes to its end before anything is taken away there."""
    north, second = building.sites["north"], building.build()
    site = _Withdrawing(building, north)
    building.clock.advance(timedelta(seconds=10))
    passes.machines(replace(second, sites={"north": replace(second.sites["north"], provisioner=site)}))
    assert building.ticket().state is S.RETIRING
    for _ in range(3):
        building.later(minutes=1)
    second.close()
    assert (building.ticket().state, building.machines()) == (S.REMOVED, {})


@pytest.mark.parametrize("while_it_stands_still", ["it was withdrawn", "it went elsewhere"])
def test_what_a_daemon_makes_after_it_lost_its_lease_is_taken_away_again(
    tmp_path: Path, while_it_stands_still: str
) -> None:
    """It stood still in the middle of a call; meanwhile another daemon has come to another end."""
    world = World(tmp_path, sites=("north", "south"))
    world.writes(ALICE.email, request_words())
    question = world.last(Letter.ADMIN_DECISION, CAROL.address)
    world.inbox.deliver(reply(question, CAROL.address, "approve", world.now))
    passes.tick(world.bot)
    first = world.build()
    site = _StandsStill(world, while_it_stands_still)
    passes.machines(replace(first, sites={**first.sites, "north": replace(first.sites["north"], provisioner=site)}))
    first.close()
    for _ in range(4):
        world.later(minutes=1)
    if while_it_stands_still == "it was withdrawn":
        assert (world.ticket().state, world.machines()) == (S.REMOVED, {})
    else:
        assert world.ticket().state is S.ACTIVE
        assert list(world.machines()) == ["alice-vm@south"]
    world.close()


class _StandsStill(FakeSite):
    """In the middle of a build nothing goes on for longer than any lease, while another daemon works."""

    def __init__(self, world: World, what: str) -> None:
        super().__init__("north")
        self._world, self._what, self._memory = world, what, world.sites["north"]._memory

    def ensure(self, spec: VmSpec) -> VmFacts:
        world = self._world
        world.clock.advance(timedelta(seconds=LEASE_SECONDS + 1))
        if self._what == "it was withdrawn":
            world.answers(world.last(Letter.REQUEST_APPROVED), "withdraw")
        else:
            world.sites["north"].faults = Faults(full=True)
        for _ in range(4):
            world.later(minutes=1)
        world.sites["north"].faults = Faults()
        return super().ensure(spec)


class _Withdrawing(FakeSite):
    """While it is asked to build, the owner's withdrawal is read by another daemon, which also does all that is due."""

    def __init__(self, world: World, real: FakeSite) -> None:
        super().__init__("north")
        self._world, self._memory = world, real._memory

    def ensure(self, spec: VmSpec) -> VmFacts:
        self._world.answers(self._world.last(Letter.REQUEST_APPROVED), "withdraw")
        return super().ensure(spec)
