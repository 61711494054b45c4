"""The daily look at the owners of all machines: when it begins, how far it comes, and what does not stop it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from mailbot.errors import DirectoryUnavailable
from mailbot.model import OwnerState, Person, Ticket, TicketState, Turn
from mailbot.turns import owners, sight
from mailbot.turns.owners import AT_ONCE, EVERY, NOTE, look
from tests.lives import Life
from tests.world import ALICE, World, key_of

S = TicketState
SECOND = timedelta(seconds=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, people=())
    yield made
    made.close()


def has(world: World, number: int, state: TicketState = S.ACTIVE) -> Ticket:
    login = f"user{number}"
    world.directory.put(Person(login, login, f"{login}@example.org", ssh_keys=(key_of(login),)))
    base = replace(Life(date(2027, 3, 31)).ticket, id=0, revision=0, state=state, due_at=None)
    ticket = replace(base, username=login, name=login, email=f"{login}@example.org", person_id=f"memory:{login}")
    stored = world.bot.context.store.commit(Turn(now=world.now, ticket=ticket))
    assert stored is not None
    return stored


def place(world: World) -> tuple[str, int | None]:
    kept = json.loads(world.bot.context.store.note(NOTE) or "{}")
    return kept["begun"], kept["after"]


def states(world: World) -> list[OwnerState]:
    return [one.owner for one in world.bot.context.store.tickets()]


def test_every_ticket_that_is_not_over_is_looked_at_once_a_day(world: World) -> None:
    has(world, 1)
    has(world, 2, S.ARCHIVED)
    has(world, 3, S.REMOVED)
    begun = world.now
    assert look(world.bot.context) == 2
    assert place(world) == (begun.isoformat(), None)
    assert look(world.bot.context) == 0
    world.clock.set(begun + EVERY - SECOND)
    assert look(world.bot.context) == 0
    world.clock.advance(SECOND)
    assert look(world.bot.context) == 2


def test_a_clock_that_was_set_back_by_a_day_puts_no_look_off(world: World) -> None:
    has(world, 1)
    look(world.bot.context)
    world.clock.jump(world.now - EVERY + SECOND)
    assert look(world.bot.context) == 0
    world.clock.jump(world.now - SECOND)
    assert look(world.bot.context) == 1


@pytest.mark.parametrize(
    ("count", "looks"), [(AT_ONCE - 1, [AT_ONCE - 1, 0]), (AT_ONCE, [AT_ONCE, 0, 0]), (AT_ONCE + 2, [AT_ONCE, 2, 0])]
)
def test_more_tickets_than_one_tick_takes_are_looked_at_by_the_next(world: World, count: int, looks: list[int]) -> None:
    for number in range(count):
        has(world, number)
    assert [look(world.bot.context) for _ in looks] == looks
    assert place(world)[1] is None


def test_while_the_directory_is_away_the_look_waits_at_the_same_ticket(world: World) -> None:
    for number in range(1, 3):
        has(world, number)
    asked: list[str] = []

    class AwayAfterOne:
        def by_id(self, person_id: str) -> Person | None:
            asked.append(person_id)
            if len(asked) > 1:
                raise DirectoryUnavailable("it is away")
            return world.directory.by_id(person_id)

        def __getattr__(self, name: str) -> object:
            return getattr(world.directory, name)

    away = replace(world.bot.context, directory=AwayAfterOne())
    assert look(away) == 1
    assert place(world)[1] == 1
    assert look(away) == 0
    assert place(world)[1] == 1
    assert sight.fails(away, sight.Sense.DIRECTORY)
    assert look(world.bot.context) == 1
    assert not sight.fails(away, sight.Sense.DIRECTORY)
    assert place(world)[1] is None


def test_what_is_wrong_with_an_account_is_on_its_ticket(world: World) -> None:
    for number in range(1, 5):
        has(world, number)
    person = world.directory.by_login("user1")
    assert person is not None
    world.directory.put(replace(person, locked=True))
    world.directory.remove("user2")
    world.directory.remove("user3")
    world.directory.put(replace(ALICE, login="user3", id="memory:somebody-else"))
    world.directory.put(replace(world.directory.by_login("user4") or ALICE, ssh_keys=()))
    look(world.bot.context)
    assert states(world) == [OwnerState.LOCKED, OwnerState.GONE, OwnerState.SUCCEEDED, OwnerState.KEYLESS]


def test_whose_a_ticket_is_the_id_says_and_the_login_where_there_is_none(world: World) -> None:
    context, ticket = world.bot.context, has(world, 1)
    owner = world.directory.by_login("user1")
    assert owner is not None
    another = replace(owner, id="memory:somebody-else")
    renamed = replace(owner, login="another")
    assert owners.is_owner(context, owner, ticket)
    assert owners.is_owner(context, renamed, ticket)
    assert not owners.is_owner(context, another, ticket)
    for unknown in (replace(ticket, person_id=""), replace(ticket, person_id="ldap:7")):
        assert owners.is_owner(context, another, unknown)
        assert not owners.is_owner(context, renamed, unknown)
    with pytest.raises(DirectoryUnavailable):
        owners.is_owner(context, replace(owner, id=""), ticket)
