"""By how long an end is put off: admins are asked after so many days, and a question stops the clock once in a lease."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest

from mailbot.lifecycle.delay import ASKED_AGAIN, delayed
from mailbot.lifecycle.request import lapses_unanswered
from mailbot.model import (
    Action,
    Approved,
    Denied,
    Effect,
    EndDateSet,
    ExtensionAsked,
    Freeze,
    Held,
    Letter,
    Proceeded,
    Refusal,
    ReleaseAsked,
    Released,
    Returned,
    Step,
    TicketState,
    TimePassed,
    Withdrawn,
)
from mailbot.rules import LeaseRules, Rules
from mailbot.timetable import end_of
from tests.lives import BY_ADMIN, BY_OWNER, DAY, NOTICE, READY_AT, Life
from tests.world import ADMINS, CAROL

S = TicketState
END = date(2027, 3, 31)
STOP_AT = end_of(END, "Europe/Paris")
WISH = date(2027, 9, 30)
RULES = Rules(lease=LeaseRules(max_delay_days=20))
BACK = "5.1.1 no such user"


def unreachable(rules: Rules = RULES) -> Life:
    """A life in which no letter to the owner is ever taken."""
    life = Life(END, rules)
    life.mail_works = False
    return life


def questions(life: Life) -> list[Effect]:
    return [one for one in life.waiting if one.letter is Letter.ADMIN_UNPROVEN and one.to == CAROL.address]


def asked(life: Life) -> Effect:
    return questions(life)[-1]


def test_begun_days_count_and_time_that_is_over_does_not() -> None:
    ticket = replace(Life(END).ticket, delayed_days=3)
    for before, after, now, days in (
        (0, 7, 0, 10),
        (0, 6.01, 0, 10),
        (0, 7, 5, 5),  # it could not have happened before now
        (2, 1, 0, 3),  # never less than it was
        (0, 0, 0, 3),
    ):
        moments = (READY_AT + timedelta(days=number) for number in (before, after, now))
        assert delayed(ticket, *moments) == days


def test_admins_are_asked_when_an_end_was_put_off_for_too_long_and_not_before() -> None:
    life = unreachable()
    while life.ticket.delayed_days <= RULES.lease.max_delay_days:
        assert not questions(life)
        life.pass_until(life.now + DAY)
    assert life.ticket.delayed_days <= RULES.lease.max_delay_days + ASKED_AGAIN.days + 1
    assert asked(life).facts == {
        "state": "active", "days": life.ticket.delayed_days, "address": life.ticket.email, "end_date": life.ticket.end_date.isoformat(),
    }  # fmt: skip


def test_without_an_answer_nothing_ends_and_admins_are_asked_each_time_it_moves() -> None:
    life = unreachable()
    life.pass_until(STOP_AT + 50 * DAY)
    assert life.ticket.state is S.ACTIVE
    moves = [what for _, what in life.steps if "end date moved" in what]
    assert len(questions(life)) == len(moves) - 2


def test_each_step_of_an_unreachable_owner_waits_for_a_word_of_its_own() -> None:
    life = unreachable()
    life.pass_until(STOP_AT + 15 * DAY)
    for state, after, what in (
        (S.ACTIVE, S.EXPIRED, {Action.STOP}),
        (S.EXPIRED, S.ARCHIVED, {Action.RETIRE}),
        (S.ARCHIVED, S.REMOVED, {Action.DELETE_DISK}),
    ):
        assert life.ticket.state is state
        step = life.happens(Proceeded(BY_ADMIN))
        assert isinstance(step, Step)
        assert {one.action for one in step.effects} - {Action.LETTER} == what
        assert not step.destructive, "the brake is for what the clock does"
        assert life.ticket.state is after
        before = len(questions(life))
        if after is not S.REMOVED:
            life.pass_until(life.now + 60 * DAY)
            assert life.ticket.state is after, "one word lets one step happen"
            assert len(questions(life)) > before


def test_the_word_means_nothing_while_notice_can_still_be_given() -> None:
    life = unreachable()
    life.pass_until(STOP_AT + 8 * DAY)
    assert isinstance(life.happens(Proceeded(BY_ADMIN)), Refusal)
    assert life.ticket.state is S.ACTIVE


def test_what_is_held_does_not_end_by_the_word() -> None:
    life = unreachable()
    life.pass_until(STOP_AT + 15 * DAY)
    life.happens(Held("a demonstration", BY_ADMIN))
    refused = life.happens(Proceeded(BY_ADMIN))
    assert isinstance(refused, Refusal)
    assert "a demonstration" in refused.why


def test_a_disk_that_is_being_deleted_is_not_deleted_twice() -> None:
    life = unreachable()
    life.pass_until(STOP_AT + 15 * DAY)
    gone = replace(life.ticket, state=S.ARCHIVED, keep_until=None)
    life.ticket = gone
    assert isinstance(life.happens(Proceeded(BY_ADMIN)), Refusal)


def test_a_new_agreement_counts_from_nothing() -> None:
    life = unreachable()
    life.pass_until(STOP_AT + 15 * DAY)
    assert life.ticket.delayed_days > 20
    life.happens(EndDateSet(BY_ADMIN, WISH))
    assert (life.ticket.delayed_days, life.ticket.froze, life.ticket.end_date) == (0, Freeze.UNUSED, WISH)


def test_letters_that_are_made_to_come_back_keep_no_machine() -> None:
    """Each warning comes back, as by an owner who would like to stay: admins are asked within the cap and a notice."""
    life, lease = Life(END, RULES), RULES.lease
    for _ in range(60):
        life.pass_until(life.now + 5 * DAY)
        if any(one.letter in {kind.value for kind in NOTICE} and not one.bounced_at for one in life.accepted):
            life.comes_back()
        if life.told(Letter.ADMIN_UNPROVEN):
            break
    asked_at = life.told(Letter.ADMIN_UNPROVEN)[0]
    assert asked_at <= STOP_AT + (lease.max_delay_days + lease.notice_days + 1) * DAY
    life.happens(Proceeded(BY_ADMIN))
    assert life.ticket.state is S.EXPIRED


def test_letters_that_come_back_without_end_are_a_question_a_month_to_each_admin() -> None:
    """The first warning has arrived, and every later letter comes back the day it is sent: a day would be enough, for ever."""
    life = Life(END)
    life.pass_until(STOP_AT - 59 * DAY)
    first = life.accepted[-1]
    assert first.letter == Letter.WARNING
    while life.now < STOP_AT + 400 * DAY:
        life.pass_until(life.now + DAY)
        for one in [one for one in life.accepted if one.letter in NOTICE and one != first and not one.bounced_at]:
            life.comes_back(letter=one)
    assert life.ticket.state is S.ACTIVE
    to_carol = [(at, one.letter) for at, one in life.letters if one.to == CAROL.address]
    asked_at = [at for at, letter in to_carol if letter is Letter.ADMIN_UNPROVEN]
    assert all(later - earlier >= ASKED_AGAIN - DAY for earlier, later in pairwise(asked_at))
    assert len(asked_at) > 10
    came_back = [at for at, letter in to_carol if letter is Letter.ADMIN_NOTICE_BOUNCED]
    assert len({at.date().replace(day=1) for at in came_back if at < asked_at[0]}) >= len(came_back) - 1, "one a month"
    assert sum(at > asked_at[0] for at in came_back) <= 1, "the question says it"


def test_admins_hear_of_each_address_from_which_letters_come_back() -> None:
    life = unreachable()
    life.mail_works = True
    life.pass_until(STOP_AT - 20 * DAY)
    for address in (life.ticket.email, "a.martin@lab.example.org", life.ticket.email):
        life.happens(Returned(address, True, BACK, Letter.WARNING))
    told = [one.facts["address"] for _, one in life.letters if one.letter is Letter.ADMIN_NOTICE_BOUNCED]
    assert told == [life.ticket.email] * len(ADMINS) + ["a.martin@lab.example.org"] * len(ADMINS)


def test_who_can_be_written_to_again_is_stopped_at_the_end_that_was_announced() -> None:
    life = unreachable()
    while not questions(life):
        life.pass_until(life.now + DAY)
    life.mail_works = True
    life.post()
    end = life.ticket.end_date
    life.pass_until(end_of(end, "Europe/Paris") + DAY)
    assert (life.ticket.state, life.ticket.end_date) == (S.EXPIRED, end)


@pytest.mark.parametrize("state", [S.EXPIRED, S.ARCHIVED])
def test_removal_and_deletion_wait_a_month_for_a_word_too(state: TicketState) -> None:
    life = unreachable()
    life.pass_until(STOP_AT + 15 * DAY)
    while life.ticket.state is not state:
        life.happens(Proceeded(BY_ADMIN))
    before = len(questions(life))
    life.pass_until(life.now + 200 * DAY)
    assert life.ticket.state is state
    assert 3 <= len(questions(life)) - before <= 7


# a question stops the clock once


def days_before(days: int) -> Life:
    life = Life(END)
    life.pass_until(STOP_AT - days * DAY)
    return life


def test_the_first_question_stops_the_clock_and_the_next_one_does_not() -> None:
    life = days_before(3)
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    assert life.ticket.frozen
    life.pass_until(STOP_AT + 3 * DAY)
    life.happens(Denied(BY_ADMIN, "no room"))
    end = life.ticket.end_date
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    assert (life.ticket.frozen, life.ticket.asked_end_date) == (False, WISH)
    life.pass_until(end_of(end, "Europe/Paris") + DAY)
    assert (life.ticket.state, life.ticket.end_date) == (S.EXPIRED, end)


@pytest.mark.parametrize(
    "ends", [Denied(BY_ADMIN, "no room"), Withdrawn(BY_OWNER), None], ids=["denied", "withdrawn", "lapsed"]
)
def test_who_asks_again_and_again_has_the_machine_no_longer(ends: Denied | Withdrawn | None) -> None:
    life, lease = days_before(2), Rules().lease
    while life.ticket.state is S.ACTIVE:
        if life.ticket.asked_end_date is None:
            life.happens(ExtensionAsked(BY_OWNER, WISH))
        life.pass_until(life.now + DAY)
        if ends is not None and life.ticket.asked_end_date is not None:
            life.happens(ends)
        assert life.now < STOP_AT + (lease.lapse_days + lease.notice_days + 2) * DAY, "the clock stopped again"
    assert life.ticket.delayed_days <= lease.lapse_days + lease.notice_days


def test_a_question_that_does_not_stop_the_clock_is_still_answered_and_nudged() -> None:
    life = days_before(30)
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    life.happens(Withdrawn(BY_OWNER))
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    life.pass_until(life.now + 6 * DAY)
    assert len(life.told(Letter.ADMIN_REMINDER)) == 4, "two to each of two admins"
    assert isinstance(life.happens(Approved(BY_ADMIN)), Step)
    assert (life.ticket.end_date, life.ticket.froze) == (WISH, Freeze.UNUSED)


def test_a_question_that_nobody_answers_lapses_beside_the_lease() -> None:
    life = days_before(40)
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    life.happens(Withdrawn(BY_OWNER))
    end = life.ticket.end_date
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    life.pass_until(life.now + 15 * DAY)
    assert life.ticket.asked_end_date is None
    assert life.told(Letter.EXTENSION_LAPSED)
    assert (life.ticket.end_date, life.ticket.state) == (end, S.ACTIVE)


def test_admins_get_the_question_again_when_what_they_decide_about_has_changed() -> None:
    life = days_before(2)
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    life.happens(Withdrawn(BY_OWNER))
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    before = len(life.told(Letter.ADMIN_DECISION))
    life.pass_until(end_of(life.ticket.end_date, "Europe/Paris") + timedelta(hours=6))
    assert life.ticket.state is S.EXPIRED
    assert len(life.told(Letter.ADMIN_DECISION)) == before + 2
    life.happens(Approved(BY_ADMIN))
    assert life.ticket.state is S.ACTIVE


def test_a_question_ends_with_the_machine() -> None:
    life = days_before(2)
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    life.happens(Withdrawn(BY_OWNER))
    life.pass_until(end_of(life.ticket.end_date, "Europe/Paris") + 10 * DAY)
    assert life.ticket.state is S.EXPIRED
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    life.pass_until(life.now + 10 * DAY)
    assert life.ticket.state is S.ARCHIVED
    assert life.ticket.asked_end_date is None
    assert life.told(Letter.ADMIN_LAPSED)


def test_an_address_that_comes_back_is_announced_to_again_while_a_question_waits_beside_the_lease() -> None:
    life = days_before(20)
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    life.happens(Withdrawn(BY_OWNER))
    life.pass_until(life.now + DAY)
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    stage = life.ticket.stage
    life.happens(Returned(life.ticket.email, True, BACK, Letter.WARNING, other="a.martin@lab.example.org"))
    assert (life.ticket.stage, life.ticket.due_at) == (stage - 1, life.now)


def test_a_release_and_a_return_give_no_second_stop_of_the_clock() -> None:
    life = days_before(20)
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    life.happens(ReleaseAsked(BY_OWNER))
    life.happens(Released(BY_OWNER))
    assert life.ticket.froze is not Freeze.UNUSED


def test_while_the_bot_is_blind_a_question_does_not_lapse_beside_the_lease() -> None:
    life = days_before(40)
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    life.happens(Withdrawn(BY_OWNER))
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    life.pass_until(life.now + 13 * DAY)
    life.now += 2 * DAY
    step = life.happens(TimePassed(blind="the mailbox"))
    assert isinstance(step, Step)
    assert step.ticket.asked_end_date == WISH


def test_a_question_for_more_time_does_not_hide_that_notice_is_not_proven() -> None:
    life = unreachable()
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    life.happens(Withdrawn(BY_OWNER))
    while life.ticket.delayed_days <= RULES.lease.max_delay_days:
        if life.ticket.asked_end_date is None:
            life.happens(ExtensionAsked(BY_OWNER, WISH))
        life.pass_until(life.now + DAY)
    assert life.ticket.asked_end_date == WISH
    assert questions(life)
    assert isinstance(life.happens(Proceeded(BY_ADMIN)), Step)


def test_a_word_that_lets_the_end_come_sends_an_open_question_for_more_time_again_as_it_is_now() -> None:
    life = beside_an_unproven_end()
    old, asked = life.ticket.version, len(decisions(life))
    assert isinstance(life.happens(Proceeded(BY_ADMIN)), Step)
    assert (life.ticket.state, life.ticket.asked_end_date) == (S.EXPIRED, WISH)
    assert life.ticket.version > old, "an answer to the first letter would be refused"
    assert len(decisions(life)) == asked + len(ADMINS)
    assert life.ticket.due_at is not None
    assert life.ticket.due_at <= lapses_unanswered(life.ticket, RULES.lease), "it is nudged, too"
    life.happens(Approved(BY_ADMIN))
    assert (life.ticket.state, life.ticket.end_date) == (S.ACTIVE, WISH)


def test_a_word_that_removes_the_machine_tells_every_admin_that_its_open_question_is_over() -> None:
    life = beside_an_unproven_end()
    life.happens(Proceeded(BY_ADMIN))
    life.happens(Proceeded(BY_ADMIN))
    assert (life.ticket.state, life.ticket.asked_end_date) == (S.ARCHIVED, None)
    closed = [one.to for one in life.waiting if one.letter is Letter.ADMIN_LAPSED]
    assert closed == [admin.address for admin in ADMINS]


def beside_an_unproven_end() -> Life:
    """An owner whom no letter reaches asks for more time, a second time: admins have two questions before them."""
    life = unreachable()
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    life.happens(Withdrawn(BY_OWNER))
    while not questions(life):
        life.pass_until(life.now + DAY)
    life.happens(ExtensionAsked(BY_OWNER, WISH))
    assert not life.ticket.frozen
    return life


def decisions(life: Life) -> list[Effect]:
    return [one for one in life.waiting if one.letter is Letter.ADMIN_DECISION]
