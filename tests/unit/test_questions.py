"""Rules about a question for more time or a machine's return: what is told beside it, until when it waits, and what an end of it leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from mailbot.lifecycle.decide import decide
from mailbot.lifecycle.request import lapses, question
from mailbot.model import (
    Denied,
    Event,
    ExtensionAsked,
    Freeze,
    Letter,
    Refusal,
    ReleaseAsked,
    Released,
    Restored,
    Step,
    Ticket,
    TicketState,
    Withdrawn,
)
from mailbot.rules import LeaseRules
from mailbot.timetable import end_of
from tests.lives import BY_ADMIN, BY_OWNER, DAY, READY_AT, Life

S = TicketState
END = date(2027, 3, 31)
SOON = (READY_AT + 5 * DAY).date()
STOP_AT = end_of(END, "Europe/Paris")
WISH = date(2027, 9, 30)
HOUR = timedelta(hours=1)
LEASE = LeaseRules()


def done(life: Life, event: Event) -> Step:
    step = life.happens(event)
    assert isinstance(step, Step), step
    return step


def refused_once(life: Life) -> None:
    """Whoever asks again stops the clock no more."""
    done(life, ExtensionAsked(BY_OWNER, WISH))
    done(life, Denied(BY_ADMIN, "no room"))


def removed(end: date = END, *, days: int) -> Life:
    """A machine that its owner gave back, so many days ago."""
    life = Life(end)
    done(life, ReleaseAsked(BY_OWNER))
    done(life, Released(BY_OWNER))
    life.pass_until(life.now + days * DAY)
    return life


def checks(ticket: Ticket) -> str:
    return " ".join(question(ticket, replace(Life(END).about(), now=READY_AT))["checks"])


def test_admins_read_beside_a_question_that_stops_no_clock_what_goes_on_meanwhile_and_beside_no_other() -> None:
    ticket = replace(Life(END).ticket, asked_at=READY_AT)
    assert "requested before" not in checks(replace(ticket, state=S.PENDING))
    assert "requested before" not in checks(replace(ticket, asked_end_date=WISH, froze=Freeze.ONCE))
    further = replace(ticket, asked_end_date=WISH, froze=Freeze.SPENT)
    assert "the last day does not move" in checks(further)
    assert "the disk is not kept longer" in checks(replace(further, state=S.ARCHIVED))


@pytest.mark.parametrize(
    ("froze", "held", "lapses_at"),
    [
        (Freeze.SPENT, "", READY_AT + 3 * DAY),
        (Freeze.ONCE, "", READY_AT + LEASE.lapse_days * DAY),
        (Freeze.SPENT, "evidence", READY_AT + LEASE.lapse_days * DAY),
    ],
)
def test_a_question_waits_until_what_it_is_about_goes_unless_the_clock_stands_still(
    froze: Freeze, held: str, lapses_at: datetime
) -> None:
    ticket = replace(
        Life(END).ticket, state=S.EXPIRED, ended_at=READY_AT, remove_at=READY_AT + 3 * DAY, asked_at=READY_AT,
        asked_end_date=WISH, froze=froze, held=held,
    )  # fmt: skip
    assert lapses(ticket, replace(Life(END).about(), now=READY_AT)) == lapses_at
    nothing_asked = replace(ticket, asked_end_date=None, froze=Freeze.UNUSED)
    assert lapses(nothing_asked, Life(END).about()) == READY_AT + LEASE.lapse_days * DAY


def test_admins_read_how_often_a_machine_was_extended_only_where_it_was() -> None:
    life = Life(END)
    done(life, ExtensionAsked(BY_OWNER, WISH))
    assert "extended" not in life.last(Letter.ADMIN_DECISION).facts


def test_who_asks_before_the_first_warning_gets_every_warning_after_a_no() -> None:
    life = Life(END)
    refused_once(life)
    life.pass_until(STOP_AT + HOUR)
    assert len(life.told(Letter.WARNING)) == 4


def test_a_question_that_stops_no_clock_takes_no_warning_back() -> None:
    life = Life(END)
    refused_once(life)
    life.mail_works = False
    life.pass_until(STOP_AT - 59 * DAY)
    assert life.ticket.stage == 1
    done(life, ExtensionAsked(BY_OWNER, WISH))
    assert life.ticket.stage == 1, "it still waits for a mail server"


def test_a_bot_that_is_woken_to_the_second_reminds_to_the_second() -> None:
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    refused_once(life)
    done(life, ExtensionAsked(BY_OWNER, WISH))
    asked_at = life.now
    life.pass_until(asked_at + LEASE.lapse_days * DAY)
    reminded = sorted({at - asked_at for at in life.told(Letter.ADMIN_REMINDER)})
    assert reminded == [days * DAY for days in sorted(LEASE.remind_days) if days < LEASE.lapse_days]
    assert life.told(Letter.EXTENSION_LAPSED) == [asked_at + LEASE.lapse_days * DAY]


def test_admins_read_for_how_long_a_question_was_open_that_ends_with_the_machine() -> None:
    life = removed(SOON, days=20)
    done(life, Restored(BY_OWNER))
    done(life, Denied(BY_ADMIN, "no"))
    done(life, Restored(BY_OWNER))
    asked_at = life.now
    life.pass_until(asked_at + 40 * DAY)
    assert life.ticket.state is S.REMOVED
    lapsed = life.last(Letter.ADMIN_LAPSED).facts
    (day,) = {(at - asked_at).days for at in life.told(Letter.ADMIN_LAPSED)}
    assert (lapsed["gone"], lapsed["days"]) == (True, day)
    assert day > 0


def test_who_has_nothing_open_to_withdraw_reads_how_a_machine_is_given_back_where_there_is_one() -> None:
    for life, offered in ((Life(END), True), (removed(days=1), False)):
        step = decide(life.ticket, Withdrawn(BY_OWNER), life.about())
        assert isinstance(step, Refusal)
        assert ("give the machine back" in step.why) is offered


def test_a_disk_whose_last_day_was_near_is_kept_for_a_day_that_its_letter_can_be_old() -> None:
    life = removed(SOON, days=LEASE.keep_disk_days - 1)
    done(life, Restored(BY_OWNER))
    life.pass_until(life.now + 3 * DAY)
    done(life, Denied(BY_ADMIN, "no"))
    assert life.ticket.keep_until == life.now + DAY + 2 * HOUR


def test_after_a_no_at_once_the_letter_of_the_removal_is_no_notice_of_the_deletion() -> None:
    life = removed(SOON, days=LEASE.keep_disk_days - 3)
    before = life.ticket.keep_until
    done(life, Restored(BY_OWNER))
    done(life, Denied(BY_ADMIN, "no"))
    assert before is not None
    assert life.ticket.keep_until == before + timedelta(seconds=1)
