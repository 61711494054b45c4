"""Rules about a move to another host: for which moment it may be announced, and when it begins, waits, or is announced again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.decide import decide
from mailbot.lifecycle.relocation import MovePlan, PutOff, earliest, next_step
from mailbot.model import (
    CLOCK,
    MACHINE,
    Accepted,
    Action,
    Actor,
    Arrived,
    Letter,
    MoveAsked,
    MoveEnded,
    Notice,
    NoticeOf,
    NoticeStage,
    Refusal,
    Relocated,
    Step,
    Ticket,
)
from mailbot.rules import LeaseRules, Rules
from mailbot.timetable import end_of
from parsers.translatable import say
from tests.lives import BY_ADMIN, DAY, LOGIN, READY_AT, Life
from tests.world import ALICE, BOB

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
END = date(2027, 3, 31)
STOP_AT = end_of(END, "Europe/Paris")
NOTICE = timedelta(days=LeaseRules().notice_days)
AT = datetime(2026, 12, 7, 8, tzinfo=UTC)
"""A Monday, nine in the morning in Paris."""
PLANNED = MovePlan("south", AT, READY_AT)


def machine() -> Ticket:
    return Life(END).ticket


def about(now: datetime, *accepted: Accepted, closed: date | None = None, blind: str = "") -> Circumstances:
    closures = ((closed, closed),) if closed else ()
    return replace(Life(END).about(), now=now, accepted=accepted, closed=closures, blind=blind)


def asked(at: datetime, now: datetime = READY_AT, closed: date | None = None) -> Step | Refusal:
    return decide(machine(), MoveAsked(BY_ADMIN, "south", at), about(now, closed=closed))


@pytest.mark.parametrize(
    ("at", "refused"),
    [
        (READY_AT + NOTICE + 2 * HOUR, ""),
        (READY_AT + NOTICE + 2 * HOUR - SECOND, "days' notice"),
        (STOP_AT - SECOND, ""),
        (STOP_AT, "will be stopped before"),
        (AT, ""),
    ],
)
def test_a_move_has_the_whole_notice_and_is_over_before_the_machine_is_stopped(at: datetime, refused: str) -> None:
    step = asked(at)
    assert isinstance(step, Refusal) is bool(refused)
    assert refused in (step.why if isinstance(step, Refusal) else "")


def test_nothing_moves_on_a_day_on_which_the_service_is_closed() -> None:
    assert isinstance(asked(AT, closed=AT.date()), Refusal)
    assert isinstance(asked(AT, closed=AT.date() - DAY), Step)


def test_the_owner_reads_it_at_once_and_again_on_the_day_before() -> None:
    step = asked(AT)
    assert isinstance(step, Step)
    at_once, again = step.effects
    assert {at_once.letter, again.letter} == {Letter.VM_MOVE}
    assert (at_once.not_before, "reminder" in at_once.facts) == (None, False)
    assert (again.not_before, again.facts["reminder"]) == (AT - DAY - 2 * HOUR, True)


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (AT - 7 * DAY - 2 * HOUR, AT),
        (AT - 7 * DAY - 2 * HOUR + SECOND, AT + DAY),
        (AT - 7 * DAY - 3 * HOUR, AT),
    ],
)
def test_the_earliest_moment_is_nine_in_the_morning_after_the_whole_notice(now: datetime, first: datetime) -> None:
    rules = Rules(lease=LeaseRules(notice_days=7, warn_days=(7, 1)))
    assert earliest(replace(about(now), rules=rules)) == first


def test_the_earliest_moment_is_nine_in_the_morning_of_the_first_day_that_is_open() -> None:
    now = AT - NOTICE - 2 * HOUR
    assert earliest(about(now, closed=AT.date())) == AT + DAY


def told(stage: NoticeStage, accepted_at: datetime, to: str = ALICE.email, at: datetime = AT) -> Accepted:
    notice = Notice(NoticeOf.MOVE, stage, since=READY_AT, at=at)
    return Accepted(Letter.VM_MOVE, f"{stage}:{accepted_at}", to, "<1@x>", accepted_at, "250 Ok", notice=notice)


FIRST = told(NoticeStage.WARNING, AT - NOTICE)
LAST = told(NoticeStage.LAST, AT - DAY)


def begins(*accepted: Accepted, now: datetime = AT) -> bool:
    """Whether it begins; where it does not, it waits: two hours after the moment it would be announced again."""
    step = next_step(machine(), PLANNED, about(now, *accepted))
    assert step in {None, PLANNED}
    return step is PLANNED


def test_it_begins_when_the_first_letter_is_as_old_as_the_notice_and_the_last_a_day() -> None:
    assert begins(FIRST, LAST)
    assert begins(replace(FIRST, to=ALICE.email.upper()), replace(LAST, to=ALICE.email.upper()))
    assert not begins(replace(FIRST, accepted_at=FIRST.accepted_at + SECOND), LAST)
    assert not begins(FIRST, replace(LAST, accepted_at=LAST.accepted_at + SECOND))
    assert begins(FIRST, told(NoticeStage.WARNING, AT - 2 * DAY), LAST)


@pytest.mark.parametrize(
    "accepted",
    [
        (),
        (FIRST,),
        (LAST,),
        (FIRST, told(NoticeStage.LAST, AT - DAY, to=BOB.email)),
        (FIRST, told(NoticeStage.LAST, AT - DAY, at=AT - DAY)),
        (FIRST, replace(LAST, notice=Notice(NoticeOf.STOP, NoticeStage.LAST, at=AT))),
        (FIRST, replace(LAST, bounced_at=AT, bounce_permanent=True)),
    ],
)
def test_without_both_letters_to_its_owner_of_now_about_this_very_move_it_does_not_begin(
    accepted: tuple[Accepted, ...],
) -> None:
    assert not begins(*accepted)


def again(step: PutOff | MovePlan | None, now: datetime) -> str:
    """It is announced again for the earliest moment from now on; gives why."""
    assert isinstance(step, PutOff)
    assert step.at == earliest(about(now))
    return step.why


def test_what_is_not_proven_two_hours_after_the_moment_is_announced_again() -> None:
    assert next_step(machine(), PLANNED, about(AT + 2 * HOUR - SECOND, FIRST)) is None
    now = AT + 2 * HOUR
    assert "not certain that you were told" in again(next_step(machine(), PLANNED, about(now, FIRST)), now)


def test_what_has_not_begun_a_day_after_its_moment_is_announced_again() -> None:
    assert begins(FIRST, LAST, now=AT + DAY - SECOND)
    now = AT + DAY
    assert "could not begin as planned" in again(next_step(machine(), PLANNED, about(now, FIRST, LAST)), now)


@pytest.mark.parametrize(("held", "blind"), [("evidence", ""), ("", "the mailbox was not read")])
def test_a_machine_on_hold_and_a_bot_that_cannot_see_wait_for_a_day_and_announce_it_again(
    held: str, blind: str
) -> None:
    ticket = replace(machine(), held=held)
    assert next_step(ticket, PLANNED, about(AT, FIRST, LAST, blind=blind)) is None
    assert next_step(ticket, PLANNED, about(AT + DAY - SECOND, FIRST, LAST, blind=blind)) is None
    now = AT + DAY
    again(next_step(ticket, PLANNED, about(now, FIRST, LAST, blind=blind)), now)


def test_a_closure_that_was_set_meanwhile_puts_it_off_at_once() -> None:
    step = next_step(machine(), PLANNED, about(AT, FIRST, LAST, closed=AT.date()))
    assert isinstance(step, PutOff)
    assert "could not begin as planned" in step.why


@pytest.mark.parametrize(("off", "how"), [(True, "switched off, as it was"), (False, "it answers at 192.0.2.10")])
def test_the_history_says_whether_a_machine_that_has_moved_runs(off: bool, how: str) -> None:
    step = decide(machine(), Arrived(LOGIN, off=off), about(AT))
    assert isinstance(step, Step)
    assert how in step.summary


@pytest.mark.parametrize(("off", "shared"), [(False, False), (True, False), (False, True)])
def test_the_new_host_is_told_what_was_left_and_how_the_machine_was(off: bool, shared: bool) -> None:
    step = decide(machine(), Relocated("south", off=off, shared=shared), about(AT))
    assert isinstance(step, Step)
    (work,) = step.effects
    flags = {name: True for name, so in (("off", off), ("shared", shared)) if so}
    assert (step.ticket.site, work.action, work.facts) == (
        "south", Action.ARRIVE, {"to": "south", "left": "north", **flags},
    )  # fmt: skip


@pytest.mark.parametrize(("begun", "back_to", "site"), [(False, "", "south"), (True, "north", "north")])
@pytest.mark.parametrize(("by", "admins_read"), [(MACHINE, True), (CLOCK, False), (BY_ADMIN, False)])
def test_a_move_that_ends_starts_what_it_had_stopped_and_admins_read_only_what_a_host_could_not_do(
    begun: bool, back_to: str, site: str, by: Actor, admins_read: bool
) -> None:
    there = replace(machine(), site="south")
    event = MoveEnded("the pool is full", say("It could not be moved."), begun=begun, back_to=back_to, by=by)
    step = decide(there, event, about(AT))
    assert isinstance(step, Step)
    assert step.ticket.site == site
    assert (Action.START in {one.action for one in step.effects}) is begun
    letters = {one.letter for one in step.effects if one.letter}
    assert letters == {Letter.VM_STAYS, *([Letter.ADMIN_MACHINE_TROUBLE] if admins_read else [])}
