"""An announcement over more tickets than one tick takes, and beside another daemon that hands out the same one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mailbot.adapters.database.store import Database
from mailbot.announcing import announce, problem
from mailbot.model import Ticket, TicketState, Turn
from mailbot.turns.announcements import A_TICK, NOTE, Announced, current, go_on, readers
from tests.world import START, World


class Beside(Database):
    """Another daemon over the same database does something right after this one's next commit."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.next: Callable[[], object] = lambda: None

    def commit(self, turn: Turn) -> Ticket | None:
        stored = super().commit(turn)
        now, self.next = self.next, lambda: None
        now()
        return stored


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, database=Beside)
    yield made
    made.close()


def machines(world: World, count: int, state: TicketState = TicketState.ACTIVE, site: str = "north") -> None:
    """So many tickets of as many people."""
    for number in range(count):
        login = f"{state}-{site}-{number}"
        ticket = Ticket(
            0, state, login, login, f"{login}@example.org", "", date(2027, 3, 31), 8, "", "x", START, START, site=site
        )  # fmt: skip
        world.bot.context.store.commit(Turn(now=START, ticket=ticket))


def begun(world: World, **changed: Any) -> Announced:
    made = announce(world.bot.context, "Maintenance", "On Tuesday.", "carol")
    again = replace(made, **changed)
    world.bot.context.store.put_note(NOTE, json.dumps(asdict(again)))
    return again


def written(world: World) -> list[int]:
    """The tickets whose owners have a letter in the outbox or got one, in order."""
    store = world.bot.context.store
    return [one.id for one in store.tickets() if any(line.facts.get("announcement") for line in store.history(one.id))]


def test_without_an_announcement_there_is_nothing_to_do(world: World) -> None:
    machines(world, 1)
    assert go_on(world.bot.context) == 0
    assert written(world) == []


def test_one_tick_writes_to_as_many_as_it_may_and_the_next_to_the_others(world: World) -> None:
    machines(world, A_TICK + 2)
    begun(world)
    assert go_on(world.bot.context) == A_TICK
    assert written(world) == list(range(1, A_TICK + 1))
    assert go_on(world.bot.context) == 2
    assert written(world) == list(range(1, A_TICK + 3))
    assert current(world.bot.context.store) is None
    assert go_on(world.bot.context) == 0


@pytest.mark.parametrize("count", [0, 1, A_TICK - 1, A_TICK, A_TICK + 1, 2 * A_TICK + 1])
def test_everybody_who_would_get_it_is_listed_once(world: World, count: int) -> None:
    machines(world, count)
    assert [one.id for one in readers(world.bot.context.store, ())] == list(range(1, count + 1))


def test_whoever_has_no_machine_or_has_it_elsewhere_does_not_get_it(world: World) -> None:
    machines(world, 1, TicketState.PENDING)
    machines(world, 1, TicketState.ARCHIVED)
    machines(world, 1, TicketState.APPROVED)
    machines(world, 1, site="south")
    machines(world, 1)
    store = world.bot.context.store
    assert [one.id for one in readers(store, ())] == [3, 4, 5]
    assert [one.id for one in readers(store, ("south",))] == [4]
    assert [one.id for one in readers(store, ("north", "east"), after=3)] == [5]


def test_what_another_daemon_has_written_to_is_left_out(world: World) -> None:
    machines(world, 3)
    made = begun(world)
    store = world.bot.context.store
    assert isinstance(store, Beside)
    store.next = lambda: store.put_note(NOTE, json.dumps(asdict(replace(made, after=2))))
    assert go_on(world.bot.context) == 2
    assert written(world) == [1, 3]


def test_what_another_daemon_has_ended_is_not_gone_on_with(world: World) -> None:
    machines(world, 3)
    begun(world)
    store = world.bot.context.store
    assert isinstance(store, Beside)
    store.next = lambda: store.put_note(NOTE, None)
    assert go_on(world.bot.context) == 1
    assert written(world) == [1]


def test_nor_is_the_next_one_that_was_begun_meanwhile_taken_for_it(world: World) -> None:
    machines(world, 3)
    made = begun(world)
    another = replace(made, id="another", subject="Something else")
    store = world.bot.context.store
    assert isinstance(store, Beside)
    store.next = lambda: store.put_note(NOTE, json.dumps(asdict(another)))
    assert go_on(world.bot.context) == 1
    assert current(store) == another


def test_a_ticket_that_moved_meanwhile_is_seen_again_by_the_next_tick(world: World) -> None:
    machines(world, 3)
    begun(world)
    store = world.bot.context.store
    assert isinstance(store, Beside)
    store.next = lambda: store.commit(
        Turn(now=START, ticket=replace(world.ticket(2), disk_reason="x"), expected_revision=1)
    )
    assert go_on(world.bot.context) == 1
    assert go_on(world.bot.context) == 2
    assert written(world) == [1, 2, 3]


@pytest.mark.parametrize(
    ("subject", "text"), [("s" * 100, "On Tuesday."), ("Maintenance", "t" * 5_000), ("Maintenance", "line\n" * 50)]
)
def test_as_much_as_is_allowed_can_be_announced(world: World, subject: str, text: str) -> None:
    assert problem(world.bot.context, subject, text) is None


def test_a_long_line_that_would_act_is_shown_up_to_where_one_sees_what_it_is(world: World) -> None:
    wrong = problem(world.bot.context, "Maintenance", "username: " + "a" * 200)
    assert wrong is not None
    assert f"“username: {'a' * 70}”" in str(wrong)


def test_the_history_says_that_it_was_announced_at_the_command_line(world: World) -> None:
    machines(world, 1)
    begun(world)
    go_on(world.bot.context)
    assert world.bot.context.store.history(1)[-1].actor.evidence == {"command_line": True}
