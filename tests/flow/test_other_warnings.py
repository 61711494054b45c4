"""A site changes `lease.warn_days` while machines run: each is looked at once, and warned by the new plan from then on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from mailbot.model import Letter, TicketState
from mailbot.turns.replanned import NOTE, look_again
from tests.world import World, kind_of
from tests.writing import words_of

END = date(2027, 3, 31)
DAYS_TO_THE_END = 128
"""From the world's beginning."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Alice has a machine until the end of March."""
    world = World(tmp_path)
    world.gets_a_machine()
    assert world.ticket().state is TicketState.ACTIVE
    yield world
    world.close()


def warns(world: World, *days: int) -> None:
    world.rules = replace(world.rules, lease=replace(world.rules.lease, warn_days=days))
    world.restart()
    world.once()


def passes(world: World, days: int) -> list[int]:
    """The clock runs; how many days before the end each warning came."""
    came: list[int] = []
    for _ in range(2 * days):
        before = len(world.letters)
        world.later(hours=12)
        warnings = [one for one in world.letters[before:] if kind_of(one) is Letter.WARNING]
        came += [(END - world.now.date()).days for _ in warnings]
    return came


def test_a_machine_is_looked_at_once_a_plan(world: World) -> None:
    context = world.bot.context
    other = replace(context, rules=replace(context.rules, lease=replace(context.rules.lease, warn_days=(30, 7))))
    assert [look_again(one, world.now) for one in (context, other, other)] == [0, 1, 0]


def test_a_longer_plan_repeats_nothing_and_goes_on_where_it_is(world: World) -> None:
    warns(world, 30)
    assert passes(world, DAYS_TO_THE_END - 20) == [30]
    warns(world, 60, 30, 7, 1)
    assert passes(world, 22) == [7, 1]
    assert world.ticket().state is TicketState.EXPIRED


def test_a_shorter_plan_leaves_nothing_out(world: World) -> None:
    assert passes(world, DAYS_TO_THE_END - 20) == [60, 30]
    warns(world, 30, 7)
    assert passes(world, 22) == [7]
    assert world.ticket().state is TicketState.EXPIRED


def test_a_warning_that_lies_ahead_wakes_who_slept_until_a_later_one(world: World) -> None:
    warns(world, 7)
    asleep = world.ticket().due_at
    warns(world, 60, 30, 7, 1)
    due_at = world.ticket().due_at
    assert asleep is not None
    assert due_at is not None
    assert due_at < asleep
    assert world.ticket().warned_by == (60, 30, 7, 1)


def test_a_warning_that_is_overdue_by_the_new_plan_says_nothing_of_a_fault(world: World) -> None:
    warns(world, 7)
    passes(world, DAYS_TO_THE_END - 20)
    before = len(world.letters)
    warns(world, 60, 30, 7, 1)
    (warning,) = [one for one in world.letters[before:] if kind_of(one) is Letter.WARNING]
    assert "should have been sent" not in words_of(warning)
    assert passes(world, 22) == [7, 1]


def test_all_are_looked_at_once_and_not_again(world: World) -> None:
    warns(world, 30, 7)
    revision = world.ticket().revision
    assert world.bot.context.store.note(NOTE) == "30,7"
    world.once()
    assert world.ticket().revision == revision
