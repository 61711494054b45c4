"""A machine goes to another host: announced, off while its disk is copied, there with all that it had, or back where it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from mailbot import fleet, operator
from mailbot.machines.work import look_at_sites
from mailbot.model import Action, EventKind, Letter, Person, TicketState
from mailbot.turns import drift, left_behind, modes, relocation
from mailbot.turns.modes import Mode
from provisioner.fake_machine import FakeMachine, FakeStep, Faults
from tests.world import ALICE, BOB, CAROL, World, kind_of, request_words
from tests.writing import words_of

DAY = date(2026, 12, 7)
BOTH = frozenset({"north", "south"})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.writes(ALICE.email, request_words())
    operator.approve(world.bot.context, 1, CAROL.login)
    world.once()
    world.later(minutes=1)
    assert (world.ticket().state, world.ticket().site) == (TicketState.ACTIVE, "north")
    yield world
    world.close()


def move(world: World, day: date = DAY, to: str = "south") -> relocation.MovePlan:
    look_at_sites(world.bot.context, world.bot.sites)
    return fleet.move(world.bot.context, 1, to, day, CAROL.login, neighbours=BOTH)


def until(world: World, moment: datetime, **step: float) -> None:
    """The bot works on until that moment, and looks every hour once the letter of the day before is due."""
    near = timedelta(hours=27)
    while (left := moment - world.now) > timedelta():
        by = timedelta(**step) if step else min(timedelta(days=1), left - near) if left > near else timedelta(hours=1)
        world.clock.advance(min(by, left))
        world.once()


def moved(world: World) -> None:
    """All that follows once the moment has come."""
    for _ in range(12):
        world.later(minutes=1)


def at(world: World, site: str) -> FakeMachine | None:
    return world.machines().get(f"alice-vm@{site}")


def count(world: World, letter: Letter) -> int:
    return sum(kind_of(one) is letter for one in world.letters)


def last(world: World, letter: Letter) -> str:
    return " ".join(words_of(world.last(letter)).split())


def test_a_machine_moves_with_its_disk_and_its_owner_is_told_before_and_after(world: World) -> None:
    before, ticket = at(world, "north"), world.ticket()
    assert before is not None
    content = before.content
    plan = move(world)
    assert plan.at == datetime(2026, 12, 7, 8, tzinfo=UTC)
    world.once()
    assert "will be shut down for a while on Monday 7 December 2026" in last(world, Letter.VM_MOVE)
    until(world, plan.at - timedelta(minutes=5))
    assert count(world, Letter.VM_MOVE) == 2, "and again on the day before"
    assert "Tomorrow" in last(world, Letter.VM_MOVE)
    assert before.running
    until(world, plan.at)
    moved(world)
    after, now = at(world, "south"), world.ticket()
    assert after is not None
    assert (after.running, after.content) == (True, content)
    assert (now.site, now.state, now.machine_id, now.end_date) == (
        "south",
        TicketState.ACTIVE,
        ticket.machine_id,
        ticket.end_date,
    )
    assert after.address in last(world, Letter.VM_MOVED)
    assert now.lease_from == ticket.lease_from, "the lease goes on as it was"
    left = at(world, "north")
    assert left is not None
    assert (left.disk, left.defined, left.address) == (True, False, None), "only the disk stays behind"
    world.later(days=13)
    assert at(world, "north") is not None
    world.later(days=2)
    world.later(minutes=10)
    assert at(world, "north") is None, "for fourteen days"
    assert not relocation.planned(world.bot.context.store)


def test_what_is_left_behind_and_what_is_copied_is_no_finding(world: World) -> None:
    plan = move(world)
    until(world, plan.at)
    moved(world)
    for _ in range(4):
        world.later(hours=1)
    assert drift.kept(world.bot.context.store) == {}


def test_a_machine_can_come_back_before_its_old_disk_is_gone(world: World) -> None:
    plan = move(world)
    until(world, plan.at)
    moved(world)
    machine = at(world, "south")
    assert machine is not None
    machine.content = "what its owner wrote meanwhile"
    plan = move(world, date(2026, 12, 15), "north")
    until(world, plan.at)
    moved(world)
    back = at(world, "north")
    assert back is not None
    assert (back.running, back.content) == (True, "what its owner wrote meanwhile")
    world.later(days=6)
    world.later(hours=1)
    assert at(world, "north") is not None, "what was left there is its disk now"
    assert left_behind.at(world.bot.context.store, "north") == frozenset()


@pytest.mark.parametrize(
    ("to", "day", "why"),
    [
        ("north", DAY, "already at north"),
        ("west", DAY, "keep its name"),
        ("south", date(2026, 11, 26), "days' notice"),
        ("south", date(2027, 6, 1), "will be stopped before"),
    ],
)
def test_a_move_that_cannot_be_is_refused_with_words(world: World, to: str, day: date, why: str) -> None:
    with pytest.raises(operator.Refused, match=why):
        move(world, day, to)
    assert count(world, Letter.VM_MOVE) == 0


def test_a_held_machine_and_a_closed_host_are_refused(world: World) -> None:
    operator.hold(world.bot.context, 1, CAROL.login, "evidence")
    with pytest.raises(operator.Refused, match="evidence"):
        move(world)
    operator.unhold(world.bot.context, 1, CAROL.login)
    operator.set_site_mode(world.bot.context, "south", Mode.CORDONED, CAROL.login, "new disks")
    with pytest.raises(operator.Refused, match="new disks"):
        move(world)


def test_a_move_is_called_off(world: World) -> None:
    plan = move(world)
    world.once()
    fleet.cancel_move(world.bot.context, 1, CAROL.login)
    world.once()
    assert "The support team has cancelled the move." in last(world, Letter.VM_STAYS)
    until(world, plan.at + timedelta(hours=2))
    assert count(world, Letter.VM_MOVE) == 1
    machine = at(world, "north")
    assert machine is not None
    assert machine.running
    with pytest.raises(operator.Refused, match="no move"):
        fleet.cancel_move(world.bot.context, 1, CAROL.login)


def test_a_hold_keeps_the_machine_where_it_is_and_it_is_announced_again(world: World) -> None:
    plan = move(world)
    until(world, plan.at - timedelta(hours=1))
    operator.hold(world.bot.context, 1, CAROL.login, "evidence")
    until(world, plan.at + timedelta(hours=5))
    assert world.ticket().site == "north"
    operator.unhold(world.bot.context, 1, CAROL.login)
    until(world, plan.at + timedelta(days=2))
    again = relocation.of_ticket(world.bot.context.store, 1)
    assert again is None or again.plan.at > plan.at or world.ticket().site == "south"


def test_a_bot_that_was_off_at_the_moment_announces_another_one(world: World) -> None:
    plan = move(world)
    world.once()
    world.clock.set(plan.at + timedelta(days=3))
    world.restart()
    world.once()
    world.once()
    again = relocation.of_ticket(world.bot.context.store, 1)
    assert again is not None
    assert again.plan.at >= world.now + timedelta(days=7)
    assert "The move could not begin as planned." in last(world, Letter.VM_MOVE)
    until(world, again.plan.at)
    moved(world)
    assert world.ticket().site == "south"


def test_without_proof_that_its_owner_was_told_nothing_begins(world: World) -> None:
    world.postman.refuse(ALICE.email, 450, "try later")
    plan = move(world)
    until(world, plan.at - timedelta(hours=1))
    world.postman.accept(ALICE.email)
    until(world, plan.at + timedelta(hours=4))
    assert world.ticket().site == "north"
    again = relocation.of_ticket(world.bot.context.store, 1)
    assert again is not None
    assert again.plan.at > plan.at


def test_a_host_that_cannot_take_it_at_the_moment_ends_the_move_before_anything_is_done(world: World) -> None:
    plan = move(world)
    until(world, plan.at - timedelta(minutes=30))
    world.sites["south"].faults = Faults(unreachable=True)
    until(world, plan.at - timedelta(minutes=1), minutes=5)
    stops = len(world.sites["north"].steps)
    until(world, plan.at + timedelta(minutes=30), minutes=5)
    assert "The other host cannot take it now." in last(world, Letter.VM_STAYS)
    assert "move" in last(world, Letter.ADMIN_MACHINE_TROUBLE)
    assert len(world.sites["north"].steps) == stops


def back_at_north(world: World, content: str) -> None:
    machine = at(world, "north")
    assert machine is not None
    assert (machine.running, machine.content) == (True, content)
    assert (world.ticket().site, world.ticket().state) == ("north", TicketState.ACTIVE)
    assert "is being started again" in last(world, Letter.VM_STAYS)
    assert count(world, Letter.ADMIN_MACHINE_TROUBLE) == 2
    assert count(world, Letter.VM_MOVED) == 0
    assert not relocation.planned(world.bot.context.store)
    assert all(one.action is Action.LETTER for one in world.bot.context.store.waiting(1))


@pytest.mark.parametrize(
    "fault",
    [
        Faults(fail_at=frozenset({FakeStep.MAKE_COPY}), permanent=True),
        Faults(fail_at=frozenset({FakeStep.WRITE})),
        Faults(fail_at=frozenset({FakeStep.DEFINE}), permanent=True),
        Faults(fail_at=frozenset({FakeStep.START})),
        Faults(never_ready=True),
        Faults(full=True),
    ],
    ids=["no volume", "no write", "no domain", "no start", "never answers", "full"],
)
def test_a_machine_that_its_new_host_cannot_take_comes_back_and_admins_are_told(world: World, fault: Faults) -> None:
    machine = at(world, "north")
    assert machine is not None
    content, plan = machine.content, move(world)
    until(world, plan.at - timedelta(minutes=1))
    world.sites["south"].faults = fault
    until(world, plan.at)
    for _ in range(40):
        world.later(minutes=15)
    back_at_north(world, content)
    world.sites["south"].faults = Faults()
    world.later(days=15)
    world.later(minutes=10)
    assert at(world, "south") is None, "nothing stays there for ever"


@pytest.mark.parametrize("when", [1, 2, 3, 4])
def test_a_host_that_dies_on_the_way_gives_the_machine_back(world: World, when: int) -> None:
    machine = at(world, "north")
    assert machine is not None
    content, plan = machine.content, move(world)
    until(world, plan.at)
    for _ in range(40):
        if world.sites["south"].steps and len(world.sites["south"].steps) >= when:
            world.sites["south"].faults = Faults(unreachable=True)
        world.later(minutes=10)
        if world.ticket().site == "south" and count(world, Letter.VM_MOVED):
            return  # it was there already
    back_at_north(world, content)


def test_a_host_that_it_leaves_may_be_away_for_a_while(world: World) -> None:
    plan = move(world)
    until(world, plan.at)
    world.sites["north"].faults = Faults(unreachable=True)
    for _ in range(12):
        world.later(hours=1)
    world.sites["north"].faults = Faults()
    for _ in range(30):
        world.later(minutes=1)
    assert world.ticket().site == "south"
    assert count(world, Letter.VM_MOVED) == 1


def test_a_machine_given_back_before_its_move_moves_nowhere(world: World) -> None:
    plan = move(world)
    operator.end(world.bot.context, 1, CAROL.login, "no longer wanted")
    until(world, plan.at + timedelta(days=1))
    assert not relocation.planned(world.bot.context.store)
    assert at(world, "south") is None


def test_after_a_long_absence_moves_go_on_as_many_a_day_as_the_brake_lets_go(world: World) -> None:
    rules = world.rules
    world.rules = replace(rules, lease=replace(rules.lease, brake_machines=1))
    world.restart()
    world.bot.context.store.put_note("moves-begun", f"{DAY.isoformat()} 1")
    plan = move(world)
    until(world, plan.at)
    moved(world)
    assert world.ticket().site == "north", "one had begun on that day"
    until(world, datetime(2026, 12, 8, 0, 5, tzinfo=UTC))
    moved(world)
    assert world.ticket().site == "south"


def test_the_history_tells_the_whole_move(world: World) -> None:
    plan = move(world)
    until(world, plan.at)
    moved(world)
    kinds = [one.event for one in world.bot.context.store.history(1)][-4:]
    assert kinds == [EventKind.MOVE_ASKED, EventKind.MOVE_BEGUN, EventKind.RELOCATED, EventKind.ARRIVED]


def test_a_disk_of_that_name_that_nobody_left_there_is_never_touched(world: World) -> None:
    plan, machine = move(world), at(world, "north")
    assert machine is not None
    content = machine.content
    until(world, plan.at - timedelta(minutes=1))
    shared = FakeMachine("alice-vm", disk=True, disk_gib=8, content=content)
    world.sites["south"]._memory[str(world.ticket().machine_id)] = shared
    until(world, plan.at)
    moved(world)
    back_at_north(world, content)
    assert "pool" in last(world, Letter.ADMIN_MACHINE_TROUBLE)
    world.later(days=16)
    world.later(minutes=10)
    assert shared.content == content
    assert shared.disk


# a host that is drained


def crowd(world: World, people: int) -> None:
    """So many further people have a machine at north."""
    operator.set_site_mode(world.bot.context, "south", Mode.CORDONED, CAROL.login, "for the test")
    for number in range(1, people + 1):
        login = f"user{number}"
        world.directory.put(Person(login, f"U {number}", f"{login}@example.org", ssh_keys=ALICE.ssh_keys))
        world.writes(f"{login}@example.org", request_words(login))
        operator.approve(world.bot.context, number + 1, CAROL.login)
    world.once()
    world.later(minutes=1)
    operator.set_site_mode(world.bot.context, "south", Mode.OPEN, CAROL.login, "for the test")
    look_at_sites(world.bot.context, world.bot.sites)


def test_a_drained_host_takes_nothing_new_and_its_machines_move_as_many_a_day_as_the_brake_allows(world: World) -> None:
    world.rules = replace(world.rules, lease=replace(world.rules.lease, brake_machines=2))
    world.restart()
    crowd(world, 4)
    context = world.bot.context
    shown = fleet.drained(context, "north", neighbours=BOTH)
    assert modes.mode_of(context.store, "north") is Mode.OPEN
    assert not relocation.planned(context.store), "a look changes nothing"
    plan = fleet.drain(context, "north", CAROL.login, why="it is old", neighbours=BOTH)
    assert plan == shown
    days = [one.at.date() for one in plan if one.at is not None]
    assert Counter(days).most_common() == [(days[0], 2), (days[2], 2), (days[4], 1)]
    assert {one.to for one in plan} == {"south"}
    assert modes.mode_of(context.store, "north") is Mode.DRAINING
    assert fleet.drain(context, "north", CAROL.login, why="again", neighbours=BOTH) == plan, "said twice, planned once"
    world.once()
    assert count(world, Letter.VM_MOVE) == 5
    until(world, max(one.at for one in plan if one.at is not None))
    moved(world)
    assert {world.ticket(number).site for number in range(1, 6)} == {"south"}
    assert not any(machine.running for machine in world.sites["north"].machines().values())


def test_what_cannot_leave_a_drained_host_is_named_with_the_reason(world: World) -> None:
    crowd(world, 3)
    context = world.bot.context
    operator.hold(context, 1, CAROL.login, "evidence")
    operator.end(context, 2, CAROL.login, "no longer wanted")
    world.once()
    operator.set_site_mode(context, "south", Mode.CORDONED, CAROL.login, "full of dust")
    by_ticket = {one.ticket: one for one in fleet.drained(context, "north", neighbours=BOTH)}
    assert "evidence" in by_ticket[1].why
    assert "disk" in by_ticket[2].why
    assert "full of dust" in by_ticket[3].why
    assert all(one.at is None for one in by_ticket.values())
    assert "no other host" in fleet.drained(context, "north", neighbours={"north"})[2].why


def test_a_machine_that_ends_before_its_turn_is_not_moved(world: World) -> None:
    (one,) = fleet.drained(world.bot.context, "north", neighbours=BOTH, first=date(2027, 4, 5))
    assert one.at is None
    look_at_sites(world.bot.context, world.bot.sites)
    (one,) = fleet.drained(world.bot.context, "north", neighbours=BOTH, first=date(2027, 4, 5))
    assert "its last day is 2027-03-31" in one.why
    (one,) = fleet.drained(world.bot.context, "north", neighbours=BOTH, first=date(2027, 1, 9))
    assert one.at == datetime(2027, 1, 9, 8, tzinfo=UTC)


def switched_off(world: World) -> FakeMachine:
    """Its owner has shut it down from inside."""
    ((machine_id, machine),) = world.sites["north"].machines().items()
    machine.running = False
    world.sites["north"]._save(machine_id, machine)
    return machine


def test_a_machine_that_its_owner_switched_off_is_off_at_its_new_host_too(world: World) -> None:
    switched_off(world)
    plan = move(world)
    until(world, plan.at)
    moved(world)
    machine = at(world, "south")
    assert machine is not None
    assert (world.ticket().site, machine.defined, machine.running) == ("south", True, False)
    assert FakeStep.START not in [step for step, _ in world.sites["south"].steps], "it was never started there"
    assert "It is switched off, as before" in last(world, Letter.VM_MOVED)
    world.answers(world.last(Letter.VM_MOVED), "start")
    moved(world)
    machine = at(world, "south")
    assert machine is not None
    assert machine.running


@pytest.mark.parametrize("step", [FakeStep.WRITE, FakeStep.DEFINE])
def test_a_machine_that_was_off_and_cannot_move_is_not_started_where_it_was(world: World, step: FakeStep) -> None:
    switched_off(world)
    plan = move(world)
    until(world, plan.at - timedelta(minutes=1))
    world.sites["south"].faults = Faults(fail_at=frozenset({step}), permanent=True)
    until(world, plan.at)
    for _ in range(10):
        world.later(minutes=15)
    machine = at(world, "north")
    assert machine is not None
    assert (world.ticket().site, machine.running) == ("north", False)
    assert count(world, Letter.VM_STAYS) == 1


def test_the_room_of_a_planned_move_is_given_to_nobody_else(world: World) -> None:
    world.sites["south"]._memory_mib = world.rules.policy.memory_mib
    world.later(minutes=6)
    plan = move(world)
    world.sites["north"].faults = Faults(full=True)
    world.later(minutes=6)
    world.writes(BOB.email, request_words("bob"))
    operator.approve(world.bot.context, 2, CAROL.login)
    world.once()
    assert world.ticket(2).state is TicketState.APPROVED
    (row,) = world.bot.context.store.overview.queue(2)
    assert "south: 0 MiB of memory are free" in row.error
    until(world, plan.at)
    moved(world)
    assert world.ticket().site == "south", "its own room is not in its own way"


def test_a_second_move_to_a_host_with_room_for_one_is_refused(world: World) -> None:
    world.writes(BOB.email, request_words("bob"))
    operator.set_site_mode(world.bot.context, "south", Mode.CORDONED, CAROL.login, "for the test")
    operator.approve(world.bot.context, 2, CAROL.login)
    world.once()
    world.later(minutes=1)
    operator.set_site_mode(world.bot.context, "south", Mode.OPEN, CAROL.login, "for the test")
    world.sites["south"]._memory_mib = world.rules.policy.memory_mib
    world.later(minutes=6)
    move(world)
    with pytest.raises(operator.Refused, match="not enough memory left"):
        fleet.move(world.bot.context, 2, "south", DAY, CAROL.login, neighbours=BOTH)
