"""The brake: too many at once wait for an admin, and an admin's word lets exactly those go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from mailbot import operator
from mailbot.model import Letter, Person, Refusal, Ticket, TicketState, Turn
from mailbot.rules import LeaseRules, Rules
from mailbot.turns import brake
from mailbot.turns.wake import wake
from tests.world import CAROL, PEOPLE, World, key_of, request_words
from tests.writing import mail, words_of

S = TicketState
DAY = timedelta(days=1)
CROWD = tuple(Person(f"user{n}", f"User {n}", f"user{n}@example.org", ssh_keys=(key_of(f"user{n}"),)) for n in range(6))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Six machines that end on the same day, of which one is due; at most two may go at once."""
    rules = Rules(lease=LeaseRules(brake_machines=2, brake_percent=10, warn_days=(30, 1)))
    world = World(tmp_path, rules=rules, people=(*PEOPLE, *CROWD))
    for number, person in enumerate(CROWD, start=1):
        words = request_words(person.login, until="2027-03-31")
        world.inbox.deliver(mail(person.email, "Persistent Virtual Machine Creation", words, world.now))
        world.once()
        operator.approve(world.bot.context, number, CAROL.login)
        world.once()
        world.later(minutes=1)
    for due in ("2027-03-01T21:00", "2027-03-30T21:00"):
        world.clock.set(world.now.fromisoformat(f"{due}+00:00"))
        world.once()
    assert {ticket.state for ticket in tickets(world)} == {S.ACTIVE}
    yield world
    world.close()


def tickets(world: World) -> list[Ticket]:
    return [world.ticket(number) for number in range(1, len(CROWD) + 1)]


def states(world: World) -> list[TicketState]:
    return [ticket.state for ticket in tickets(world)]


def braked_letters(world: World) -> int:
    return sum(1 for one in world.letters if b"X-Mailbot-Letter: admin-brake" in one.data)


def to_the_end(world: World) -> None:
    world.clock.set(world.now.fromisoformat("2027-03-31T22:01+00:00"))


def test_too_many_at_once_wait_and_every_admin_is_asked_once(world: World) -> None:
    to_the_end(world)
    world.once()
    world.later(hours=1, minutes=1)
    world.later(hours=1, minutes=1)
    assert states(world) == [S.ACTIVE] * 6
    assert braked_letters(world) == 2, "one to each admin"
    words = words_of(world.last(Letter.ADMIN_BRAKE))
    assert all(f"user{number}" in words for number in range(6))
    assert all(ticket.due_at is not None for ticket in tickets(world))


def test_proceed_lets_them_go(world: World) -> None:
    to_the_end(world)
    world.once()
    world.answers(world.last(Letter.ADMIN_BRAKE, CAROL.address), "proceed")
    assert states(world) == [S.EXPIRED] * 6
    again = brake.release(world.bot.context, 1, CAROL.address)
    assert isinstance(again, Turn), "a crash may have it said twice"
    other = brake.release(world.bot.context, 1, "dave@testbed.example")
    assert isinstance(other, Refusal)
    assert "already" in other.why


def test_any_other_word_leaves_it_pulled(world: World) -> None:
    to_the_end(world)
    world.once()
    world.answers(world.last(Letter.ADMIN_BRAKE, CAROL.address), "what is this about?")
    world.later(hours=2)
    assert states(world) == [S.ACTIVE] * 6
    answer = world.last(Letter.ADMIN_BRAKE_STAYS, CAROL.address)
    assert "what is this about?" in words_of(answer)
    assert "«proceed»" in words_of(answer)
    world.answers(answer, "proceed")
    assert states(world) == [S.EXPIRED] * 6


def test_the_same_words_are_answered_once(world: World) -> None:
    to_the_end(world)
    world.once()
    for _ in range(3):
        world.answers(world.last(Letter.ADMIN_BRAKE, CAROL.address), "what is this about?")
    assert sum(1 for one in world.letters if b"X-Mailbot-Letter: admin-brake-stays" in one.data) == 1


def test_an_owner_cannot_let_go(world: World) -> None:
    to_the_end(world)
    world.once()
    world.answers(world.last(Letter.ADMIN_BRAKE, CAROL.address), "proceed", sender="user1@example.org")
    assert states(world) == [S.ACTIVE] * 6


def test_as_many_as_are_allowed_go_without_a_word(world: World) -> None:
    for number in range(1, 5):
        operator.hold(world.bot.context, number, CAROL.login, "a demonstration")
    to_the_end(world)
    world.once()
    assert states(world) == [S.ACTIVE] * 4 + [S.EXPIRED] * 2
    assert braked_letters(world) == 0


def test_a_ticket_that_cannot_be_looked_at_counts_for_nothing(world: World) -> None:
    to_the_end(world)
    broken = replace(world.ticket(3), end_date=date.max)  # no day comes after it
    due = [world.ticket(1), world.ticket(2), broken]
    assert brake.braked(world.bot.context, due, world.now) == frozenset()
    assert brake.braked(world.bot.context, [*due, world.ticket(4)], world.now) == {1, 2, 4}


def test_one_more_waits_with_those_that_are_held_without_another_letter(world: World) -> None:
    operator.hold(world.bot.context, 1, CAROL.login, "a demonstration")
    to_the_end(world)
    world.once()
    late = world.ticket(1)
    world.bot.context.store.commit(_turn(world, replace(late, held="", due_at=world.now)))
    world.once()
    assert states(world) == [S.ACTIVE] * 6
    assert braked_letters(world) == 2


def test_what_was_let_go_is_the_stop_and_not_the_removal(world: World) -> None:
    to_the_end(world)
    world.once()
    world.answers(world.last(Letter.ADMIN_BRAKE, CAROL.address), "proceed")
    for days in (7, 5, 4):
        world.later(days=days)
    assert states(world) == [S.EXPIRED] * 6
    assert braked_letters(world) == 4
    world.answers(world.last(Letter.ADMIN_BRAKE, CAROL.address), "proceed")
    world.later(minutes=1)
    assert states(world) == [S.ARCHIVED] * 6


def test_an_old_letter_lets_nothing_go(world: World) -> None:
    to_the_end(world)
    world.once()
    old = world.last(Letter.ADMIN_BRAKE, CAROL.address)
    world.answers(old, "proceed")
    for days in (7, 5, 4):
        world.later(days=days)
    world.answers(old, "proceed")
    world.later(hours=2)
    assert states(world) == [S.EXPIRED] * 6


def test_killed_between_letter_and_note_it_holds_all_the_same(world: World) -> None:
    to_the_end(world)
    world.once()
    world.bot.context.store.put_note(brake.NOTE, None)
    world.restart()
    world.later(hours=1, minutes=1)
    assert states(world) == [S.ACTIVE] * 6
    assert braked_letters(world) == 2, "the same letters, because they hold the same machines"
    assert brake.current(world.bot.context) is not None


def test_two_daemons_at_once_pull_one_brake(world: World) -> None:
    to_the_end(world)
    other = world.build()
    due = world.bot.context.store.due(world.now, 100)
    assert brake.braked(world.bot.context, due, world.now) == brake.braked(other.context, due, world.now)
    assert wake(other.context) == 6
    world.once()
    other.close()
    assert braked_letters(world) == 2
    assert states(world) == [S.ACTIVE] * 6


def test_a_released_brake_wakes_only_what_still_wants_to_be_woken(world: World) -> None:
    to_the_end(world)
    world.once()
    gone = world.ticket(1)
    world.bot.context.store.commit(_turn(world, replace(gone, state=S.REMOVED, version=gone.version + 1, due_at=None)))
    released = brake.release(world.bot.context, 1, CAROL.address)
    assert isinstance(released, Turn)
    world.bot.context.store.commit(released)
    assert world.ticket(1).due_at is None
    world.once()
    assert states(world) == [S.REMOVED, *[S.EXPIRED] * 5]


def test_the_note_can_be_read_by_people(world: World) -> None:
    to_the_end(world)
    world.once()
    note = json.loads(world.bot.context.store.note(brake.NOTE) or "")
    assert sorted(note) == ["number", "released_by", "tickets"]
    assert len(note["tickets"]) == 6


def _turn(world: World, ticket: Ticket) -> Turn:
    return Turn(now=world.now, ticket=ticket, expected_revision=ticket.revision)
