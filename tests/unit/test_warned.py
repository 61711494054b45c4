"""Rules about warnings whose plan is another one by now: which of it count as written, and what a letter says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.decide import decide
from mailbot.lifecycle.notice import ends
from mailbot.lifecycle.warned import counted
from mailbot.model import Accepted, ExtensionAsked, Letter, NoticeStage, Step, Ticket, TicketState
from mailbot.rules import LeaseRules, Rules
from mailbot.timetable import end_of
from parsers.translatable import from_data
from tests.lives import BY_OWNER, DAY, Life

S = TicketState
END = date(2027, 3, 31)
STOP_AT = end_of(END, "Europe/Paris")
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
BEFORE, NOW = (60, 30, 7, 1), (60, 30, 29, 7, 1)


def planned(days: int) -> datetime:
    """When the warning is planned that is written so many days before the end."""
    return STOP_AT - days * DAY - 2 * HOUR


def machine(**changes: Any) -> Ticket:
    return replace(Life(END).ticket, **{"warned_by": BEFORE, **changes})


def about(ticket: Ticket, now: datetime, *taken: tuple[NoticeStage, datetime]) -> Circumstances:
    """Another plan is in force; these letters about the end were taken."""
    accepted = tuple(
        Accepted(Letter.WARNING, str(at), ticket.email, "<1@x>", at, "250 Ok", notice=ends(ticket, stage))
        for stage, at in taken
    )
    lease = Life(END).about()
    return replace(lease, now=now, rules=Rules(lease=LeaseRules(warn_days=NOW)), accepted=accepted)


@pytest.mark.parametrize(
    ("stage", "taken_at", "count"),
    [
        (NoticeStage.WARNING, planned(30) - 12 * HOUR, 1),
        (NoticeStage.WARNING, planned(30) - 12 * HOUR + SECOND, 2),
        (NoticeStage.MOVED, planned(30) - DAY, 1),
        (NoticeStage.MOVED, planned(30) - DAY + SECOND, 2),
    ],
)
def test_a_warning_covers_those_within_half_a_day_and_a_moved_end_those_within_a_day(
    stage: NoticeStage, taken_at: datetime, count: int
) -> None:
    ticket = machine()
    found = counted(ticket, about(ticket, planned(29) - HOUR, (stage, taken_at)))
    assert (found.stage, found.warned_by) == (count, NOW)


@pytest.mark.parametrize(("written", "count"), [(0, 0), (1, 1), (2, 2), (3, 4)])
def test_warnings_that_are_written_and_wait_for_a_mail_server_count_as_written(written: int, count: int) -> None:
    ticket = machine(stage=written)
    assert counted(ticket, about(ticket, planned(7) + HOUR)).stage == count


def test_what_is_counted_by_the_plan_in_force_or_of_an_earlier_program_stays_as_it_is() -> None:
    ticket = machine(warned_by=NOW, stage=1)
    taken = (NoticeStage.WARNING, planned(7))
    assert counted(ticket, about(ticket, planned(7) + HOUR, taken)) is ticket
    unknown = machine(warned_by=None, stage=1)
    assert counted(unknown, about(unknown, planned(7) + HOUR, taken)) == replace(unknown, warned_by=NOW)


def test_announcements_of_a_removal_are_not_counted_by_a_plan_of_warnings() -> None:
    stopped = machine(state=S.EXPIRED, ended_at=STOP_AT, remove_at=STOP_AT + 14 * DAY, stage=1)
    step = decide(stopped, ExtensionAsked(BY_OWNER, date(2027, 9, 30)), about(stopped, STOP_AT + 8 * DAY))
    assert isinstance(step, Step)
    assert (step.ticket.stage, step.ticket.warned_by) == (0, BEFORE), "the one that no server has taken is cancelled"


@pytest.mark.parametrize(
    ("plan", "late", "why"),
    [
        ((60, 30, 7, 1), 0, "The service warns earlier than before"),
        ((1,), 20, "The warning could not be sent in time"),
    ],
)
def test_a_letter_about_an_end_that_moves_says_whether_a_fault_or_another_plan_is_why(
    plan: tuple[int, ...], late: int, why: str
) -> None:
    """A day before the end the site wants four warnings and a week's notice, or the bot comes back from a long absence."""
    life = Life(END, Rules(lease=LeaseRules(warn_days=(1,), notice_days=1)))
    life.pass_until(STOP_AT - 2 * DAY)
    life.pass_until(life.now + late * DAY, awake=False)
    life.rules = Rules(lease=LeaseRules(warn_days=plan, notice_days=min(7, plan[0])))
    life.ticket = replace(life.ticket, due_at=life.now)
    life.pass_until(life.now + HOUR)
    assert why in from_data(life.last(Letter.DATE_MOVED).facts["why"])


def test_a_warning_that_another_plan_makes_overdue_does_not_excuse_itself() -> None:
    life = Life(END, Rules(lease=LeaseRules(warn_days=(7, 1))))
    life.pass_until(STOP_AT - 40 * DAY)
    life.replanned, life.rules = True, Rules()
    life.ticket = replace(life.ticket, due_at=life.now)
    life.pass_until(life.now + HOUR)
    facts = life.last(Letter.WARNING).facts
    assert (facts["days_left"], "late" in facts) == (40, False)
