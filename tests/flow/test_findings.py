"""What sites and tickets disagree on: told once, and done about it only what an admin says."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from mailbot import operator
from mailbot.machines.work import look_at_sites
from mailbot.model import EventKind, Letter, TicketState
from mailbot.turns import drift, findings
from provisioner.api import VmSpec
from provisioner.fake_machine import FakeMachine
from tests.world import ALICE, CAROL, World, kind_of, request_words
from tests.writing import words_of

STRANGE = UUID(int=7)


def with_a_machine(world: World) -> FakeMachine:
    """Alice has a machine at north."""
    world.writes(ALICE.email, request_words())
    operator.approve(world.bot.context, 1, CAROL.login)
    world.once()
    world.later(minutes=1)
    assert world.ticket().state is TicketState.ACTIVE
    return world.machines()["alice-vm@north"]


def lose(machine: FakeMachine, *, disk: bool) -> None:
    """Somebody deletes it by hand."""
    machine.defined = machine.running = machine.seed = False
    machine.address, machine.disk = None, not disk


def stranger(world: World, name: str = "zoe-vm", owner: str = "zoe", site: str = "north") -> None:
    """A machine with our mark that no ticket knows."""
    key = ALICE.ssh_keys[0].rsplit(" ", 1)[0]
    world.sites[site].ensure(VmSpec(name, f"{site}.testbed.example", STRANGE, owner, "77", (key,), date(2027, 5, 31)))


def looked(world: World) -> None:
    """Two looks at every site, and the tick that tells of them."""
    look_at_sites(world.bot.context, world.bot.sites)
    for _ in range(3):
        world.later(hours=1)


def told(world: World) -> int:
    return sum(kind_of(one) is Letter.ADMIN_FINDINGS for one in world.letters)


def answer(world: World, words: str) -> str:
    """Carol answers the newest letter about findings; gives what she reads."""
    world.answers(world.last(Letter.ADMIN_FINDINGS, CAROL.address), words)
    return " ".join(words_of(world.last(Letter.ADMIN_FINDING_ANSWERED, CAROL.address)).split())


def test_a_finding_is_told_once_and_again_only_if_it_comes_back(world: World) -> None:
    machine = with_a_machine(world)
    lose(machine, disk=False)
    looked(world)
    assert told(world) == 2, "one letter to each admin"
    looked(world)
    assert told(world) == 2
    machine.defined = machine.running = machine.seed = True
    looked(world)
    assert not findings.standing(world.bot.context.store)
    lose(machine, disk=False)
    looked(world)
    assert told(world) == 4


def test_a_machine_that_its_owner_switched_off_is_for_the_weekly_summary_alone(world: World) -> None:
    with_a_machine(world).running = False
    looked(world)
    assert [one.drift for one in drift.kept(world.bot.context.store)["north"]] == [drift.Drift.OFF]
    assert told(world) == 0


def test_what_is_found_soon_after_a_letter_waits_for_the_next_one(world: World) -> None:
    lose(with_a_machine(world), disk=False)
    looked(world)
    stranger(world)
    world.later(minutes=20)
    assert told(world) == 2
    looked(world)
    assert told(world) == 4
    assert "zoe-vm" in words_of(world.last(Letter.ADMIN_FINDINGS))
    assert "alice" not in words_of(world.last(Letter.ADMIN_FINDINGS)), "only what is new"


def test_forgetting_a_lost_machine_ends_its_ticket_and_tells_its_owner(world: World) -> None:
    lose(with_a_machine(world), disk=True)
    looked(world)
    assert "its owner has been told" in answer(world, "forget alice-vm")
    world.once()
    assert world.ticket().state is TicketState.REMOVED, "there is no disk to keep"
    told = " ".join(words_of(world.last(Letter.VM_ENDED)).split())
    assert "no longer at their site" in told
    assert "kept" not in told
    assert "so it could not be kept" in " ".join(words_of(world.last(Letter.VM_REMOVED)).split())


def test_forgetting_a_machine_whose_disk_is_there_keeps_the_disk(world: World) -> None:
    lose(with_a_machine(world), disk=False)
    looked(world)
    answer(world, "forget alice-vm")
    world.once()
    assert world.ticket().state is TicketState.ARCHIVED
    told = " ".join(words_of(world.last(Letter.VM_ENDED)).split())
    assert "The machine is no longer at its site." in told
    assert "Its disk will be kept for a while." in told


def test_an_answer_names_what_is_left_to_answer_and_the_history_names_the_answer(world: World) -> None:
    lose(with_a_machine(world), disk=True)
    stranger(world)
    looked(world)
    told = answer(world, "forget alice-vm")
    assert "Your answer changed nothing." not in told
    assert "«adopt zoe-vm»" in told
    assert "«forget alice-vm»" not in told
    (line,) = [one for one in world.bot.context.store.history(1) if one.event is EventKind.ENDED]
    assert line.actor.message_id.endswith("@testbed.example>")
    assert "«adopt zoe-vm»" not in answer(world, "forget zoe-vm")


def test_a_held_machine_is_not_forgotten(world: World) -> None:
    lose(with_a_machine(world), disk=True)
    operator.hold(world.bot.context, 1, CAROL.login, "evidence")
    looked(world)
    assert "evidence" in answer(world, "forget")
    assert world.ticket().state is TicketState.ACTIVE


def test_a_machine_that_nobody_knows_can_be_forgotten_and_stays_as_it_is(world: World) -> None:
    with_a_machine(world)
    stranger(world)
    looked(world)
    assert "stays as it is" in answer(world, "forget zoe-vm")
    assert not findings.standing(world.bot.context.store)
    looked(world)
    assert not findings.standing(world.bot.context.store), "it is listed no more"
    assert world.machines()["zoe-vm@north"].running


def test_a_machine_whose_owner_nobody_knows_is_not_adopted(world: World) -> None:
    with_a_machine(world)
    stranger(world)
    looked(world)
    assert "does not know the owner" in answer(world, "adopt zoe-vm")


def test_nobody_gets_a_second_machine_by_adoption(world: World) -> None:
    with_a_machine(world)
    stranger(world, "alice-vm", "alice", "south")
    looked(world)
    assert "another one for alice (#1)" in answer(world, "adopt alice-vm")


def test_a_rebuilt_machine_is_the_same_by_id_and_its_history_says_who_wanted_it(world: World) -> None:
    lose(with_a_machine(world), disk=False)
    before = world.ticket()
    looked(world)
    answer(world, "rebuild")
    assert world.ticket().state is TicketState.APPROVED
    world.later(minutes=1)
    after = world.ticket()
    assert (after.state, after.machine_id, after.site) == (TicketState.ACTIVE, before.machine_id, "north")
    (line,) = [one for one in world.bot.context.store.history(1) if one.event is EventKind.REBUILD_ASKED]
    assert line.actor.who == CAROL.address
    assert line.actor.evidence


def test_a_disk_that_comes_back_before_a_fresh_one_is_made_is_not_overwritten(world: World) -> None:
    machine = with_a_machine(world)
    lose(machine, disk=True)
    looked(world)
    operator.answer_finding(world.bot.context, "rebuild alice-vm", CAROL.login)
    machine.disk, world.sites["north"]._memory[str(world.ticket().machine_id)] = True, machine
    world.once()
    assert world.ticket().state is TicketState.FAILED
    assert world.machines()["alice-vm@north"].disk
    world.answers(world.last(Letter.ADMIN_BUILD_FAILED, CAROL.address), "retry")
    world.later(minutes=1)
    assert world.ticket().state is TicketState.ACTIVE
    assert "with the disk it had before" in " ".join(words_of(world.last(Letter.VM_READY)).split())


@pytest.mark.parametrize(
    "words", ["proceed", "rebuild bob-vm", "adopt", "well, what is this?", "rebuild unless it is back"]
)
def test_any_other_answer_changes_nothing_and_is_answered(world: World, words: str) -> None:
    lose(with_a_machine(world), disk=False)
    looked(world)
    assert "Your answer changed nothing." in answer(world, words)
    assert world.ticket().state is TicketState.ACTIVE


def test_the_command_line_answers_a_finding_and_refuses_what_is_none(world: World) -> None:
    lose(with_a_machine(world), disk=False)
    looked(world)
    for words in ("rebuild bob-vm", "adopt alice-vm", "remove alice-vm", ""):
        with pytest.raises(operator.Refused):
            operator.answer_finding(world.bot.context, words, CAROL.login)
    with pytest.raises(operator.Refused, match="not an admin"):
        operator.answer_finding(world.bot.context, "rebuild alice-vm", "mallory")
    assert "being built again" in operator.answer_finding(world.bot.context, "rebuild alice-vm", CAROL.login)
    world.once()
    world.later(minutes=1)
    assert world.ticket().state is TicketState.ACTIVE


def test_a_letter_of_findings_gives_nobody_else_a_say(world: World) -> None:
    lose(with_a_machine(world), disk=False)
    looked(world)
    world.answers(world.last(Letter.ADMIN_FINDINGS, CAROL.address), "rebuild alice-vm", sender=ALICE.email)
    assert world.ticket().state is TicketState.ACTIVE


def test_a_host_that_lost_more_than_a_letter_can_name_is_one_letter_that_says_how_many(world: World) -> None:
    with_a_machine(world)
    key = ALICE.ssh_keys[0].rsplit(" ", 1)[0]
    for number in range(findings.LISTED + 5):
        spec = VmSpec(f"u{number}-vm", "n.example", UUID(int=number), "u", "", (key,), date(2027, 5, 31))
        world.sites["north"].ensure(spec)
    looked(world)
    assert told(world) == 2
    assert "and 5 more; «mailbot reconcile»" in " ".join(words_of(world.last(Letter.ADMIN_FINDINGS)).split())
