"""A machine goes to another host of one pool while it runs; where that cannot be it is off for a while, and never on both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailbot import fleet, operator
from mailbot.machines.work import look_at_sites
from mailbot.model import EventKind, Letter, TicketState
from mailbot.turns import drift, left_behind, relocation
from provisioner.fake_machine import FakeMachine, Faults
from provisioner.fake_migration import FakeMigration
from tests.flow.test_moves import DAY, count, last, moved, until
from tests.live_moves import FIRST, SECOND, machine, started_again, with_one_pool
from tests.world import ALICE, CAROL, World, request_words


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = with_one_pool(World(tmp_path, sites=(FIRST, SECOND)))
    world.writes(ALICE.email, request_words())
    operator.approve(world.bot.context, 1, CAROL.login)
    world.once()
    world.later(minutes=1)
    assert (world.ticket().state, world.ticket().site) == (TicketState.ACTIVE, FIRST)
    yield world
    world.close()


def begun(world: World) -> None:
    look_at_sites(world.bot.context, world.bot.sites)
    plan = fleet.move(world.bot.context, 1, SECOND, DAY, CAROL.login, neighbours={FIRST, SECOND})
    until(world, plan.at)


def migration(world: World, host: str) -> FakeMigration:
    found = world.bot.sites[host].migration
    assert isinstance(found, FakeMigration)
    return found


def both(world: World) -> tuple[FakeMachine | None, FakeMachine | None]:
    return machine(world, FIRST), machine(world, SECOND)


def test_a_machine_moves_while_it_runs_and_its_owner_reads_so(world: World) -> None:
    begun(world)
    assert "It will probably keep running" in last(world, Letter.VM_MOVE)
    assert "Tomorrow" in last(world, Letter.VM_MOVE)
    before = world.sites[FIRST].calls.count("request_stop")
    moved(world)
    here, there = both(world)
    assert there is not None
    assert (there.running, there.halted, there.defined) == (True, False, True)
    assert here is None or not here.defined
    assert (world.ticket().site, world.ticket().state) == (SECOND, TicketState.ACTIVE)
    assert world.sites[FIRST].calls.count("request_stop") == before, "it was never asked to shut down"
    told = last(world, Letter.VM_MOVED)
    assert "It kept running: nothing was restarted." in told
    assert there.address in told
    assert count(world, Letter.VM_MOVED) == 1
    assert not relocation.planned(world.bot.context.store)
    assert not world.bot.context.store.notes_from("live:")


def test_what_comes_while_it_runs_is_no_finding_and_nothing_of_its_disk_is_deleted(world: World) -> None:
    begun(world)
    moved(world)
    for _ in range(4):
        world.later(hours=1)
    assert drift.kept(world.bot.context.store) == {}
    world.later(days=15)
    world.later(minutes=10)
    there = machine(world, SECOND)
    assert there is not None
    assert there.disk
    assert left_behind.at(world.bot.context.store, FIRST) == frozenset()


def test_where_libvirt_refuses_it_is_tried_twice_and_then_moved_switched_off(world: World) -> None:
    migration(world, FIRST).refused = "Unsafe migration: Migration without shared storage is unsafe"
    begun(world)
    moved(world)
    here, there = both(world)
    assert there is not None
    assert there.running
    assert here is None or not here.defined
    assert "has moved and is running again" in last(world, Letter.VM_MOVED)
    assert "STOP" in {step.name for step, _ in world.sites[FIRST].steps}


def test_one_that_never_arrives_goes_on_where_it_was_and_is_moved_switched_off(world: World) -> None:
    migration(world, FIRST).stuck = True
    begun(world)
    for _ in range(20):
        world.later(minutes=1)
    here, there = both(world)
    assert here is not None
    assert here.running
    assert there is None or not there.running
    for _ in range(60):
        world.later(minutes=1)
    assert world.ticket().site == SECOND
    assert "has moved and is running again" in last(world, Letter.VM_MOVED)


def test_a_host_that_goes_away_meanwhile_is_waited_for_and_nothing_is_started_elsewhere(world: World) -> None:
    begun(world)
    world.later(minutes=1)
    world.sites[SECOND].faults = Faults(unreachable=True)
    for _ in range(180):
        world.later(minutes=1)
    assert world.ticket().site == FIRST
    assert not count(world, Letter.VM_STAYS)
    assert [one.running for one in both(world) if one is not None and not one.halted] in ([], [True])
    world.sites[SECOND].faults = Faults()
    for _ in range(30):
        world.later(minutes=1)
    assert world.ticket().site == SECOND
    assert count(world, Letter.VM_MOVED) == 1


def test_while_a_host_still_takes_down_what_it_had_nothing_is_begun_and_it_moves_running_afterwards(
    world: World,
) -> None:
    migration(world, SECOND).ending = True
    begun(world)
    world.later(seconds=1)
    assert not world.bot.context.store.notes_from("live:")
    migration(world, SECOND).ending = False
    moved(world)
    assert world.ticket().site == SECOND
    assert "It kept running: nothing was restarted." in last(world, Letter.VM_MOVED)


def test_what_never_goes_after_it_was_told_to_end_is_told(world: World) -> None:
    begun(world)
    started_again(world)
    migration(world, SECOND).ending = True
    for _ in range(29):
        world.later(minutes=1)
    assert not count(world, Letter.ADMIN_MACHINE_TROUBLE)
    for _ in range(600):
        world.later(minutes=1)
    assert "alice-vm was told to end at main" in last(world, Letter.ADMIN_MACHINE_TROUBLE)
    here = machine(world, FIRST)
    assert here is not None
    assert here.running
    assert "STOP" not in {step.name for step, _ in world.sites[FIRST].steps}


def test_a_host_without_room_leaves_it_running_where_it_is(world: World) -> None:
    world.sites[SECOND].faults = Faults(unreachable=True)
    begun(world)
    moved(world)
    here = machine(world, FIRST)
    assert here is not None
    assert here.running
    assert "STOP" not in {step.name for step, _ in world.sites[FIRST].steps}


@pytest.mark.parametrize("looks", range(6))
def test_one_that_is_ended_on_its_way_is_found_and_taken_away(world: World, looks: int) -> None:
    begun(world)
    for _ in range(looks):
        world.later(seconds=2)
    operator.end(world.bot.context, 1, CAROL.login, "It attacked another network.")
    for _ in range(30):
        world.later(minutes=1)
    assert world.ticket().state is TicketState.ARCHIVED
    assert not any(one is not None and (one.running or one.defined) for one in both(world))
    assert not world.bot.context.store.notes_from("live:")


def test_one_whose_first_host_dies_on_its_way_is_started_at_the_second(world: World) -> None:
    begun(world)
    here = machine(world, FIRST)
    assert here is not None
    here.running = False  # its host has started again, and the machine not with it
    there = machine(world, SECOND)
    if there is not None:
        there.running = there.defined = there.halted = False
    moved(world)
    there = machine(world, SECOND)
    assert there is not None
    assert there.running
    assert "has moved and is running again" in last(world, Letter.VM_MOVED)


def test_one_whose_first_host_dies_with_the_daemon_as_it_is_sent_is_started_at_the_second(world: World) -> None:
    class Killed(BaseException):
        """As by a signal."""

    def killed(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeMigration, "send", killed)
        with pytest.raises(Killed):
            begun(world)
    started_again(world)
    here = machine(world, FIRST)
    assert here is not None
    here.running = False
    moved(world)
    there = machine(world, SECOND)
    assert there is not None
    assert there.running


def test_one_that_is_switched_off_stays_off(world: World) -> None:
    known = machine(world, FIRST)
    assert known is not None
    known.running = False
    begun(world)
    moved(world)
    there = machine(world, SECOND)
    assert there is not None
    assert not there.running
    assert "It is switched off, as before" in last(world, Letter.VM_MOVED)


def test_without_a_way_between_the_hosts_it_is_announced_as_a_shutdown(world: World) -> None:
    context = replace(world.bot.context, receiving=frozenset())
    world.bot = replace(world.bot, context=context)
    begun(world)
    assert "will be shut down for a while" in last(world, Letter.VM_MOVE)
    moved(world)
    assert "has moved and is running again" in last(world, Letter.VM_MOVED)


def test_the_history_says_that_it_ran_on(world: World) -> None:
    begun(world)
    moved(world)
    lines = [line for line in world.bot.context.store.history(1) if line.event == EventKind.ARRIVED]
    assert "it ran on" in lines[-1].summary


def test_one_that_has_to_go_back_is_taken_from_the_second_host_first(world: World) -> None:
    """`HostOfOnePool` refuses the step after which both run it."""
    world.bot = replace(world.bot, context=replace(world.bot.context, receiving=frozenset()))
    world.sites[SECOND].faults = Faults(never_ready=True)
    begun(world)
    for _ in range(40):
        world.later(minutes=10)
    here, there = both(world)
    assert here is not None
    assert here.running
    assert there is None or not there.defined
    assert "is being started again" in last(world, Letter.VM_STAYS)


def test_a_second_host_that_may_have_started_it_is_waited_for(world: World) -> None:
    world.bot = replace(world.bot, context=replace(world.bot.context, receiving=frozenset()))
    world.sites[SECOND].faults = Faults(never_ready=True)
    begun(world)
    moved(world)
    assert world.ticket().site == SECOND
    world.sites[SECOND].faults = Faults(unreachable=True)
    for _ in range(30):
        world.later(minutes=30)
    here = machine(world, FIRST)
    assert here is not None
    assert not here.running, "the other one may run on the same disk"
    world.sites[SECOND].faults = Faults()
    for _ in range(30):
        world.later(minutes=1)
    assert count(world, Letter.VM_MOVED) == 1
    assert world.ticket().site == SECOND
