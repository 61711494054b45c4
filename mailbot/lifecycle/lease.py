"""The end of a lease: warned, then stopped; never without proven notice.  Pure.

A warning and a destructive step never come out of the same call: whoever is warned now is stopped by a
later turn.  Overdue warnings collapse into the most urgent one.  Where notice cannot be proven the date
moves, and the letter that says so counts as notice itself.  `removal` has what follows the stop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from mailbot.letters.catalogue import KINDS
from mailbot.letters.kinds import Ahead, CalendarEntry, LetterFacts
from mailbot.letters.life import DateMoved, EndWarning, VmStopped
from mailbot.letters.troubles import AdminMachineTrouble, AdminNoticeBounced
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.dates import ahead, announcements
from mailbot.lifecycle.delay import asks, delayed, put_off_to
from mailbot.lifecycle.notice import (
    DAY,
    SLACK,
    STALE,
    Plan,
    announcing,
    ends,
    not_before,
    of_end_date,
    of_last_call,
    of_lease,
    of_removal,
    plan,
    proofs,
    removes,
    whole_days,
)
from mailbot.lifecycle.steps import later, letter_to, machine, moved, snapshot, to_admins, to_owner
from mailbot.lifecycle.warned import COVERS, REPEATS, counted
from mailbot.model import (
    Accepted,
    Action,
    Effect,
    EffectFailed,
    Letter,
    Notice,
    NoticeStage,
    Returned,
    Step,
    Ticket,
    TicketState,
)
from mailbot.timetable import end_of, in_zone, today
from parsers.translatable import NOTHING, Translatable, say

TRY_AGAIN = timedelta(days=1)
"""How often a machine that is held is looked at."""


def begun(ticket: Ticket, circumstances: Circumstances, **changes: Any) -> Ticket:
    """The ticket with a (new) lease from now on: its first warning, and nothing of an earlier end date left over."""
    fresh = {
        "lease_from": circumstances.now,
        "stage": 0,
        "warned_by": circumstances.rules.lease.warn_days,
        "ended_at": None,
        "remove_at": None,
        "keep_until": None,
    }
    return resting(moved(ticket, circumstances, **{**fresh, **changes}), circumstances)


def resting(ticket: Ticket, circumstances: Circumstances) -> Ticket:
    """The ticket, to be woken for the next of its lease's dates; at once where that has passed."""
    dates = plan(ticket, circumstances.rules)
    return replace(ticket, due_at=(*dates.warnings, dates.stop_at)[min(ticket.stage, len(dates.warnings))])


def active_waits(ticket: Ticket, circumstances: Circumstances) -> Step:
    """Warn, or stop: whichever is due; at most one of them.  A warning that is overdue comes first, however late it is."""
    replanned = ticket.warned_by not in {None, circumstances.rules.lease.warn_days}
    ticket = counted(ticket, circumstances)
    dates = plan(ticket, circumstances.rules)
    passed = sum(at <= circumstances.now for at in dates.warnings)
    if passed > ticket.stage:
        return _warned(ticket, circumstances, dates, 0 if replanned else passed)
    if circumstances.now >= dates.stop_at:
        return _stop(ticket, circumstances, dates)
    return Step(resting(moved(ticket, circumstances), circumstances), (), "")


def _warned(ticket: Ticket, circumstances: Circumstances, dates: Plan, passed: int) -> Step:
    """One warning for all that are overdue; when it comes too late for full notice, the end date moves first.

    `passed` is how many of them could have been written before now: none where the site has just changed its plan.
    """
    earliest = _earliest(ticket, circumstances, dates)
    if earliest > dates.stop_at + SLACK:
        why = say("The warning could not be sent in time.") if passed else _OTHER_WARNINGS
        return put_off(ticket, circumstances, earliest, why)
    # After one that comes late, the next within half a day would only repeat it.
    told = sum(at < circumstances.now + REPEATS for at in dates.warnings)
    after = resting(replace(moved(ticket, circumstances), stage=told), circumstances)
    days_left = whole_days(dates.stop_at - circumstances.now)
    late = _why_late(dates.warnings[passed - 1], circumstances) if passed else NOTHING
    warning = EndWarning(
        days_left=days_left, plan=steps_ahead(after, circumstances), calendar=calendar(after),
        last=told == len(dates.warnings), late=late, **snapshot(after),
    )  # fmt: skip
    notice = ends(after, NoticeStage.WARNING, told, dates.warnings[told - 1])
    letter = announcing(to_owner(after, warning), notice, after)
    # An earlier one that still waits would say an older number of days; this one says all of it.
    return Step(after, (letter,), f"warned: {_days(days_left)} left", cancel=("warning:",))


_OTHER_WARNINGS = say("The service warns earlier than before, and your notice begins with this message.")


def _why_late(planned_at: datetime, circumstances: Circumstances) -> Translatable:
    """Why a warning comes later than planned; empty where it does not."""
    planned = planned_at + SLACK
    if circumstances.now <= planned + SLACK:
        return NOTHING
    when = in_zone(planned, circumstances.rules.service.timezone)
    return say("It should have been sent {when}, but the service could not send messages then.", when=when)


def _earliest(ticket: Ticket, circumstances: Circumstances, dates: Plan) -> datetime:
    """The earliest stop after a warning that is written now.

    Without any proof the whole notice is given.  Where not even a day is left, so much time is given
    as the first warning that was missed would have left, at most the notice.
    """
    proven = not_before(circumstances.accepted, of_lease(ticket), dates.notice)
    if proven is None:
        return circumstances.now + dates.notice
    missed = dates.stop_at - dates.warnings[ticket.stage]
    in_time = circumstances.now + DAY <= dates.stop_at + SLACK
    return max(proven, circumstances.now + (DAY if in_time else max(DAY, min(missed, dates.notice))))


def _days(number: int) -> str:
    return f"{number} day{'' if number == 1 else 's'}"


def put_off(ticket: Ticket, circumstances: Circumstances, earliest: datetime, why: Translatable) -> Step:
    """The end date moves to when notice will have been given; the letter that says so is the warning.

    Where that has gone on for too long, admins are asked as well: it goes on until they answer.
    """
    zone = circumstances.rules.service.timezone
    before = end_of(ticket.end_date, zone)
    earliest = put_off_to(ticket, before, earliest, circumstances)
    later = max(today(earliest + SLACK, zone), ticket.end_date)
    after = moved(
        ticket,
        circumstances,
        end_date=later,
        agreed_until=ticket.agreed_end,
        warned_by=circumstances.rules.lease.warn_days,
        delayed_days=delayed(ticket, before, end_of(later, zone), circumstances.now),
    )
    # A warning within the next day would only repeat this letter.
    told = sum(at <= circumstances.now + DAY for at in plan(after, circumstances.rules).warnings)
    after = resting(replace(after, stage=told), circumstances)
    moved_on = DateMoved(
        old_end_date=ticket.end_date, end_date=later, why=why, plan=steps_ahead(after, circumstances),
        calendar=calendar(after),
    )  # fmt: skip
    letter = announcing(to_owner(after, moved_on), ends(after, NoticeStage.MOVED, planned_at=circumstances.now), after)
    effects = (letter, *asks(after, circumstances))
    return Step(after, effects, f"the end date moved to {later}: {why}", cancel=("warning:",))


def steps_ahead(ticket: Ticket, circumstances: Circumstances) -> tuple[Ahead, ...]:
    """What happens to the machine when, step by step, from the same dates that act: a letter's fact `plan`."""
    return tuple(Ahead(at, what) for at, what in ahead(ticket, circumstances))


def calendar(ticket: Ticket, status: str = "CONFIRMED") -> CalendarEntry:
    """The end date as a calendar entry; its SEQUENCE rises with every change (RFC 5545 section 3.8.7.4)."""
    return CalendarEntry(ticket.version, status)


def _stop(ticket: Ticket, circumstances: Circumstances, dates: Plan) -> Step:
    """The end has come: stop, if nothing speaks against it and notice is proven."""
    waits = not_now(ticket, circumstances)
    if waits:
        return waits
    proven = not_before(circumstances.accepted, of_lease(ticket), dates.notice)
    if proven is None:
        return put_off(
            ticket, circumstances, circumstances.now + dates.notice, say("No mail server accepted a warning in time.")
        )
    if not _last_is_proven(ticket, circumstances, dates):
        return put_off(
            ticket,
            circumstances,
            max(proven, circumstances.now + DAY),
            say("No mail server accepted the last warning in time."),
        )
    if circumstances.now < proven <= circumstances.now + SLACK:
        return Step(replace(moved(ticket, circumstances), due_at=proven), (), "")
    if proven > circumstances.now:
        return put_off(
            ticket,
            circumstances,
            max(proven, circumstances.now + DAY),
            say("The warning came later than it should have."),
        )
    if circumstances.now > circumstances.open_from(dates.stop_at) + STALE:
        return put_off(
            ticket,
            circumstances,
            circumstances.now + dates.notice,
            say("It was not stopped then, and that was long ago."),
        )
    return stopped(ticket, circumstances)


def stopped(ticket: Ticket, circumstances: Circumstances) -> Step:
    """The machine is switched off; when it will be removed stands in the letter that says so."""
    grace = timedelta(days=circumstances.rules.lease.grace_days)
    after = moved(
        ticket,
        circumstances,
        state=TicketState.EXPIRED,
        ended_at=circumstances.now,
        remove_at=circumstances.now + grace,
    )
    half, near = announcements(after, circumstances)
    told = (circumstances.now >= half) + (circumstances.now >= near)
    after = replace(after, stage=told, due_at=(half, near, after.remove_at)[told])
    stage = NoticeStage.STOPPED if told < 2 else NoticeStage.LAST
    told_of = VmStopped(stopped_at=circumstances.now, plan=steps_ahead(after, circumstances), **snapshot(after))
    letter = announce(after, stage, told_of)
    return Step(after, (machine(after, Action.STOP), letter), "stopped at the end of the lease", destructive=True)


def _last_is_proven(ticket: Ticket, circumstances: Circumstances, dates: Plan) -> bool:
    """Whether a server took the last warning of this end date, or the letter that moved it where none comes after that."""
    taken = proofs(circumstances.accepted, of_end_date(ticket))
    return any(one.notice is not None and _is_last(one.notice, one.accepted_at, dates) for one in taken)


def _is_last(notice: Notice, accepted_at: datetime, dates: Plan) -> bool:
    """Whether no further warning is due after that letter.

    It counts from when it was planned, or written, and not from when it was taken: an earlier one may have waited for a mail server
    until shortly before the last is due.  Warnings of earlier programs have only their number.
    """
    if notice.stage is NoticeStage.WARNING and notice.at is None:
        return notice.number == len(dates.warnings)
    since = notice.at or accepted_at
    return all(at <= since + COVERS[notice.stage] for at in dates.warnings)


def not_now(ticket: Ticket, circumstances: Circumstances) -> Step | None:
    """A hold, blindness, a closure or a weekend puts a destructive step off; notice goes on counting."""
    if circumstances.blind:
        return later(ticket, circumstances)
    due_at = circumstances.now + TRY_AGAIN if ticket.held else circumstances.open_from(circumstances.now)
    return Step(replace(moved(ticket, circumstances), due_at=due_at), (), "") if due_at > circumstances.now else None


def announce(ticket: Ticket, stage: NoticeStage, letter: LetterFacts) -> Effect:
    """A letter that announces the removal: notice of it."""
    return announcing(to_owner(ticket, letter), removes(ticket, stage), ticket)


def unsent(ticket: Ticket, circumstances: Circumstances) -> int:
    """The stage without an announcement that no server has taken yet: one that is cancelled has not been made."""
    if ticket.stage == 0:
        return 0
    stands_for = _of_warning(ticket, circumstances) if ticket.state is TicketState.ACTIVE else _of_removal(ticket)
    taken = any(one.notice is not None and stands_for(one, one.notice) for one in circumstances.accepted)
    return ticket.stage if taken else ticket.stage - 1


def _of_warning(ticket: Ticket, circumstances: Circumstances) -> Callable[[Accepted, Notice], bool]:
    """The letters that the number of warnings stands for: the last of them left when it was planned, or later."""
    planned = plan(ticket, circumstances.rules).warnings[: ticket.stage][-1]
    about_lease = of_lease(ticket)
    return lambda letter, one: (
        about_lease(one) and (one.stage is NoticeStage.MOVED or letter.accepted_at + REPEATS > planned)
    )


def _of_removal(ticket: Ticket) -> Callable[[Accepted, Notice], bool]:
    about_removal, last = of_removal(ticket), of_last_call(ticket)
    return lambda _letter, one: last(one) or (about_removal(one) and one.stage is NoticeStage.HALF)


def effect_failed(ticket: Ticket, event: EffectFailed, circumstances: Circumstances) -> Step:
    """A machine could not be stopped, started or removed: it is tried again, and admins read why."""
    key = f"{event.effect}:{circumstances.now:%Y%m%d}"
    letters = to_admins(ticket, circumstances, AdminMachineTrouble(effect=Action(event.effect), why=event.why), key=key)
    return Step(moved(ticket, circumstances), letters, f"{event.effect} failed: {event.why}")


def returned(ticket: Ticket, event: Returned, circumstances: Circumstances) -> Step:
    """A letter came back: for good means that it is no notice; another address is used, and admins are told."""
    if event.doubt:
        summary = f"a report that a letter to {event.address} came back does not count: {event.doubt}"
        return Step(moved(ticket, circumstances), (), summary)
    if event.permanent is False:
        return Step(
            moved(ticket, circumstances), (), f"a letter to {event.address} is delayed: {event.diagnostic[:200]}"
        )
    after = moved(ticket, circumstances, email=event.other) if event.other else moved(ticket, circumstances)
    effect = say("It does not count as notice: if no notice arrives in time, the date will move.")
    bounced = AdminNoticeBounced(
        address=event.address,
        what=KINDS[Letter(event.letter)].called,
        answer=event.diagnostic[:500],
        second=event.other,
        effect=effect if event.letter in NOTICES else NOTHING,
    )
    letters = _once(after, bounced, circumstances)
    waiting = ticket.state in {TicketState.ACTIVE, TicketState.EXPIRED} and not ticket.frozen
    if event.other and event.letter in NOTICES and waiting and ticket.stage:
        # Announced again at once, to the other address.
        after = replace(after, due_at=circumstances.now, stage=ticket.stage - 1)
    return Step(after, letters, f"a letter to {event.address} came back: {event.diagnostic[:200]}")


def _once(ticket: Ticket, bounced: AdminNoticeBounced, circumstances: Circumstances) -> tuple[Effect, ...]:
    """To every admin once a month for each address, and once where the admins are asked anyway: that letter has the address, too."""
    asked = circumstances.rules.lease.is_too_long(ticket.delayed_days)
    of = f"{bounced.address}:{'asked' if asked else f'{circumstances.now:%Y%m}'}"
    letter = bounced.about.letter
    return tuple(letter_to(one, bounced, f"{letter.value}:{of}:{one.address}") for one in circumstances.admins)


NOTICES = frozenset(
    {
        Letter.WARNING,
        Letter.DATE_MOVED,
        Letter.END_EARLIER,
        Letter.VM_STOPPED,
        Letter.GRACE_HALF,
        Letter.REMOVAL_NEAR,
        Letter.VM_ARCHIVED,
    }
)
"""Letters that must arrive."""
