"""When a letter offers a command word, in which words, and what it says it does.

Each offered line, sent back at once, is accepted; the rows of `commands` say which function speaks for which word.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TypeAlias

from mailbot.model import LIVING, Purpose, Ticket, TicketState
from mailbot.policy import is_agreed, last_day
from mailbot.rules import Rules
from mailbot.timetable import latest_end, today
from parsers.dates import Period, add_period
from parsers.frozen import frozen
from parsers.translatable import Translatable, say, say_many
from parsers.values import Verb

S = TicketState


@frozen
class Offer:
    """What a letter says can be answered: the verb, an example of the whole line, and what it does."""

    verb: Verb
    words: Translatable
    meaning: Translatable
    rare: bool = False
    """Told only by the letters that say what can be answered at all: `status` and `help`."""


@frozen
class Moment:
    """What an offer or an event may look at besides the ticket: the moment (aware UTC) and the site's rules."""

    now: datetime
    rules: Rules

    @property
    def today(self) -> date:
        return today(self.now, self.rules.service.timezone)

    @property
    def latest(self) -> date:
        """The last end date that may be asked for now."""
        return latest_end(self.now, self.rules.service.timezone, self.rules.policy.max_years)

    def allows(self, day: date) -> bool:
        """Whether a lease may end on that day."""
        return self.today < day <= self.latest


Offers: TypeAlias = Callable[[Ticket, Purpose, Moment], tuple[Offer, ...]]


def when(
    purpose: Purpose,
    words: Translatable,
    meaning: Translatable,
    verb: Verb,
    *,
    holds: Callable[[Ticket], bool] = lambda _ticket: True,
) -> Offers:
    """One fixed line, in letters of that purpose, while something holds about the ticket."""
    offer = (Offer(verb, words, meaning),)
    return lambda ticket, asked, _moment: offer if asked is purpose and holds(ticket) else ()


def in_its_lease(
    verb: Verb, words: Translatable, meaning: Translatable, *, holds: Callable[[Ticket], bool] = lambda _ticket: True
) -> Offers:
    """What the owner of a machine that is in its lease can have done to it, while something holds about the ticket."""
    offer = (Offer(verb, words, meaning, rare=True),)
    return lambda ticket, asked, _moment: (
        offer if asked is Purpose.OWN and ticket.state is S.ACTIVE and holds(ticket) else ()
    )


def in_states(*states: TicketState) -> Callable[[Ticket], bool]:
    return lambda ticket: ticket.state in states


def may_go(ticket: Ticket) -> bool:
    """Whether a machine may be given up by a word: there is one, and no admin has put it on hold."""
    return ticket.state in LIVING and not ticket.held


def approvals(ticket: Ticket, purpose: Purpose, moment: Moment) -> tuple[Offer, ...]:
    if purpose is not Purpose.DECIDE:
        return ()
    if ticket.asked_end_date is not None:
        last = last_day(ticket)
        other = _another_day(last, ticket.asked_end_date, moment)
        return (
            *(
                (Offer(Verb.APPROVE, say("approve"), say("to grant it as requested")),)
                if moment.allows(ticket.asked_end_date) and ticket.asked_end_date > last
                else ()
            ),
            *(
                Offer(
                    Verb.APPROVE, say("approve until {date}", date=str(day)), say("to grant it with another last day")
                )
                for day in other
            ),
        )
    if is_unproven(ticket, moment) and ticket.state in LIVING:
        return _leases(ticket, moment)
    if ticket.state is not S.PENDING:
        return ()
    other = _another_day(moment.today, ticket.end_date, moment)
    return (
        *(
            (Offer(Verb.APPROVE, say("approve"), say("to build it as requested")),)
            if moment.allows(ticket.end_date)
            else ()
        ),
        *(
            Offer(Verb.APPROVE, say("approve until {date}", date=str(day)), say("to build it with another last day"))
            for day in other
        ),
        *(
            Offer(
                Verb.APPROVE,
                say("approve disk {size}", size=size),
                say("to build it with a disk of {size} GiB", size=size),
            )
            for size in _another_disk(ticket, moment)
        ),
    )


def is_unproven(ticket: Ticket, moment: Moment) -> bool:
    """Whether the next step was put off for too long, and no question stops the clock."""
    waits = ticket.state in LIVING or (ticket.state is S.ARCHIVED and ticket.keep_until is not None)
    return waits and not ticket.frozen and moment.rules.lease.is_too_long(ticket.delayed_days)


def _leases(ticket: Ticket, moment: Moment) -> tuple[Offer, ...]:
    """A later last day for a machine whose owner cannot be reached."""
    day = min(max(ticket.end_date, moment.today) + timedelta(days=30), moment.latest)
    if day <= ticket.end_date:
        return ()
    words, meaning = say("approve until {date}", date=str(day)), say("to let the owner keep it until another last day")
    return (Offer(Verb.APPROVE, words, meaning),)


_PROCEEDING = {
    S.ACTIVE: say("to stop it now; its disk will stay as it is"),
    S.EXPIRED: say("to remove it now; its disk will be kept for a while"),
    S.ARCHIVED: say("to delete its disk for good now"),
}


def proceeding(ticket: Ticket, purpose: Purpose, moment: Moment) -> tuple[Offer, ...]:
    if purpose is not Purpose.DECIDE or not is_unproven(ticket, moment) or ticket.held:
        return ()
    return (Offer(Verb.PROCEED, say("proceed"), _PROCEEDING[ticket.state]),)


def _another_day(after: date, asked: date, moment: Moment) -> tuple[date, ...]:
    """A day that an admin could choose instead: half-way to what was asked, else a month later; none where none is allowed."""
    first = max(after, moment.today) + timedelta(days=1)
    half = first + (asked - first) / 2
    month = timedelta(days=30)
    days = (half, asked + month, first + month)
    return tuple(day for day in days if first <= day <= moment.latest and day != asked)[:1]


def _another_disk(ticket: Ticket, moment: Moment) -> tuple[int, ...]:
    """A disk that an admin could choose instead, GiB: the usual one, or a larger one where the usual one is asked for."""
    policy = moment.rules.policy
    size = min(policy.disk_gib + 12, policy.max_disk_gib) if ticket.disk_gib == policy.disk_gib else policy.disk_gib
    return (size,) if size != ticket.disk_gib and moment.allows(ticket.end_date) else ()


def denials(ticket: Ticket, purpose: Purpose, _moment: Moment) -> tuple[Offer, ...]:
    if purpose is not Purpose.DECIDE:
        return ()
    if ticket.asked_end_date is not None:
        return (Offer(Verb.DENY, say("deny <reason>"), say("to refuse it; the owner will read the reason")),)
    if ticket.state is S.PENDING:
        return (Offer(Verb.DENY, say("deny <reason>"), say("to refuse it; the requester will read the reason")),)
    if ticket.state is S.FAILED and not ticket.held:
        return (Offer(Verb.DENY, say("deny <reason>"), say("to give up the build; the owner will read the reason")),)
    return ()


_PERIODS = (
    (say_many("{number} month", "{number} months", 6), Period(months=6)),
    (say_many("{number} month", "{number} months", 3), Period(months=3)),
    (say_many("{number} month", "{number} months", 1), Period(months=1)),
    (say_many("{number} week", "{number} weeks", 1), Period(days=7)),
)


def extensions(ticket: Ticket, purpose: Purpose, moment: Moment) -> tuple[Offer, ...]:
    """The longest of a few usual extensions that is still allowed; none where the machine has the longest lease already."""
    if purpose is not Purpose.OWN or ticket.state not in LIVING or ticket.asked_end_date is not None:
        return ()
    start = max(ticket.end_date, moment.today)
    allowed = [
        (words, day)
        for words, period in _PERIODS
        if (day := add_period(start, period)) <= moment.latest and day != ticket.end_date
    ]
    if not allowed:
        return ()
    words, day = allowed[0]
    return (
        Offer(
            Verb.EXTEND,
            say("extend until {date}", date=str(day)),
            say("to ask for a later last day; add “because …” to say why"),
        ),
        Offer(
            Verb.EXTEND,
            say("extend for {period}", period=words),
            say("to ask for that much more time after the current last day"),
        ),
    )


def withdrawals(ticket: Ticket, purpose: Purpose, _moment: Moment) -> tuple[Offer, ...]:
    if purpose is Purpose.OWN and ticket.asked_end_date is not None:
        extension, back = (
            say("to withdraw the request for an extension"),
            say("to leave the machine removed"),
        )
        return (Offer(Verb.WITHDRAW, say("withdraw"), back if ticket.state is S.ARCHIVED else extension),)
    if purpose is Purpose.OWN and ticket.state is S.PENDING:
        return (Offer(Verb.WITHDRAW, say("withdraw"), say("to withdraw the request")),)
    if purpose is Purpose.OWN and ticket.is_being_built:
        returns = say("to leave the machine removed; its disk will be kept for now")
        new = say("to withdraw the request; what was begun will be removed")
        return (Offer(Verb.WITHDRAW, say("withdraw"), new if ticket.lease_from is None else returns),)
    if purpose is Purpose.OWN and ticket.state is S.FAILED and not ticket.held:
        return (
            Offer(
                Verb.WITHDRAW, say("withdraw"), say("to withdraw the request, because the machine could not be built")
            ),
        )
    if purpose is Purpose.CONFIRM and ticket.state is S.UNCONFIRMED:
        return (Offer(Verb.WITHDRAW, say("withdraw"), say("if it was not you, or you no longer want it")),)
    return ()


def restorations(ticket: Ticket, purpose: Purpose, moment: Moment) -> tuple[Offer, ...]:
    """A removed machine comes back at once until its agreed last day; beyond that, admins are asked."""
    if purpose is not Purpose.OWN or ticket.state is not S.ARCHIVED:
        return ()
    if ticket.keep_until is None or ticket.asked_end_date is not None:
        return ()
    meaning = say("to ask the admins for the machine back, with its disk; add “because …” to say why")
    if is_agreed(ticket, moment.rules, moment.now):
        meaning = say("to bring the machine back with its disk, until {day}", day=ticket.agreed_end)
    return (Offer(Verb.RESTORE, say("restore"), meaning),)


def keeping(ticket: Ticket, purpose: Purpose, _moment: Moment) -> tuple[Offer, ...]:
    if purpose not in {Purpose.OWN, Purpose.CONFIRM} or ticket.state not in LIVING:
        return ()
    if ticket.reinstall_asked_at is not None:
        return (Offer(Verb.KEEP, say("keep"), say("to keep the machine as it is")),)
    return (Offer(Verb.KEEP, say("keep"), say("to keep the machine")),) if ticket.release_asked_at else ()


def confirmations(ticket: Ticket, purpose: Purpose, moment: Moment) -> tuple[Offer, ...]:
    if purpose is not Purpose.CONFIRM:
        return ()
    if ticket.state is S.UNCONFIRMED and moment.allows(ticket.end_date):
        return (Offer(Verb.CONFIRM, say("confirm"), say("if it was you; the request will then go to the admins")),)
    if not may_go(ticket):
        return ()
    confirm_by = moment.rules.lease.confirm_by
    if ticket.release_asked_at is not None and moment.now <= confirm_by(ticket.release_asked_at):
        return (Offer(Verb.CONFIRM, say("confirm"), say("to give the machine back now")),)
    if ticket.reinstall_asked_at is not None and moment.now <= confirm_by(ticket.reinstall_asked_at):
        return (Offer(Verb.CONFIRM, say("confirm"), say("to delete its disk and reinstall the machine")),)
    return ()


def nowhere(_ticket: Ticket, _purpose: Purpose, _moment: Moment) -> tuple[Offer, ...]:
    return ()


def to_anyone(verb: Verb, words: Translatable, meaning: Translatable, *purposes: Purpose) -> Offers:
    offer = (Offer(verb, words, meaning),)
    return lambda _ticket, asked, _moment: offer if asked in purposes else ()
