"""What admins are told of letters that are held, when, and what their word lets go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from mailbot.model import Action, Effect, Letter, OutboxItem, Refusal, Turn
from mailbot.ports import OutboxState
from mailbot.turns import letter_brake
from mailbot.turns.letter_brake import AGAIN_AFTER, LISTED, LetterBrake, current, tell
from tests.lives import Life
from tests.world import ADMINS, World

SECOND = timedelta(seconds=1)
BY = "carol@testbed.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One letter an hour goes to the admins, and the first of this hour has gone; #1 to #60 are tickets."""
    made = World(tmp_path)
    made.rules = replace(made.rules, letters=replace(made.rules.letters, to_admins_per_hour=1))
    made.restart()
    base = Life(date(2027, 3, 31)).ticket
    for number in range(1, 61):
        ticket = replace(base, id=0, revision=0, username=f"user{number}", due_at=None)
        made.bot.context.store.commit(Turn(now=made.now, ticket=ticket))
    writes(made, 1, Letter.ADMIN_DECISION)
    assert not held(made)
    yield made
    made.close()


def writes(world: World, ticket: int, letter: Letter) -> None:
    """One letter to the first admin, which is held where another one went in this hour."""
    effect = Effect(Action.LETTER, f"x:{letter}:{ticket}:{world.now}", letter, ADMINS[0].address, "Carol")
    world.bot.context.store.commit(Turn(now=world.now, about_ticket=ticket, effects=(effect,)))


def held(world: World) -> list[int]:
    return [one.row for one in world.bot.context.store.held_letters(1000)]


def told(world: World) -> OutboxItem:
    """The newest letter to an admin about what is held."""
    store = world.bot.context.store
    rows = [row.id for row in store.overview.queue(limit=500) if row.letter is Letter.ADMIN_LETTERS_HELD]
    item = store.overview.row(max(rows))
    assert item is not None
    return item


def test_where_nothing_is_held_nothing_is_told(world: World) -> None:
    assert tell(world.bot.context) == 0
    assert current(world.bot.context) is None


def test_what_is_held_is_told_to_every_admin_once(world: World) -> None:
    writes(world, 2, Letter.ADMIN_DECISION)
    assert tell(world.bot.context) == len(ADMINS)
    assert tell(world.bot.context) == 0
    world.clock.advance(2 * AGAIN_AFTER)
    assert tell(world.bot.context) == 0, "nothing more is held than what was told"


def test_while_nobody_answers_what_is_held_since_is_told_a_day_later(world: World) -> None:
    writes(world, 2, Letter.ADMIN_DECISION)
    tell(world.bot.context)
    writes(world, 3, Letter.ADMIN_DECISION)
    world.clock.advance(AGAIN_AFTER - SECOND)
    assert tell(world.bot.context) == 0
    world.clock.advance(SECOND)
    assert tell(world.bot.context) == len(ADMINS)
    assert told(world).effect.facts["waiting"] == 2, "also what was told before: it still waits"


def test_after_an_answer_what_is_held_next_is_told_at_once(world: World) -> None:
    writes(world, 2, Letter.ADMIN_DECISION)
    tell(world.bot.context)
    turn = letter_brake.release(world.bot.context, 1, BY)
    assert isinstance(turn, Turn)
    world.bot.context.store.commit(turn)
    assert held(world) == []
    writes(world, 3, Letter.ADMIN_DECISION)
    assert tell(world.bot.context) == len(ADMINS)
    assert told(world).effect.facts["brake"] == 2


def test_what_needs_no_decision_is_dropped_and_counted_and_questions_wait(world: World) -> None:
    for ticket, letter in (
        (2, Letter.ADMIN_DECISION),
        (2, Letter.ADMIN_REMINDER),
        (3, Letter.ADMIN_DECISION),
        (2, Letter.ADMIN_DECIDED),
        (3, Letter.ADMIN_DECIDED),
        (3, Letter.ADMIN_OWNER),
    ):
        writes(world, ticket, letter)
    rows = held(world)
    tell(world.bot.context)
    facts = told(world).effect.facts
    assert (facts["waiting"], [one["number"] for one in facts["questions"]]) == (2, [2, 3])
    dropped = {one["letter"]["say"]: one["number"] for one in facts["dropped"]}
    assert dropped == {"the message about a decision": 2, "the message about the owner's account": 1}
    assert "announced" not in facts
    assert len(held(world)) == 3
    states = [world.bot.context.store.overview.row_state(row) for row in rows]
    assert states.count(OutboxState.HELD) == 3


def test_announcements_and_questions_about_no_ticket_that_a_full_day_holds_are_counted(world: World) -> None:
    world.rules = replace(world.rules, letters=replace(world.rules.letters, total_per_day=1))
    world.restart()
    for number in (2, 3):
        letter = Effect(Action.LETTER, f"a:{number}", Letter.ANNOUNCEMENT, f"user{number}@example.org", "")
        world.bot.context.store.commit(Turn(now=world.now, about_ticket=number, effects=(letter,)))
    about_none = Effect(Action.LETTER, "q:1", Letter.ADMIN_FINDINGS, ADMINS[0].address, "Carol")
    world.bot.context.store.commit(Turn(now=world.now, effects=(about_none,)))
    writes(world, 4, Letter.ADMIN_DECISION)
    assert len(held(world)) == 4
    tell(world.bot.context)
    facts = told(world).effect.facts
    assert (facts["announced"], facts["waiting"], [one["number"] for one in facts["questions"]]) == (2, 2, [4])


def test_of_very_many_questions_fifty_are_named_and_all_are_counted(world: World) -> None:
    for ticket in range(2, LISTED + 5):
        writes(world, ticket, Letter.ADMIN_DECISION)
    tell(world.bot.context)
    facts = told(world).effect.facts
    assert (len(facts["questions"]), facts["waiting"]) == (LISTED, LISTED + 3)


def test_an_admins_word_lets_questions_go_and_counts_for_the_newest_letter_alone(world: World) -> None:
    context = world.bot.context
    assert isinstance(letter_brake.release(context, 1, BY), Refusal), "none was ever pulled"
    writes(world, 2, Letter.ADMIN_DECISION)
    writes(world, 3, Letter.ADMIN_DECIDED)
    question, information = held(world)
    tell(context)
    writes(world, 4, Letter.ADMIN_DECIDED)
    assert isinstance(letter_brake.release(context, 2, BY), Refusal)
    turn = letter_brake.release(context, 1, BY)
    assert isinstance(turn, Turn)
    assert turn.let_go == (question,)
    assert len(turn.drop) == 1
    assert question not in turn.drop
    assert information not in turn.drop, "that was dropped when it was told"
    context.store.commit(turn)
    assert isinstance(letter_brake.release(context, 1, BY), Turn), "the same word again does no harm"
    assert isinstance(letter_brake.release(context, 1, "dave@testbed.example"), Refusal)
    assert current(context) == LetterBrake(1, world.now.isoformat(), information, BY)
