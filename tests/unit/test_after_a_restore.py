"""What becomes of a ticket when a backup was restored: nothing that was announced before counts any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from mailbot.lifecycle.notice import plan
from mailbot.lifecycle.recovery import adopted, recovered
from mailbot.model import Action, ExtensionAsked, Letter, Step, TicketState
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


@pytest.mark.parametrize(
    ("day", "kept", "put_off"),
    [(20, STOP_AT + 44 * DAY, 0), (37, STOP_AT + 44 * DAY, 0), (42, STOP_AT + 49 * DAY, 5)],
)
def test_a_kept_disk_is_kept_as_long_as_was_said_and_for_the_notice(day: int, kept: datetime, put_off: int) -> None:
    step = after(at(-day * DAY))
    assert step.ticket.keep_until == kept + 2 * HOUR, "another moment, so that no letter of before is notice of it"
    assert step.ticket.delayed_days == put_off


def test_a_kept_disk_is_told_again_and_one_that_is_being_deleted_is_not_brought_back() -> None:
    life = at(-20 * DAY)
    step = after(life)
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


# a machine that was built after the backup


def known_again(end: date, *, state: TicketState = S.PENDING, stage: int = 2) -> tuple[Life, Step]:
    """A request of the backup whose machine runs at a site already: its ticket, as it is adopted now."""
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.ticket = replace(
        life.ticket, state=state, stage=stage, version=7, asked_at=life.now, reminders=2, lease_from=None,
        ended_at=life.now, remove_at=life.now, keep_until=life.now,
    )  # fmt: skip
    return life, adopted(life.ticket, end, life.about())


@pytest.mark.parametrize("state", [S.PENDING, S.APPROVED, S.UNCONFIRMED])
def test_a_machine_that_was_built_since_has_a_lease_of_its_own_from_now_on(state: TicketState) -> None:
    life, step = known_again(END, state=state)
    ticket = step.ticket
    assert (ticket.state, ticket.end_date, ticket.lease_from) == (S.ACTIVE, END, life.now)
    assert (ticket.stage, ticket.ended_at, ticket.remove_at, ticket.keep_until) == (0, None, None, None)
    assert (ticket.asked_at, ticket.reminders) == (None, 0), "the request's own question is answered: it was built"
    assert ticket.due_at == plan(ticket, life.rules).warnings[0]
    assert not step.destructive


def test_letters_of_before_the_backup_answer_nothing_of_it() -> None:
    _life, step = known_again(END)
    assert step.ticket.version == 8
    assert {"admin-decision:", "admin-reminder:", "build:", "warning:", "removal:", "archive:"} <= set(step.cancel)


def test_its_owner_is_told_by_the_worker_of_its_site() -> None:
    _life, step = known_again(END)
    (asked,) = step.effects
    assert (asked.action, asked.letter, asked.to) == (Action.REPORT, Letter.STATUS, step.ticket.email)
    assert asked.key.startswith("report:")
    assert step.summary == "a backup was restored: its machine is at north"


@pytest.mark.parametrize(("left", "moves"), [(7 * DAY + 2 * HOUR, False), (7 * DAY + 2 * HOUR - HOUR / 60, True)])
def test_with_less_than_the_notice_left_its_end_moves_and_nothing_stops(left: timedelta, moves: bool) -> None:
    life = at(left)
    step = adopted(replace(life.ticket, stage=3), END, life.about())
    assert letters(step) == ({Letter.DATE_MOVED} if moves else {Letter.STATUS})
    assert (step.ticket.end_date > END) is moves
    assert plan(step.ticket, life.rules).stop_at >= life.now + 7 * DAY
    assert step.summary.startswith("a backup was restored: its machine is at north; the end date moved") is moves
    assert {"warning:", "admin-decision:", "build:"} <= set(step.cancel)


@pytest.mark.parametrize("days_over", [0, 1, 400])
def test_an_end_that_has_passed_stops_nothing_for_the_whole_notice(days_over: int) -> None:
    life = at(-timedelta(days=days_over))
    step = adopted(life.ticket, END, life.about())
    assert step.ticket.state is S.ACTIVE
    assert plan(step.ticket, life.rules).stop_at >= life.now + 7 * DAY
    assert letters(step) == {Letter.DATE_MOVED}
    assert not step.destructive


@pytest.mark.parametrize(("after_backup", "why"), [(True, "a backup was restored"), (False, "adopted")])
def test_its_owner_and_the_history_read_why_nothing_of_before_counts(after_backup: bool, why: str) -> None:
    for life, letter in ((at(40 * DAY), Letter.STATUS), (at(HOUR), Letter.DATE_MOVED)):
        step = adopted(life.ticket, END, life.about(), after_backup=after_backup)
        (told,) = step.effects
        assert told.letter is letter
        words = str(told.facts)
        assert ("A backup of the service was restored" in words) is after_backup
        assert ("The service had lost track of your machine" in words) is not after_backup
        assert step.summary.startswith(f"{why}: its machine is at north")
