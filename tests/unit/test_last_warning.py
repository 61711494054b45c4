"""Rules about the last warning: a machine is stopped only where a server took that one, whatever became of those before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from mailbot.lifecycle.decide import decide
from mailbot.lifecycle.lease import unsent
from mailbot.model import (
    Accepted,
    Action,
    Letter,
    Notice,
    NoticeOf,
    NoticeStage,
    Step,
    TicketState,
    TimePassed,
)
from mailbot.rules import LeaseRules, Rules
from mailbot.timetable import end_of
from tests.lives import DAY, READY_AT, Life
from tests.world import ALICE

S = TicketState
END = date(2027, 3, 31)
STOP_AT = end_of(END, "Europe/Paris")
HOUR = timedelta(hours=1)


def test_a_warning_that_waited_until_shortly_before_the_last_is_not_the_last() -> None:
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.pass_until(STOP_AT - 8 * DAY)
    life.mail_works = False
    life.pass_until(STOP_AT - DAY - 6 * HOUR)
    life.mail_works = True
    life.post()
    assert len(life.told(Letter.WARNING)) == 3
    life.mail_works = False
    life.pass_until(STOP_AT + HOUR)
    assert life.ticket.state is S.ACTIVE
    assert life.ticket.end_date > END


def test_a_last_warning_stays_the_last_by_a_plan_with_more_of_them_before_it() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 20 * HOUR)
    assert len(life.told(Letter.WARNING)) == 4
    life.replanned, life.rules = True, Rules(lease=LeaseRules(warn_days=(60, 30, 7, 3, 1)))
    life.ticket = replace(life.ticket, due_at=life.now)
    life.pass_until(STOP_AT + HOUR)
    assert (life.ticket.state, life.ticket.end_date) == (S.EXPIRED, END)


@pytest.mark.parametrize(
    ("taken", "stops"),
    [
        ({1: 60, 2: 30, 3: 7, 4: 1}, True),
        ({1: 60, 2: 30, 3: 7}, False),
        ({1: 60, 2: 30, 3: 1.25}, False),
        ({4: 1}, False),
    ],
)
def test_warnings_of_earlier_programs_count_by_their_number(taken: dict[int, float], stops: bool) -> None:
    """`taken`: how many days before the stop a server took which of them."""
    life = Life(END)
    for number, days in taken.items():
        at = STOP_AT - timedelta(days=days) - 2 * HOUR
        notice = Notice(NoticeOf.STOP, NoticeStage.WARNING, since=READY_AT, day=END, number=number)
        life.accepted.append(Accepted(Letter.WARNING, f"{number}", ALICE.email, "<1@x>", at, "250 Ok", notice=notice))
    life.now = STOP_AT
    step = decide(replace(life.ticket, stage=4, due_at=STOP_AT), TimePassed(), life.about())
    assert isinstance(step, Step)
    assert (Action.STOP in {one.action for one in step.effects}) is stops


@pytest.mark.parametrize(("late", "stage"), [(timedelta(0), 1), (timedelta(seconds=1), 2)])
def test_what_a_server_took_within_half_a_day_before_a_warning_stands_for_it(late: timedelta, stage: int) -> None:
    life = Life(END)
    at = STOP_AT - 30 * DAY - 14 * HOUR + late
    notice = Notice(NoticeOf.STOP, NoticeStage.WARNING, since=READY_AT, day=END, number=1)
    life.accepted.append(Accepted(Letter.WARNING, "1", ALICE.email, "<1@x>", at, "250 Ok", notice=notice))
    assert unsent(replace(life.ticket, stage=2), life.about()) == stage
