"""Handing letters over, one call of `deliver` at a time: what is sent, put back, tried again, given up, or not true any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from mailbot.errors import LetterRefused, MailServerUnavailable
from mailbot.lifecycle.notice import ends, removes
from mailbot.model import Action, Effect, Letter, NoticeStage, OutboundMail, Ticket, TicketState, Turn
from mailbot.ports import OutboxState
from mailbot.turns.deliver import FIRST_RETRY, LONGEST_RETRY, MOST_ATTEMPTS, SLOW, deliver, is_void
from mailbot.turns.sight import Sense, what_is_blind
from tests.lives import Life
from tests.world import ALICE, World, kind_of, request_words
from tests.writing import read_letter, words_of

S = TicketState
LATER = LetterRefused(451, "4.3.0 come back later")
NEVER = LetterRefused(550, "5.1.1 no such user here")
AWAY = MailServerUnavailable("smtp.example.org does not answer")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def trouble(number: int, to: str = "") -> Effect:
    """A letter about no ticket."""
    facts = {"why": "a reason", "folder": "Quarantine"}
    return Effect(Action.LETTER, f"x:{number}", Letter.ADMIN_MAIL_TROUBLE, to or f"a{number}@x.example", "A", facts)


def put(world: World, *effects: Effect) -> None:
    world.bot.context.store.commit(Turn(now=world.now, effects=effects))


def states(world: World) -> dict[OutboxState, int]:
    return {one.state: one.rows for one in world.bot.context.store.outbox_counts()}


def senses(world: World) -> list[Sense]:
    return [one.sense for one in what_is_blind(world.bot.context.store)]


def test_every_letter_whose_time_has_come_is_handed_over_and_counted(world: World) -> None:
    put(world, *(trouble(number) for number in range(3)))
    assert deliver(world.bot.context, world.postman) == 3
    assert deliver(world.bot.context, world.postman) == 0
    assert (states(world), len(world.letters)) == ({}, 3)


def test_a_letter_refused_for_now_rests_for_twice_as_long_each_time_and_is_given_up_at_last(world: World) -> None:
    world.postman.faults.plan("send", LATER, times=10**6)
    put(world, trouble(1))
    rests = []
    for _ in range(MOST_ATTEMPTS):
        assert deliver(world.bot.context, world.postman) == 0
        again = world.bot.context.store.next_due()
        if again is not None:
            rests.append(again - world.now)
            world.clock.set(again)
    assert rests[:3] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY]
    assert rests[-1] == LONGEST_RETRY
    assert len(rests) == MOST_ATTEMPTS - 1
    assert timedelta(days=5) <= sum(rests, LONGEST_RETRY) < timedelta(days=5) + LONGEST_RETRY
    assert states(world) == {OutboxState.FAILED: 1}


def test_while_no_server_answers_no_attempt_counts_and_none_is_made_for_the_rest(world: World) -> None:
    world.postman.faults.plan("send", AWAY, times=10**6)
    put(world, trouble(1), trouble(2))
    for _ in range(MOST_ATTEMPTS + 2):
        assert deliver(world.bot.context, world.postman) == 0
        assert world.bot.context.store.next_due() == world.now + FIRST_RETRY
        world.clock.advance(FIRST_RETRY)
    assert senses(world) == [Sense.MAIL_SERVER]
    world.postman.faults.planned.clear()
    assert deliver(world.bot.context, world.postman) == 2
    assert senses(world) == []


@pytest.mark.parametrize(("refused", "blind"), [(1, []), (2, [Sense.MAIL_SERVER])])
def test_what_one_address_refuses_is_no_trouble_of_the_server(world: World, refused: int, blind: list[Sense]) -> None:
    world.postman.faults.plan("send", LATER, times=10**6)
    put(world, *(trouble(number) for number in range(refused)))
    deliver(world.bot.context, world.postman)
    assert senses(world) == blind


def test_a_letter_refused_for_good_is_given_up_and_one_to_a_user_is_told_to_admins(world: World) -> None:
    world.postman.faults.plan("send", NEVER, times=1)
    put(world, trouble(1))
    deliver(world.bot.context, world.postman)
    assert (states(world), world.letters) == ({OutboxState.FAILED: 1}, []), "an admin's own is not told to admins"
    world.postman.faults.plan("send", NEVER, times=1)
    stranger = Effect(Action.LETTER, "s:1", Letter.UNKNOWN_SENDER, "mallory@elsewhere.example", "", {"subject": "x"})
    put(world, stranger)
    deliver(world.bot.context, world.postman)
    told = [one for one in world.letters if kind_of(one) is Letter.ADMIN_UNDELIVERED]
    assert {one.envelope_to for one in told} == {admin.address for admin in world.admins}
    assert "mallory@elsewhere.example" in words_of(told[0])


def test_a_slow_server_keeps_a_batch_for_five_minutes_and_no_attempt_of_the_rest_counts(world: World) -> None:
    put(world, *(trouble(number) for number in range(12)))
    real, began = world.postman.send, []

    class Slow:
        def send(self, letter: OutboundMail) -> str:
            began.append(world.now)
            world.clock.advance(SLOW / 3)
            return real(letter)

    assert deliver(world.bot.context, Slow()) == 12
    assert len(began) == 12
    assert len({one.message_id for one in world.letters}) == 12, "none was sent twice"
    rows = [world.bot.context.store.overview.row(number) for number in range(1, 13)]
    assert {row.attempts for row in rows if row} == {1}, "what was put back is handed over for the first time"


def test_nothing_is_sent_any_more_when_the_daemon_ends(world: World) -> None:
    put(world, *(trouble(number) for number in range(3)))
    answers = iter([False, False, True, True, True, True])
    assert deliver(world.bot.context, world.postman, lambda: next(answers)) == 1
    assert (states(world), len(world.letters)) == ({OutboxState.WAITING: 2}, 1)
    assert deliver(world.bot.context, world.postman) == 2


# what is not true any more


def announced(state: TicketState) -> Ticket:
    life = Life(date(2027, 3, 31))
    return replace(life.ticket, state=state, ended_at=life.now, remove_at=life.now + timedelta(days=14))


@pytest.mark.parametrize("state", list(TicketState))
def test_a_warning_is_true_for_the_end_that_it_names_of_a_machine_that_runs(state: TicketState) -> None:
    ticket = announced(state)
    notice = ends(ticket, NoticeStage.WARNING, 1)
    assert is_void(notice, ticket) is (state is not S.ACTIVE)
    assert is_void(notice, replace(ticket, end_date=date(2027, 4, 1)))
    assert not is_void(None, ticket)
    assert not is_void(notice, None)


@pytest.mark.parametrize("state", list(TicketState))
def test_a_letter_about_the_removal_is_true_for_the_stop_that_it_follows(state: TicketState) -> None:
    ticket = announced(state)
    notice = removes(ticket, NoticeStage.LAST)
    assert is_void(notice, ticket) is (state is not S.EXPIRED)
    assert is_void(notice, replace(ticket, ended_at=None))


@pytest.mark.parametrize(("waited", "left"), [(0, 7), (0.4, 7), (1, 6), (6, 1), (7, 0), (30, 0)])
def test_a_warning_that_waited_says_the_days_that_are_left_now(world: World, waited: float, left: int) -> None:
    world.writes(ALICE.email, request_words())
    life = Life(date(2027, 3, 31))
    life.pass_until(life.now + timedelta(days=120))
    warning = life.last(Letter.WARNING)
    facts = {**warning.facts, "days_left": 7}
    world.bot.context.store.commit(
        Turn(now=world.now, about_ticket=1, effects=(replace(warning, facts=facts, notice=None),))
    )
    world.clock.advance(timedelta(days=waited))
    deliver(world.bot.context, world.postman)
    letter = world.last(Letter.WARNING)
    assert f"({left} day" in str(read_letter(letter)["Subject"])
