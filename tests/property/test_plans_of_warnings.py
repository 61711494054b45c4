"""A site changes its plan of warnings within a lease: none is written twice, none that lies ahead is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mailbot.lifecycle.notice import plan
from mailbot.lifecycle.warned import REPEATS
from mailbot.model import Letter, TicketState
from mailbot.rules import LeaseRules, Rules
from mailbot.timetable import end_of
from tests.lives import DAY, READY_AT, Life

HOUR = timedelta(hours=1)
PLANS = st.lists(st.integers(1, 90), min_size=1, max_size=5, unique=True).map(lambda days: tuple(sorted(days)[::-1]))
DELAYS = timedelta(minutes=5)
"""More than a life's clock and mail server take together."""


def rules(warn_days: tuple[int, ...], notice_days: int) -> Rules:
    return Rules(lease=LeaseRules(warn_days=warn_days, notice_days=min(notice_days, warn_days[0])))


def replanned(life: Life, after: Rules) -> None:
    """The site's rules are others from now on, and the machine is looked at (`turns.replanned`)."""
    life.rules = after
    if life.ticket.state is TicketState.ACTIVE:
        life.ticket = replace(life.ticket, due_at=life.now)


@given(
    plans=st.lists(PLANS, min_size=2, max_size=4),
    notice_days=st.integers(1, 60),
    days=st.integers(1, 200),
    parts=st.lists(st.floats(0, 1), min_size=3, max_size=3),
    without_mail=st.booleans(),
)
@settings(max_examples=400, deadline=None)
def test_whatever_plan_takes_whichevers_place_at_any_moment(
    plans: list[tuple[int, ...]], notice_days: int, days: int, parts: list[float], without_mail: bool
) -> None:
    """`Life` itself holds the law about notice at the stop, and that no warning about a day reaches an address twice."""
    life = Life(READY_AT.date() + days * DAY, rules(plans[0], notice_days))
    length = end_of(life.ticket.end_date, "Europe/Paris") - READY_AT
    changed_at = READY_AT
    for part, warn_days in zip(sorted(parts), plans[1:], strict=False):
        changed_at = max(READY_AT + length * part, life.now)
        life.pass_until(changed_at)
        life.mail_works = not (without_mail and life.mail_works)
        replanned(life, rules(warn_days, notice_days))
        life.pass_until(life.now + DELAYS)
    life.mail_works = True
    life.post()
    last = life.ticket
    assume(last.state is TicketState.ACTIVE)
    while life.ticket.state is TicketState.ACTIVE:
        last = life.ticket
        life.pass_until(max(last.due_at or life.now, life.now) + DELAYS)
        assert life.now < READY_AT + length + 200 * DAY, "it never ends"
    stopped_at = life.moved_to(TicketState.EXPIRED)
    letters = life.told(Letter.WARNING, Letter.DATE_MOVED)
    warned = life.told(Letter.WARNING)
    if not without_mail:  # else one that waited for a mail server may arrive when the next is written
        assert all(later - earlier > REPEATS - DELAYS for earlier, later in pairwise(warned)), letters
    assert stopped_at - letters[-1] >= DAY
    settled_at = max((changed_at, *life.told(Letter.DATE_MOVED)))
    for at in plan(last, life.rules).warnings:
        if at > settled_at + DELAYS:
            near = [one for one in letters if at - DAY <= one <= at + DELAYS]
            assert near, f"no warning {at}: {letters}"
    for before, letter in pairwise(letters):
        if letter > settled_at + DELAYS and not without_mail:
            planned = plan(last, life.rules).warnings
            assert any(before + REPEATS - DELAYS <= at <= letter for at in planned), f"{letter} repeats {before}"
    final = plan(last, life.rules).warnings[-1]
    assert letters[-1] > final - DAY, "the last notice came before the last warning was due"
