"""Who a ticket waits for and what comes next: the dates of lists are those that act."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from mailbot.lifecycle.outlook import Outlook, Party, outlook
from mailbot.model import ExtensionAsked, Held, Letter, ReleaseAsked, Ticket, TicketState
from tests.lives import BY_ADMIN, BY_OWNER, Life

S = TicketState
END = date(2027, 3, 31)
DAY = timedelta(days=1)


def seen(life: Life) -> Outlook:
    return outlook(life.ticket, life.about())


def next_moment(life: Life, steps: int = 1) -> datetime:
    """When the clock next does something to the machine."""
    for _ in range(steps):
        due = life.ticket.due_at
        assert due is not None
        life.pass_until(due + timedelta(minutes=1))
    due = life.ticket.due_at
    assert due is not None
    return due


def test_a_machine_is_warned_until_nothing_but_the_stop_is_left() -> None:
    life = Life(END)
    said = [seen(life)]
    while said[-1].next == "warning":
        assert said[-1].at == life.ticket.due_at
        next_moment(life)
        said.append(seen(life))
    assert [one.next for one in said] == ["warning"] * 4 + ["stop"]
    assert {one.party for one in said} == {Party.NOBODY}
    assert said[-1].at == life.ticket.due_at


def test_a_stopped_machine_is_announced_and_then_removed_and_its_disk_deleted() -> None:
    life = Life(END)
    while life.ticket.state is S.ACTIVE:
        next_moment(life)
    said = [seen(life)]
    while life.ticket.state is S.EXPIRED:
        assert seen(life).at == life.ticket.due_at
        next_moment(life)
        said.append(seen(life))
    assert [one.next for one in said if one.next] == [*["removal announced"] * 2, "removal", "disk deleted"]
    assert said[-1].at == life.ticket.keep_until


def test_what_people_are_asked_comes_before_the_clock() -> None:
    life = Life(END)
    step = seen(life)
    life.happens(ReleaseAsked(BY_OWNER))
    assert seen(life) == replace(step, party=Party.OWNER, waits="release, confirmed")
    life.happens(Held("a demonstration", BY_ADMIN))
    assert seen(life) == replace(step, party=Party.ADMINS, waits="unhold")
    life.happens(ExtensionAsked(BY_OWNER, END + 30 * DAY))
    assert (seen(life).party, seen(life).waits) == (Party.ADMINS, "an extension to 2027-04-30")
    assert seen(life).at == life.ticket.due_at


def test_what_a_hold_keeps_back_has_no_moment() -> None:
    life = Life(END)
    while life.ticket.state is S.ACTIVE:
        next_moment(life)
    life.happens(Held("a demonstration", BY_ADMIN))
    assert (seen(life).next, seen(life).at) == ("removal announced", life.ticket.due_at)
    while life.ticket.stage < 2:
        next_moment(life)
    assert (seen(life).party, seen(life).next, seen(life).at) == (Party.ADMINS, "removal, but held", None)


def test_an_end_that_was_put_off_too_long_waits_for_admins_until_notice_of_it_works() -> None:
    life = Life(END)
    life.ticket = replace(life.ticket, delayed_days=61)
    assert (seen(life).party, "61 days" in seen(life).waits) == (Party.ADMINS, True)
    life.pass_until(life.ticket.due_at or life.now)
    life.wake()
    assert life.told(Letter.WARNING)
    life.pass_until(life.now + DAY)
    assert seen(life).party is Party.ADMINS
    life.pass_until(life.now + DAY)
    assert seen(life).party is Party.NOBODY


@pytest.mark.parametrize(
    ("state", "party", "dated"),
    [
        (S.UNCONFIRMED, Party.OWNER, True),
        (S.PENDING, Party.ADMINS, True),
        (S.APPROVED, Party.SITE, False),
        (S.FAILED, Party.ADMINS, False),
        (S.RETIRING, Party.SITE, False),
        (S.DENIED, Party.NOBODY, False),
        (S.REMOVED, Party.NOBODY, False),
    ],
)
def test_every_other_state_waits_for_somebody_or_nothing(state: S, party: Party, *, dated: bool) -> None:
    life = Life(END)
    ticket: Ticket = replace(life.ticket, state=state, due_at=life.now + DAY)
    found = outlook(ticket, life.about())
    assert found.party is party
    assert found.at == (ticket.due_at if dated else None)
    assert bool(found.waits) == (party is not Party.NOBODY)


def test_a_kept_disk_without_a_date_is_deleted_at_no_known_moment() -> None:
    life = Life(END)
    found = outlook(replace(life.ticket, state=S.ARCHIVED, keep_until=None), life.about())
    assert (found.next, found.at) == ("disk deleted", None)


def test_the_date_of_a_step_is_the_one_that_acts_and_where_all_have_passed_when_the_ticket_is_looked_at() -> None:
    life = Life(END)
    while seen(life).next == "warning":
        next_moment(life)
    put_off = replace(life.ticket, due_at=life.now + timedelta(minutes=10))
    assert outlook(put_off, life.about()).at == life.ticket.due_at, "looked at earlier, it is stopped at its time"
    while life.ticket.state is S.ACTIVE:
        next_moment(life)
    life.now += 100 * DAY
    late = replace(life.ticket, stage=2, due_at=life.now + timedelta(hours=1))
    assert outlook(late, life.about()).at == late.due_at
