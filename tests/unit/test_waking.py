"""One pass over the tickets that are due: a bad one is put off and told, one that was decided meanwhile is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailbot.adapters.database.store import Database
from mailbot.lifecycle.notice import deletes
from mailbot.model import Action, Effect, Letter, Ticket, TicketState, Turn
from mailbot.ports import Settled
from mailbot.turns.wake import AGAIN_AFTER, wake
from tests.lives import Life
from tests.world import World

S = TicketState


class Meanwhile(Database):
    """Something happens between the look at what is due and the turn of the first ticket."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.next: Callable[[], object] = lambda: None

    def due(self, now: datetime, limit: int) -> list[Ticket]:
        found = super().due(now, limit)
        happens, self.next = self.next, lambda: None
        happens()
        return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, database=Meanwhile)
    yield made
    made.close()


def has(world: World, **facts: Any) -> Ticket:
    ticket = replace(Life(date(2027, 3, 31)).ticket, id=0, revision=0, **{"due_at": world.now, **facts})
    stored = world.bot.context.store.commit(Turn(now=world.now, ticket=ticket))
    assert stored is not None
    return stored


def told(world: World) -> int:
    return sum(one.letter is Letter.ADMIN_TICKET_TROUBLE for one in world.bot.context.store.overview.queue())


def test_a_pass_says_how_many_were_due(world: World) -> None:
    assert wake(world.bot.context, world.now) == 0
    has(world)
    has(world, username="bob")
    has(world, username="erin", due_at=world.now + timedelta(seconds=1))
    assert wake(world.bot.context, world.now) == 2


def test_a_ticket_that_is_due_and_may_do_nothing_is_put_off_for_an_hour_and_told(world: World) -> None:
    has(world, state=S.REMOVED)
    wake(world.bot.context, world.now)
    assert world.ticket().due_at == world.now + AGAIN_AFTER
    assert told(world) == len(world.admins)


@pytest.mark.parametrize(
    ("later", "put_off"),
    [(None, False), (timedelta(seconds=1), False), (timedelta(0), True), (-timedelta(days=1), True)],
)
def test_what_somebody_decided_in_between_is_no_trouble(world: World, later: timedelta | None, put_off: bool) -> None:
    ticket, store = has(world), world.bot.context.store
    assert isinstance(store, Meanwhile)
    due_at = None if later is None else world.now + later
    over = replace(ticket, state=S.REMOVED, due_at=due_at)
    store.next = lambda: store.commit(Turn(now=world.now, ticket=over, expected_revision=ticket.revision))
    wake(world.bot.context, world.now)
    assert world.ticket().due_at == (world.now + AGAIN_AFTER if put_off else due_at)
    assert told(world) == (len(world.admins) if put_off else 0)


def test_a_ticket_that_breaks_its_turn_is_put_off_and_the_next_one_follows(world: World) -> None:
    world.bot = replace(world.bot, context=replace(world.bot.context, rules=world.rules))
    has(world, site="north")
    has(world, username="bob", held="an admin said so", end_date=date(2026, 11, 20))
    broken = {"north": ((date(2027, 1, 2), None),)}
    context = replace(world.bot.context, closures=broken)  # type: ignore[arg-type]
    assert wake(context, world.now) == 2
    assert world.ticket(2).due_at != world.now, "its turn has come all the same"


def test_what_the_brake_holds_is_looked_at_again_in_an_hour(world: World) -> None:
    rules = replace(world.rules, lease=replace(world.rules.lease, brake_machines=0, brake_percent=0))
    ticket = has(world, state=S.ARCHIVED, keep_until=world.now, end_date=date(2026, 11, 1))
    proof = Effect(Action.LETTER, "archived", Letter.VM_ARCHIVED, ticket.email, notice=deletes(ticket))
    store = world.bot.context.store
    store.commit(Turn(now=world.now, about_ticket=ticket.id, effects=(proof,)))
    (item,) = store.claim((Action.LETTER,), world.now, 1, 60)
    store.settle([Settled(item, done=True, message_id="<1@x>", proof="250 ok")], world.now - timedelta(days=9))
    assert wake(replace(world.bot.context, rules=rules), world.now) == 1
    assert (world.ticket().state, world.ticket().due_at) == (S.ARCHIVED, world.now + AGAIN_AFTER)
    assert store.overview.queue()[0].letter is Letter.ADMIN_BRAKE
