"""Moves whose moment has come, one call at a time: which begin, which are announced again or called off, and what a host can take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailbot import operator
from mailbot.lifecycle.relocation import MovePlan
from mailbot.machines.work import look_at_sites
from mailbot.model import Action, Letter, MoveAsked, Refusal, TicketState, Turn
from mailbot.ports import Coming
from mailbot.turns.modes import Mode
from mailbot.turns.relocation import Planned, announce, begin_due, cannot_take, note_of, planned, under_way, written
from mailbot.turns.rooms import left, promised
from provisioner.api import SiteHealth
from tests.lives import BY_ADMIN
from tests.world import BOB, CAROL, World, kind_of
from tests.writing import words_of

AT = datetime(2026, 12, 7, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Alice has a machine at north."""
    world = World(tmp_path)
    world.gets_a_machine()
    assert world.ticket().site == "north"
    yield world
    world.close()


def plan(world: World, *numbers: int, at: datetime = AT, begun: bool = False) -> None:
    """A move to south is on record for these tickets, without a word to anybody."""
    for number in numbers or (1,):
        kept = written(Planned(MovePlan("south", at, world.now), begun))
        world.bot.context.store.put_note(note_of(number), kept)


def announced(world: World, *numbers: int) -> None:
    """It is announced for these, and both letters have left in time; the moment has come."""
    look_at_sites(world.bot.context, world.bot.sites)
    for number in numbers or (1,):
        assert not isinstance(announce(world.bot.context, number, MoveAsked(BY_ADMIN, "south", AT)), Refusal)
    for moment in (world.now, AT - 26 * HOUR, AT):
        world.clock.set(moment)
        if moment < AT:
            world.once()
    look_at_sites(world.bot.context, world.bot.sites)


def begins(world: World) -> int:
    """How many plans were looked at by a bot that has just read its mailbox."""
    return begin_due(world.bot.context, world.now)


def becomes(world: World, state: TicketState, number: int = 1) -> None:
    ticket = world.ticket(number)
    after = replace(ticket, state=state)
    world.bot.context.store.commit(Turn(world.now, ticket=after, expected_revision=ticket.revision))


# which are looked at


def test_only_plans_whose_moment_has_come_and_that_have_not_begun_are_looked_at(world: World) -> None:
    assert begins(world) == 0
    plan(world)
    world.clock.set(AT - timedelta(seconds=1))
    assert begins(world) == 0
    world.clock.set(AT)
    assert begins(world) == 1
    plan(world, begun=True)
    assert begins(world) == 0
    assert planned(world.bot.context.store).keys() == {1}


@pytest.mark.parametrize("early", [timedelta(0), HOUR])
@pytest.mark.parametrize("state", [TicketState.EXPIRED, TicketState.RETIRING])
def test_a_machine_that_does_not_run_any_more_moves_nowhere(world: World, state: TicketState, early: timedelta) -> None:
    plan(world)
    becomes(world, state)
    world.clock.set(AT - early)
    begins(world)
    assert planned(world.bot.context.store) == {}


def test_a_move_that_has_begun_is_forgotten_only_when_no_work_on_it_waits(world: World) -> None:
    announced(world)
    begins(world)
    assert under_way(world.bot.context.store).keys() == {1}
    becomes(world, TicketState.EXPIRED)
    begins(world)
    assert under_way(world.bot.context.store).keys() == {1}, "its worker finds out"
    world.bot.context.store.commit(Turn(world.now, about_ticket=1, cancel_keys=(f"{Action.MOVE.value}:",)))
    begins(world)
    assert planned(world.bot.context.store) == {}


# what becomes of one


def test_a_move_that_was_announced_in_time_begins(world: World) -> None:
    announced(world)
    assert begins(world) == 1
    assert Action.MOVE in {one.action for one in world.bot.context.store.waiting(1)}
    assert under_way(world.bot.context.store).keys() == {1}


def test_a_bot_that_has_not_read_its_mailbox_begins_nothing(world: World) -> None:
    announced(world)
    assert begin_due(world.bot.context, None) == 1
    assert not under_way(world.bot.context.store)


def test_what_cannot_be_announced_again_is_called_off_and_its_owner_reads_why(world: World) -> None:
    ticket = world.ticket()
    soon = replace(ticket, end_date=AT.date() + timedelta(days=1))
    world.bot.context.store.commit(Turn(world.now, ticket=soon, expected_revision=ticket.revision))
    plan(world)
    world.clock.set(AT + 3 * HOUR)
    begins(world)
    assert planned(world.bot.context.store) == {}
    world.once()
    assert "it will be stopped before that move" in " ".join(words_of(world.last(Letter.VM_STAYS)).split())


def test_what_can_be_announced_again_is_and_is_no_move_called_off(world: World) -> None:
    look_at_sites(world.bot.context, world.bot.sites)
    plan(world)
    world.clock.set(AT + 3 * HOUR)
    begins(world)
    (again,) = planned(world.bot.context.store).values()
    assert again.plan.at > world.now + timedelta(days=7)
    world.once()
    assert not [one for one in world.letters if kind_of(one) is Letter.VM_STAYS]


def second_machine(world: World) -> None:
    operator.set_site_mode(world.bot.context, "south", Mode.CORDONED, CAROL.login, "for the test")
    world.gets_a_machine(BOB, 2)
    operator.set_site_mode(world.bot.context, "south", Mode.OPEN, CAROL.login, "for the test")
    assert world.ticket(2).site == "north"


@pytest.mark.parametrize(("brake", "begin"), [(0, {1}), (1, {1}), (2, {1, 2})])
def test_as_many_begin_a_day_as_the_brake_lets_be_stopped_and_one_at_least(
    world: World, brake: int, begin: set[int]
) -> None:
    second_machine(world)
    context = world.bot.context
    rules = replace(context.rules, lease=replace(context.rules.lease, brake_machines=brake))
    announced(world, 1, 2)
    world.bot = replace(world.bot, context=replace(context, rules=rules))
    for _ in range(2):
        begins(world)
        assert under_way(context.store).keys() == begin
    world.clock.set(AT + 16 * HOUR)
    begins(world)
    assert under_way(context.store).keys() == {1, 2}, "the others on the next day"


# what a host can take


def health(world: World, site: str = "south", **changes: object) -> SiteHealth:
    """The host has said that it has room for just one machine."""
    policy = world.rules.policy
    room = {"reachable": True, "free_memory_mib": policy.memory_mib, "free_disk_gib": world.ticket().disk_gib}
    seen = SiteHealth(site, **{**room, **changes})  # type: ignore[arg-type]
    world.bot.context.store.put_health(seen, world.now)
    return seen


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"free_memory_mib": -1}, "not enough memory"),
        ({"free_disk_gib": 7}, "not enough disk"),
        ({"reachable": False}, "it does not answer"),
        ({"reachable": False, "problems": ("Its key has changed.",)}, "Its key has changed."),
        ({"problems": ("The pool is not active.",)}, "The pool is not active."),
    ],
)
def test_a_host_takes_a_machine_where_it_answers_and_has_room_for_one(
    world: World, changes: dict[str, object], why: str
) -> None:
    less = {"free_memory_mib": world.rules.policy.memory_mib - 1} if "free_memory_mib" in changes else {}
    health(world, **{**changes, **less})
    said = cannot_take(world.bot.context, world.ticket(), "south")
    assert (why in said) if why else said == ""


def test_a_host_that_nobody_has_asked_or_that_an_admin_has_closed_takes_none(world: World) -> None:
    assert "does not answer" in cannot_take(world.bot.context, world.ticket(), "west")
    health(world)
    operator.set_site_mode(world.bot.context, "south", Mode.CORDONED, CAROL.login, "new disks")
    assert "new disks" in cannot_take(world.bot.context, world.ticket(), "south")


@pytest.mark.parametrize(("pools", "taken"), [(("a", "a"), True), (("a", "b"), False), ((), False)])
def test_a_host_with_the_same_pool_needs_no_room_for_the_disk(
    world: World, pools: tuple[str, ...], taken: bool
) -> None:
    context = replace(world.bot.context, shared_pools=dict(zip(("north", "south"), pools, strict=False)))
    health(world, free_disk_gib=0)
    assert (cannot_take(context, world.ticket(), "south") == "") is taken


def test_room_that_is_promised_is_nobody_elses_and_never_in_its_own_way(world: World) -> None:
    second_machine(world)
    health(world)
    plan(world, 2)
    assert "memory" in cannot_take(world.bot.context, world.ticket(), "south")
    assert cannot_take(world.bot.context, world.ticket(2), "south") == ""


def test_what_comes_to_a_host_takes_room_until_the_host_counts_it(world: World) -> None:
    first, memory = Coming(1, world.ticket().disk_gib), world.rules.policy.memory_mib
    second = Coming(2, 20)
    seen = SiteHealth("south", True, 5 * memory, 100, machines=3)
    context = world.bot.context
    both = left(context, seen, {"south": (first, second)})
    assert (both.free_memory_mib, both.free_disk_gib, both.machines) == (3 * memory, 100 - first.disk_gib - 20, 5)
    assert left(context, replace(seen, references=("1", "2")), {"south": (first, second)}).free_disk_gib == 100
    assert left(context, seen, {"south": (first, second)}, but=1).free_disk_gib == 80
    assert left(context, seen, {"north": (first, second)}) == seen
    full = left(context, replace(seen, free_memory_mib=0, free_disk_gib=0), {"south": (first,)})
    assert (full.free_memory_mib, full.free_disk_gib) == (0, 0)


def test_builds_that_were_placed_and_machines_that_move_are_promised(world: World) -> None:
    context = world.bot.context
    assert promised(context, {}) == {}, "what is built is counted by its host"
    assert {
        site: [one.id for one in there] for site, there in promised(context, {1: "south", 99: "south"}).items()
    } == {"south": [1]}
    becomes(world, TicketState.APPROVED)
    assert [one.id for one in promised(context, {})["north"]] == [1]
    ticket = world.ticket()
    nowhere = replace(ticket, site=None)
    context.store.commit(Turn(world.now, ticket=nowhere, expected_revision=ticket.revision))
    assert promised(context, {}) == {}
