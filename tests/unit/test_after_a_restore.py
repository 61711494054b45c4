"""What becomes of a ticket when a backup was restored: nothing that was announced before counts any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from mailbot.lifecycle.recovery import recovered
from mailbot.model import ExtensionAsked, Letter, Step, TicketState
from mailbot.timetable import end_of
from tests.lives import BY_OWNER, DAY, Life

S = TicketState
END = date(2027, 3, 31)
STOP_AT = end_of(END, "Europe/Paris")
HOUR = timedelta(hours=1)


def at(moment_before_the_stop: timedelta) -> Life:
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.pass_until(STOP_AT - moment_before_the_stop)
    return life


def after(life: Life) -> Step:
    step = recovered(life.ticket, "another nonce", life.about())
    assert (step.ticket.nonce, step.ticket.version) == (
        "another nonce",
        max(life.ticket.version + 1, step.ticket.version),
    )
    return step


def letters(step: Step) -> set[Letter | None]:
    return {one.letter for one in step.effects}


@pytest.mark.parametrize(
    ("left", "moved"), [(40 * DAY, False), (7 * DAY + 2 * HOUR, False), (7 * DAY + HOUR, True), (HOUR, True)]
)
def test_a_lease_begins_again_and_moves_where_less_than_the_notice_is_left(left: timedelta, moved: bool) -> None:
    life = at(left)
    step = after(life)
    assert step.ticket.version == life.ticket.version + 1 + moved
    assert (step.ticket.lease_from, step.ticket.state) == (life.now, S.ACTIVE)
    assert letters(step) == ({Letter.DATE_MOVED} if moved else set())
    if moved:
        assert end_of(step.ticket.end_date, "Europe/Paris") >= life.now + 7 * DAY + 2 * HOUR
    else:
        assert (step.ticket.end_date, step.ticket.stage, step.ticket.due_at) == (END, 0, life.now)


def test_a_stopped_machine_is_announced_again() -> None:
    life = at(-8 * DAY)
    step = after(life)
    assert (step.ticket.ended_at, step.ticket.stage, step.ticket.due_at) == (life.now, 0, life.now)
    assert (step.ticket.version, step.effects) == (life.ticket.version + 1, ())


def test_a_kept_disk_is_kept_for_longer_and_one_that_is_being_deleted_is_not_brought_back() -> None:
    life = at(-20 * DAY)
    step = after(life)
    assert step.ticket.keep_until == life.now + 7 * DAY + 2 * HOUR
    assert letters(step) == {Letter.VM_ARCHIVED}
    assert step.summary.startswith("recovered: the disk is kept until")
    life.ticket = replace(life.ticket, keep_until=None, due_at=None)
    gone = after(life)
    assert (gone.ticket.keep_until, gone.ticket.due_at, gone.effects) == (None, None, ())


def test_an_open_question_is_asked_again_and_moves_nothing_meanwhile() -> None:
    life = at(HOUR)
    life.happens(ExtensionAsked(BY_OWNER, date(2027, 9, 30)))
    step = after(life)
    assert letters(step) == {Letter.ADMIN_DECISION}
    assert (step.ticket.end_date, step.ticket.asked_end_date) == (END, date(2027, 9, 30))
    pending = replace(life.ticket, state=S.PENDING, asked_end_date=None)
    life.ticket = pending
    assert letters(after(life)) == {Letter.ADMIN_DECISION}


@pytest.mark.parametrize("state", [S.APPROVED, S.FAILED, S.RETIRING])
def test_of_anything_else_only_the_letters_of_before_count_no_more(state: TicketState) -> None:
    life = at(40 * DAY)
    life.ticket = replace(life.ticket, state=state, due_at=None)
    step = after(life)
    assert (step.effects, step.ticket.due_at, step.ticket.stage) == ((), None, life.ticket.stage)
    assert step.ticket.version == life.ticket.version + 1
