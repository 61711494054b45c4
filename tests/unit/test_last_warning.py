"""Rules about the last warning: a machine is stopped only where a server took that one, whatever became of those before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from mailbot.lifecycle.decide import decide
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
from mailbot.timetable import end_of
from tests.lives import DAY, READY_AT, Life

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


@pytest.mark.parametrize(("numbers", "stops"), [((1, 2, 3, 4), True), ((1, 2, 3), False), ((4,), False)])
def test_warnings_of_earlier_programs_count_by_their_number(numbers: tuple[int, ...], stops: bool) -> None:
    life = Life(END)
    for number, days in zip((1, 2, 3, 4), (60, 30, 7, 1), strict=True):
        at = STOP_AT - days * DAY - 2 * HOUR
        notice = Notice(NoticeOf.STOP, NoticeStage.WARNING, since=READY_AT, day=END, number=number)
        if number in numbers:
            life.accepted.append(
                Accepted(Letter.WARNING, f"{number}", life.ticket.email, "<1@x>", at, "250 Ok", notice=notice)
            )
    life.now = STOP_AT
    ticket = replace(life.ticket, stage=4, due_at=STOP_AT)
    step = decide(ticket, TimePassed(), life.about())
    assert isinstance(step, Step)
    assert (Action.STOP in {one.action for one in step.effects}) is stops
