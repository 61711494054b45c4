"""An owner has a machine installed again: only when confirmed, never while it is held, and the same machine after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailbot import operator
from mailbot.model import Action, Letter, TicketState
from provisioner.fake_machine import FakeMachine, FakeStep, Faults
from provisioner.ssh_keys import fingerprint
from tests.world import ALICE, CAROL, World, key_of, request_words
from tests.writing import words_of


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Alice has a machine at north."""
    world = World(tmp_path)
    world.writes("alice@example.org", request_words())
    operator.approve(world.bot.context, 1, CAROL.login)
    world.once()
    world.later(minutes=1)
    world.sites["north"].steps.clear()
    yield world
    world.close()


def the_machine(world: World) -> FakeMachine:
    return world.machines()["alice-vm@north"]


def steps(world: World) -> list[FakeStep]:
    return [step for step, _ in world.sites["north"].steps]


def test_the_disk_is_another_and_the_machine_the_same(world: World) -> None:
    before, ticket = the_machine(world), world.ticket()
    address, ids = before.address, list(world.sites["north"].machines())
    world.directory.put(replace(ALICE, ssh_keys=(key_of("alice-new-laptop"),)))
    world.answers(world.last(Letter.VM_READY), "reinstall")
    assert steps(world) == []
    world.answers(world.last(Letter.REINSTALL_CONFIRM), "confirm")
    world.later(minutes=1)
    assert steps(world) == [
        *(FakeStep.POWER_OFF, FakeStep.UNDEFINE, FakeStep.DELETE_SEED, FakeStep.DELETE_DISK),
        *(FakeStep.CREATE_DISK, FakeStep.CREATE_SEED, FakeStep.DEFINE, FakeStep.START),
    ]
    assert the_machine(world).address == address
    assert list(world.sites["north"].machines()) == ids
    assert the_machine(world).fingerprints == [fingerprint(" ".join(key_of("alice-new-laptop").split()[:2]))]
    after = world.ticket()
    assert (after.state, after.end_date, after.lease_from, after.stage) == (
        *(TicketState.ACTIVE, ticket.end_date, ticket.lease_from, ticket.stage),
    )
    assert after.reinstall_asked_at is None


def test_a_machine_that_is_held_keeps_its_disk(world: World) -> None:
    operator.hold(world.bot.context, 1, CAROL.login, "evidence")
    world.answers(world.last(Letter.VM_READY), "reinstall")
    assert "An admin has put this machine on hold" in " ".join(words_of(world.last(Letter.COMMAND_REFUSED)).split())
    operator.unhold(world.bot.context, 1, CAROL.login)
    world.later(minutes=1)
    world.answers(world.last(Letter.COMMAND_REFUSED), "reinstall")
    operator.hold(world.bot.context, 1, CAROL.login, "evidence")
    world.answers(world.last(Letter.REINSTALL_CONFIRM), "confirm")
    world.later(minutes=10)
    assert steps(world) == []


def test_a_hold_that_comes_after_the_confirmation_and_before_the_work_still_holds(world: World) -> None:
    world.answers(world.last(Letter.VM_READY), "reinstall")
    world.sites["north"].faults = Faults(unreachable=True)
    world.later(minutes=10)
    world.answers(world.last(Letter.REINSTALL_CONFIRM), "confirm")
    operator.hold(world.bot.context, 1, CAROL.login, "evidence")
    world.sites["north"].faults = Faults()
    world.later(minutes=10)
    operator.unhold(world.bot.context, 1, CAROL.login)
    world.later(minutes=10)
    assert steps(world) == []


def test_an_old_question_is_not_confirmed_any_more(world: World) -> None:
    world.answers(world.last(Letter.VM_READY), "reinstall")
    world.later(days=20)
    world.answers(world.last(Letter.REINSTALL_CONFIRM), "confirm")
    world.later(minutes=10)
    assert steps(world) == []


def test_a_question_about_giving_back_is_no_answer_to_the_one_about_the_disk(world: World) -> None:
    world.answers(world.last(Letter.VM_READY), "release")
    giving_back = world.last(Letter.RELEASE_CONFIRM)
    world.later(minutes=1)
    world.answers(world.last(Letter.VM_READY), "reinstall")
    world.answers(giving_back, "confirm")
    world.later(minutes=10)
    assert steps(world) == []
    assert world.ticket().state is TicketState.ACTIVE
    world.answers(world.last(Letter.VM_READY), "release")
    world.answers(world.last(Letter.REINSTALL_CONFIRM), "confirm")
    world.later(minutes=10)
    assert FakeStep.CREATE_DISK not in steps(world)
    assert world.ticket().state is TicketState.ACTIVE


def test_nothing_is_deleted_before_it_is_known_whom_the_fresh_machine_lets_in(world: World) -> None:
    world.answers(world.last(Letter.VM_READY), "reinstall")
    world.sites["north"].faults = Faults(unreachable=True)
    world.later(minutes=10)
    world.answers(world.last(Letter.REINSTALL_CONFIRM), "confirm")
    world.directory.put(replace(ALICE, ssh_keys=()))
    world.sites["north"].faults = Faults()
    world.later(minutes=10)
    assert steps(world) == []


def test_status_tells_that_it_is_being_installed_and_admins_hear_where_it_does_not_succeed(world: World) -> None:
    world.answers(world.last(Letter.VM_READY), "reinstall")
    world.sites["north"].faults = Faults(fail_at=frozenset({FakeStep.DEFINE}))
    world.answers(world.last(Letter.REINSTALL_CONFIRM), "confirm")
    world.answers(world.last(Letter.VM_READY), "status")
    assert "being reinstalled" in " ".join(words_of(world.last(Letter.STATUS)).split())
    for _ in range(8):
        world.later(minutes=16)
    assert "alice-vm: reinstalling the machine failed" in words_of(world.last(Letter.ADMIN_MACHINE_TROUBLE))
    assert [one.action for one in world.bot.context.store.waiting(1)] == [Action.REINSTALL]
    world.sites["north"].faults = Faults()
    world.later(minutes=20)
    world.later(minutes=1)
    assert the_machine(world).running
    assert "has been reinstalled" in " ".join(words_of(world.last(Letter.VM_READY)).split())
