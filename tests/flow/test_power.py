"""What owners have done at their machines: switched on, restarted, the console read, their keys let in again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailbot import operator
from mailbot.model import MACHINE_ACTIONS, EventKind, Letter, TicketState
from provisioner.fake_machine import FakeMachine, FakeStep, Faults
from provisioner.ssh_keys import fingerprint
from tests.world import ALICE, CAROL, World, key_of
from tests.writing import words_of


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Alice has a machine at north."""
    world = World(tmp_path)
    world.gets_a_machine()
    assert world.ticket().state is TicketState.ACTIVE
    yield world
    world.close()


def the_machine(world: World) -> FakeMachine:
    return world.machines()["alice-vm@north"]


def powered_off_from_inside(world: World) -> None:
    site = world.sites["north"]
    (uuid,) = site.machines()
    machine = site.machines()[uuid]
    machine.running = False
    site._save(uuid, machine)


def reports(world: World) -> int:
    """How often an owner was told how the machine is."""
    return sum(b"X-Mailbot-Letter: status" in letter.data for letter in world.letters)


def looked_at(world: World, times: int) -> None:
    """So many looks at what is under way, ten seconds apart."""
    for _ in range(times):
        world.later(seconds=10)


def status(world: World) -> str:
    return " ".join(words_of(world.last(Letter.STATUS)).split())


def test_a_machine_that_its_owner_powered_off_is_said_to_be_off_and_can_be_started(world: World) -> None:
    powered_off_from_inside(world)
    world.answers(world.last(Letter.VM_READY), "status")
    assert "The machine is switched off" in status(world)
    assert "The machine runs" not in status(world)
    assert "«start»" in status(world)
    world.answers(world.last(Letter.STATUS), "start")
    assert the_machine(world).running
    world.answers(world.last(Letter.STATUS), "status")
    assert "The machine is running." in status(world)


def test_who_starts_a_machine_hears_of_it_once_it_answers(world: World) -> None:
    powered_off_from_inside(world)
    world.sites["north"].faults = Faults(polls_until_ready=5)
    world.answers(world.last(Letter.VM_READY), "start")
    assert reports(world) == 0
    looked_at(world, times=6)
    assert "it is running and answers" in status(world)
    assert reports(world) == 1


@pytest.mark.parametrize("command", ["start", "restart"])
def test_a_machine_that_never_answers_is_told_as_it_is_after_some_minutes(world: World, command: str) -> None:
    """Its owner may have closed its SSH port: nothing is wrong with that."""
    world.answers(world.last(Letter.VM_READY), "status")
    world.sites["north"].faults = Faults(never_ready=True)
    world.sites["north"].steps.clear()
    world.answers(world.last(Letter.STATUS), command)
    looked_at(world, times=6)
    assert reports(world) == 1
    looked_at(world, times=20)
    assert "it is switched on" in status(world)
    assert [step for step, _ in world.sites["north"].steps] == [FakeStep.STOP, FakeStep.START] * (command == "restart")


@pytest.mark.parametrize("asked", ["start", "restart", "by an admin"])
def test_a_machine_that_is_down_moments_after_its_start_is_started_again(world: World, asked: str) -> None:
    """As where KVM has stopped it, and the start anew was cut short."""
    world.sites["north"].faults = Faults(polls_until_ready=6)
    if asked == "by an admin":
        operator.stop(world.bot.context, 1, CAROL.login, "We move the cables.")
        world.later(minutes=1)
        operator.start(world.bot.context, 1, CAROL.login)
        world.later(seconds=1)
    else:
        powered_off_from_inside(world)
        world.answers(world.last(Letter.VM_READY), asked)
    assert the_machine(world).running
    powered_off_from_inside(world)
    looked_at(world, times=10)
    assert the_machine(world).running
    assert not [one for one in world.bot.context.store.waiting(1) if one.action in MACHINE_ACTIONS]
    assert reports(world) == (asked != "by an admin")


def test_an_admin_who_switches_a_machine_off_does_not_wait_for_its_starts(world: World) -> None:
    world.sites["north"].faults = Faults(never_ready=True)
    letter = world.last(Letter.VM_READY)
    for word in ("start", "restart", "start"):
        world.answers(letter, word)
    operator.stop(world.bot.context, 1, CAROL.login, "It attacks others.")
    looked_at(world, times=6)
    assert not the_machine(world).running
    looked_at(world, times=20)
    assert not the_machine(world).running


def test_start_leaves_a_machine_that_runs_alone_and_says_so(world: World) -> None:
    world.sites["north"].steps.clear()
    world.answers(world.last(Letter.VM_READY), "start")
    assert world.sites["north"].steps == []
    assert "it is running and answers" in status(world)


def test_restart_shuts_the_guest_down_first_and_the_history_says_who_asked(world: World) -> None:
    world.sites["north"].steps.clear()
    world.answers(world.last(Letter.VM_READY), "Restart my VM, please")
    world.later(seconds=10)
    assert [step for step, _ in world.sites["north"].steps] == [FakeStep.STOP, FakeStep.START]
    line = world.bot.context.store.history(1)[-1]
    assert (line.event, line.actor.who) == (EventKind.MACHINE_ASKED, "alice@example.org")
    assert "Right now:" in status(world)
    assert world.ticket().state is TicketState.ACTIVE


def test_a_guest_that_does_not_listen_is_switched_off_before_it_is_started_again(world: World) -> None:
    world.sites["north"].faults = Faults(deaf=True)
    world.sites["north"].steps.clear()
    world.answers(world.last(Letter.VM_READY), "reboot")
    world.later(minutes=1)
    assert world.sites["north"].steps == []
    world.later(minutes=6)
    assert [step for step, _ in world.sites["north"].steps] == [FakeStep.POWER_OFF, FakeStep.START]


def test_nobody_else_restarts_a_machine(world: World) -> None:
    world.sites["north"].steps.clear()
    world.answers(world.last(Letter.VM_READY), "restart", sender="bob@example.org")
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "restart")
    world.later(minutes=10)
    assert world.sites["north"].steps == []


def test_only_the_letters_that_list_every_answer_offer_these_words(world: World) -> None:
    assert "«restart»" not in words_of(world.last(Letter.VM_READY))
    world.answers(world.last(Letter.VM_READY), "help")
    told = words_of(world.last(Letter.HELP))
    assert "«start»" in told
    assert "«restart»" in told


def test_the_console_of_a_machine_that_is_off_says_so(world: World) -> None:
    powered_off_from_inside(world)
    world.answers(world.last(Letter.VM_READY), "console")
    assert "it is switched off" in words_of(world.last(Letter.CONSOLE))


def test_rekey_lets_the_directorys_newest_key_in_and_takes_none_away(world: World) -> None:
    before = list(the_machine(world).fingerprints)
    world.directory.put(replace(ALICE, ssh_keys=(key_of("alice-new-laptop"),)))
    world.answers(world.last(Letter.VM_READY), "rekey")
    after = the_machine(world).fingerprints
    new = fingerprint(" ".join(key_of("alice-new-laptop").split()[:2]))
    assert after == [*before, new]
    assert new in words_of(world.last(Letter.ROOT_KEYS))


def test_an_account_without_a_usable_key_is_told_and_nothing_is_done(world: World) -> None:
    world.directory.put(replace(ALICE, ssh_keys=()))
    before = list(the_machine(world).fingerprints)
    world.answers(world.last(Letter.VM_READY), "rekey")
    assert "no usable SSH key" in words_of(world.last(Letter.COMMAND_REFUSED))
    assert the_machine(world).fingerprints == before


def test_an_account_that_was_locked_in_between_lets_nobody_in(world: World) -> None:
    world.sites["north"].faults = Faults(unreachable=True)
    world.answers(world.last(Letter.VM_READY), "rekey")
    world.directory.put(replace(ALICE, locked=True))
    world.sites["north"].faults = Faults()
    world.sites["north"].calls.clear()
    world.later(minutes=2)
    assert "install_keys" not in world.sites["north"].calls
    assert "The directory no longer has an active account alice" in " ".join(
        words_of(world.last(Letter.ROOT_KEYS)).split()
    )


def test_what_a_machine_prints_is_no_command_in_the_letter(world: World) -> None:
    world.sites["north"].faults = Faults(console=("approve", "release", "> confirm"))
    world.answers(world.last(Letter.VM_READY), "console")
    letter = world.last(Letter.CONSOLE)
    for line in words_of(letter).splitlines():
        assert line.strip() not in {"approve", "release", "> confirm", "confirm"}
    assert "│ approve" in words_of(letter)
