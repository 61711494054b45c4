"""When what is old leaves, how much of it at a time, and what machines have left at other hosts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailbot.adapters.database.store import Database
from mailbot.ports import Leaving
from mailbot.rules import RetentionRules
from mailbot.turns import left_behind
from mailbot.turns.left_behind import Left
from mailbot.turns.retention import AT_ONCE, MOST, NOTE, leave
from tests.world import World

THREE = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
"""Three o'clock in Paris."""
SECOND = timedelta(seconds=1)


class Old(Database):
    """As if so many rows of every kind were old."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.rows: Counter[Leaving] = Counter()
        self.asked: Counter[Leaving] = Counter()
        self.before: dict[Leaving, datetime] = {}

    def forget(self, what: Leaving, before: datetime, limit: int) -> int:
        self.asked[what] += 1
        self.before[what] = before
        gone = min(self.rows[what], limit)
        self.rows[what] -= gone
        return gone


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, database=Old)
    made.clock.set(THREE)
    yield made
    made.close()


def old(world: World, **rows: int) -> Old:
    store = world.bot.context.store
    assert isinstance(store, Old)
    store.rows.update({Leaving[what.upper()]: many for what, many in rows.items()})
    return store


def test_nothing_leaves_before_three_in_the_morning_of_the_site_and_then_once_a_day(world: World) -> None:
    store = old(world, mails=5, ledger=7)
    world.clock.set(THREE - SECOND)
    assert leave(world.bot.context) == 0
    world.clock.set(THREE)
    assert leave(world.bot.context) == 12
    assert store.note(NOTE) == "2026-11-24"
    store.rows[Leaving.MAILS] = 1
    world.clock.set(THREE + timedelta(hours=23) - SECOND)
    assert leave(world.bot.context) == 0
    world.clock.set(THREE + timedelta(days=1))
    assert leave(world.bot.context) == 1


@pytest.mark.parametrize(
    ("rows", "asked", "done"),
    [
        (AT_ONCE - 1, 1, True),
        (AT_ONCE, 2, True),
        (AT_ONCE * MOST - 1, MOST, True),
        (AT_ONCE * MOST, MOST, False),
        (AT_ONCE * MOST + 1, MOST, False),
    ],
)
def test_what_is_more_than_a_tick_takes_leaves_in_the_next(world: World, rows: int, asked: int, done: bool) -> None:
    store = old(world, letters=rows)
    assert leave(world.bot.context) == min(rows, AT_ONCE * MOST)
    assert store.asked[Leaving.LETTERS] == asked
    assert (store.note(NOTE) is not None) is done
    assert leave(world.bot.context) == max(rows - AT_ONCE * MOST, 0)
    assert store.note(NOTE) is not None


def test_each_kind_stays_for_as_long_as_its_rule_says_and_zero_is_for_ever(world: World) -> None:
    store = old(world)
    world.rules = replace(world.rules, retention=RetentionRules(mail_days=0, ledger_days=1, letter_days=2))
    leave(replace(world.bot.context, rules=world.rules))
    days = {what: (THREE - before).days for what, before in store.before.items()}
    assert days == {Leaving.TICKETS: 1100, Leaving.LEDGER: 1, Leaving.LETTERS: 2}


# what machines have left


def test_what_was_left_at_a_host_is_known_by_ticket_and_host(world: World) -> None:
    store, until = world.bot.context.store, THREE + timedelta(days=30)
    for site, number, left in (
        ("north", 7, Left(until)),
        ("north", 8, Left(until, cleared=True)),
        ("south:2", 7, Left(until)),
    ):
        store.put_note(left_behind.note_of(site, number), left_behind.written(left))
    store.put_note("left:9:east", json.dumps({"until": until.isoformat(), "cleared": True}))
    assert left_behind.of_site(store, "east") == {9: Left(until, cleared=True)}, "from before hosts had one pool"
    assert left_behind.of_site(store, "north") == {7: Left(until), 8: Left(until, cleared=True)}
    assert left_behind.at(store, "south:2") == {7}
    assert left_behind.at(store, "west") == frozenset()


@pytest.mark.parametrize(
    ("left", "due"),
    [
        (Left(THREE + SECOND), True),
        (Left(THREE + SECOND, cleared=True), False),
        (Left(THREE, cleared=True), True),
        (Left(THREE - SECOND, cleared=True), True),
    ],
)
def test_a_host_is_visited_until_it_is_cleared_and_again_when_the_disk_may_go(
    world: World, left: Left, due: bool
) -> None:
    store = world.bot.context.store
    store.put_note(left_behind.note_of("north", 7), left_behind.written(left))
    assert left_behind.due(store, THREE) == ({"north"} if due else set())
