"""A build that failed never leaves anything behind, whoever gives it up; and its owner is not kept waiting for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot import operator
from mailbot.model import Letter, TicketState
from provisioner.fake import FakeStep, Faults
from tests.world import ALICE, CAROL, World, kind_of, request_words
from tests.writing import words_of

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
