"""The command words: one row a word, and the only place that knows what a word means.

A row says what is put at risk by the word (`trust` asks for proof of it), which event it becomes, and when and how
letters offer it.  Its spellings are a row of the same name in `parsers.reply.words`.  `row` is total over the words: a
new one is a type error here until its row is written, and every use looks it up by `[]`, so that none fails open.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Literal, TypeAlias, assert_never

from mailbot.model import (
    LIVING,
    Action,
    Actor,
    Approved,
    Confirmed,
    Denied,
    Event,
    ExtensionAsked,
    Kept,
    MachineAsked,
    Purpose,
    Refusal,
    ReinstallAsked,
    ReinstallWanted,
    ReleaseAsked,
    Released,
    Restored,
    Retried,
    Ticket,
    TicketState,
    Withdrawn,
)
from mailbot.rules import Rules
from mailbot.timetable import latest_end, today
from mailbot.trust import Risk
from parsers.dates import Period, add_period
from parsers.translatable import Translatable, say, say_many
from parsers.values import Command, Verb

S = TicketState


@dataclass(frozen=True, slots=True)
class Offer:
    """What a letter says can be answered: the verb, an example of the whole line, and what it does."""

    verb: Verb
    words: Translatable
    meaning: Translatable
    rare: bool = False
    """Told only by the letters that say what can be answered at all: `status` and `help`."""


@dataclass(frozen=True, slots=True)
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


Risks: TypeAlias = Callable[[Command, Ticket, Rules], Risk]
Offers: TypeAlias = Callable[[Ticket, Purpose, Moment], tuple[Offer, ...]]
Becomes: TypeAlias = Callable[[Command, Actor, Ticket, Moment], Event | Refusal]


@dataclass(frozen=True, slots=True)
class Row:
    """One word.  `becomes` is None for words that only ask something, or speak of the whole bot and no ticket."""

    risk: Risks
    offers: Offers
    becomes: Becomes | None = None


def offered(ticket: Ticket, purpose: Purpose, now: datetime, rules: Rules) -> tuple[Offer, ...]:
    """Every line that a reply with a token of that purpose may give now; each one, sent back at once, is accepted."""
    moment = Moment(now, rules)
    return tuple(offer for verb in Verb for offer in ROWS[verb].offers(ticket, purpose, moment))


# What is at risk


def _always(risk: Risk) -> Risks:
    return lambda _command, _ticket, _rules: risk


def _approving(command: Command, ticket: Ticket, rules: Rules) -> Risk:
    """More disk than usual is a risk of its own; an extension changes no disk."""
    disk_gib = command.disk_gib or (0 if ticket.asked_end_date else ticket.disk_gib)
    return Risk.APPROVE_LARGE if disk_gib > rules.policy.disk_gib else Risk.APPROVE


# When a word is offered


def _when(
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


def _in_its_lease(verb: Verb, words: Translatable, meaning: Translatable) -> Offers:
    """What the owner of a machine that is in its lease can have done to it."""
    offer = (Offer(verb, words, meaning, rare=True),)
    return lambda ticket, asked, _moment: offer if asked is Purpose.OWN and ticket.state is S.ACTIVE else ()


def _in(*states: TicketState) -> Callable[[Ticket], bool]:
    return lambda ticket: ticket.state in states


def _approvals(ticket: Ticket, purpose: Purpose, moment: Moment) -> tuple[Offer, ...]:
    if purpose is not Purpose.DECIDE:
        return ()
    if ticket.asked_end_date is not None:
        other = _another_day(ticket.end_date, ticket.asked_end_date, moment)
        return (
            Offer(Verb.APPROVE, say("approve"), say("to grant it as requested")),
            *(
                Offer(
                    Verb.APPROVE, say("approve until {date}", date=str(day)), say("to grant it with another last day")
                )
                for day in other
            ),
        )
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


def _another_day(after: date, asked: date, moment: Moment) -> tuple[date, ...]:
    """A day that an admin could choose instead: half-way to what was asked, else a month later; none where none is allowed."""
    first = max(after, moment.today) + timedelta(days=1)
    half = first + (asked - first) / 2
    return tuple(day for day in (half, asked + timedelta(days=30)) if first <= day <= moment.latest and day != asked)[
        :1
    ]


def _another_disk(ticket: Ticket, moment: Moment) -> tuple[int, ...]:
    """A disk that an admin could choose instead, GiB: the usual one, or a larger one where the usual one is asked for."""
    policy = moment.rules.policy
    size = min(policy.disk_gib + 12, policy.max_disk_gib) if ticket.disk_gib == policy.disk_gib else policy.disk_gib
    return (size,) if size != ticket.disk_gib and moment.allows(ticket.end_date) else ()


def _denials(ticket: Ticket, purpose: Purpose, _moment: Moment) -> tuple[Offer, ...]:
    if purpose is not Purpose.DECIDE:
        return ()
    if ticket.asked_end_date is not None:
        return (Offer(Verb.DENY, say("deny <reason>"), say("to refuse it; the owner reads the reason")),)
    if ticket.state is S.PENDING:
        return (Offer(Verb.DENY, say("deny <reason>"), say("to refuse it; the requester reads the reason")),)
    if ticket.state is S.FAILED:
        return (Offer(Verb.DENY, say("deny <reason>"), say("to give up the build; the owner reads the reason")),)
    return ()


_PERIODS = (
    (say_many("{number} month", "{number} months", 6), Period(months=6)),
    (say_many("{number} month", "{number} months", 3), Period(months=3)),
    (say_many("{number} month", "{number} months", 1), Period(months=1)),
    (say_many("{number} week", "{number} weeks", 1), Period(days=7)),
)


def _extensions(ticket: Ticket, purpose: Purpose, moment: Moment) -> tuple[Offer, ...]:
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
            say("to ask for that much more, from the current last day"),
        ),
    )


def _withdrawals(ticket: Ticket, purpose: Purpose, _moment: Moment) -> tuple[Offer, ...]:
    if purpose is Purpose.OWN and ticket.asked_end_date is not None:
        return (Offer(Verb.WITHDRAW, say("withdraw"), say("to take the request for an extension back")),)
    if purpose is Purpose.OWN and ticket.state is S.PENDING:
        return (Offer(Verb.WITHDRAW, say("withdraw"), say("to take the request back")),)
    if purpose is Purpose.OWN and ticket.state is S.APPROVED:
        returns = say("to leave the machine removed after all; its disk stays for now")
        new = say("to take the request back; what was begun is taken away")
        return (Offer(Verb.WITHDRAW, say("withdraw"), new if ticket.lease_from is None else returns),)
    if purpose is Purpose.OWN and ticket.state is S.FAILED:
        return (
            Offer(
                Verb.WITHDRAW, say("withdraw"), say("to take the request back, since the machine could not be built")
            ),
        )
    if purpose is Purpose.CONFIRM and ticket.state is S.UNCONFIRMED:
        return (Offer(Verb.WITHDRAW, say("withdraw"), say("to say that it is not yours, or no longer wanted")),)
    return ()


def _keeping(ticket: Ticket, purpose: Purpose, _moment: Moment) -> tuple[Offer, ...]:
    if purpose not in {Purpose.OWN, Purpose.CONFIRM}:
        return ()
    if ticket.reinstall_asked_at is not None:
        return (Offer(Verb.KEEP, say("keep"), say("to keep the machine as it is after all")),)
    return (Offer(Verb.KEEP, say("keep"), say("to keep the machine after all")),) if ticket.release_asked_at else ()


def _confirmations(ticket: Ticket, purpose: Purpose, moment: Moment) -> tuple[Offer, ...]:
    if purpose is not Purpose.CONFIRM:
        return ()
    confirm_by = moment.rules.lease.confirm_by
    if ticket.release_asked_at is not None and moment.now <= confirm_by(ticket.release_asked_at):
        return (Offer(Verb.CONFIRM, say("confirm"), say("to give the machine back now")),)
    if ticket.reinstall_asked_at is not None and moment.now <= confirm_by(ticket.reinstall_asked_at):
        return (Offer(Verb.CONFIRM, say("confirm"), say("to have its disk deleted and the machine installed again")),)
    if ticket.state is S.UNCONFIRMED and moment.allows(ticket.end_date):
        return (Offer(Verb.CONFIRM, say("confirm"), say("to say that the request is yours and send it to the admins")),)
    return ()


def _nowhere(_ticket: Ticket, _purpose: Purpose, _moment: Moment) -> tuple[Offer, ...]:
    return ()


def _to_anyone(verb: Verb, words: Translatable, meaning: Translatable, *purposes: Purpose) -> Offers:
    offer = (Offer(verb, words, meaning),)
    return lambda _ticket, asked, _moment: offer if asked in purposes else ()


# What a word becomes


def _plain(event: Callable[[Actor], Event]) -> Becomes:
    return lambda _command, actor, _ticket, _moment: event(actor)


def _approved(command: Command, actor: Actor, _ticket: Ticket, _moment: Moment) -> Event:
    return Approved(actor, command.until, command.disk_gib)


def _denied(command: Command, actor: Actor, _ticket: Ticket, _moment: Moment) -> Event:
    return Denied(actor, command.reason)


def _confirmed(_command: Command, actor: Actor, ticket: Ticket, _moment: Moment) -> Event:
    if ticket.reinstall_asked_at:
        return ReinstallWanted(actor)
    return Released(actor) if ticket.release_asked_at else Confirmed(actor)


def _restored(command: Command, actor: Actor, _ticket: Ticket, _moment: Moment) -> Event:
    return Restored(actor, command.until)


def _extended(command: Command, actor: Actor, ticket: Ticket, moment: Moment) -> Event | Refusal:
    """Until a day, or for a time counted from the present end date (from today where that is over)."""
    if command.until is not None:
        return ExtensionAsked(actor, command.until, automatic=True, reason=command.reason)
    period = Period(months=command.period_months or 0, days=command.period_days or 0)
    try:
        until = add_period(max(ticket.end_date, moment.today), period)
    except (OverflowError, ValueError):
        return Refusal(say("“{line}” ends further away than any calendar goes.", line=command.line))
    return ExtensionAsked(actor, until, automatic=True, reason=command.reason)


# The table


def row(verb: Verb) -> Row:
    """The row of a word: those of admins, those of owners, and those that change nothing."""
    match verb:
        case Verb.APPROVE | Verb.DENY | Verb.RETRY | Verb.PROCEED:
            return _of_admins(verb)
        case Verb.ADOPT | Verb.REBUILD | Verb.FORGET:  # of the letter about findings, which speaks of no single ticket
            return Row(_always(Risk.APPROVE_LARGE), _nowhere)
        case Verb.EXTEND | Verb.RELEASE | Verb.WITHDRAW | Verb.KEEP | Verb.RESTORE | Verb.CONFIRM | Verb.REINSTALL:
            return _of_owners(verb)
        case Verb.START | Verb.RESTART | Verb.CONSOLE | Verb.REKEY:
            return _at_the_machine(verb)
        case Verb.STATUS:
            answered = (Purpose.DECIDE, Purpose.OWN)
            return Row(
                _always(Risk.ASK),
                _to_anyone(Verb.STATUS, say("status"), say("to be told where things stand"), *answered),
            )
        case Verb.HELP:
            answered_too = (Purpose.DECIDE, Purpose.OWN, Purpose.CONFIRM)
            return Row(
                _always(Risk.ASK), _to_anyone(Verb.HELP, say("help"), say("to list what you can answer"), *answered_too)
            )
        case _:
            assert_never(verb)


def _of_admins(verb: Literal[Verb.APPROVE, Verb.DENY, Verb.RETRY, Verb.PROCEED]) -> Row:
    match verb:
        case Verb.APPROVE:
            return Row(_approving, _approvals, _approved)
        case Verb.DENY:
            return Row(_always(Risk.DENY), _denials, _denied)
        case Verb.RETRY:
            again = _when(Purpose.DECIDE, say("retry"), say("to build the machine again"), verb, holds=_in(S.FAILED))
            return Row(_always(Risk.APPROVE), again, _plain(Retried))
        case Verb.PROCEED:
            return Row(_always(Risk.APPROVE_LARGE), _nowhere)
        case _:
            assert_never(verb)


def _of_owners(
    verb: Literal[Verb.EXTEND, Verb.RELEASE, Verb.WITHDRAW, Verb.KEEP, Verb.RESTORE, Verb.CONFIRM, Verb.REINSTALL],
) -> Row:
    match verb:
        case Verb.EXTEND:
            return Row(_always(Risk.EXTEND), _extensions, _extended)
        case Verb.RELEASE:
            meaning = say("to give the machine back early; you will be asked to confirm")
            back = _when(Purpose.OWN, say("release"), meaning, verb, holds=_in(*LIVING))
            return Row(_always(Risk.RELEASE), back, _plain(ReleaseAsked))
        case Verb.REINSTALL:
            meaning = say("to have the machine installed again on a fresh disk; you will be asked to confirm")
            return Row(_always(Risk.RELEASE), _in_its_lease(verb, say("reinstall"), meaning), _plain(ReinstallAsked))
        case Verb.WITHDRAW:
            return Row(_always(Risk.WITHDRAW), _withdrawals, _plain(Withdrawn))
        case Verb.KEEP:
            return Row(_always(Risk.WITHDRAW), _keeping, _plain(Kept))
        case Verb.RESTORE:
            meaning = say("to bring the machine back with its disk")
            return Row(
                _always(Risk.RESTORE),
                _when(Purpose.OWN, say("restore"), meaning, verb, holds=_in(S.ARCHIVED)),
                _restored,
            )
        case Verb.CONFIRM:
            return Row(_always(Risk.CONFIRM), _confirmations, _confirmed)
        case _:
            assert_never(verb)


def _at_the_machine(verb: Literal[Verb.START, Verb.RESTART, Verb.CONSOLE, Verb.REKEY]) -> Row:
    """What is done at the machine by its worker, which writes the answer, too."""
    match verb:
        case Verb.START:
            action, words, meaning = Action.START, say("start"), say("to switch the machine on where it is off")
        case Verb.RESTART:
            action, words = Action.RESTART, say("restart")
            meaning = say("to shut the machine down and start it again")
        case Verb.CONSOLE:
            action, words, meaning = Action.CONSOLE, say("console"), say("to be sent the last lines of its console")
        case Verb.REKEY:
            action, words = Action.REKEY, say("rekey")
            meaning = say("to have the SSH keys of your account let you in again")
        case _:
            assert_never(verb)
    return Row(_always(Risk.EXTEND), _in_its_lease(verb, words, meaning), _plain(partial(MachineAsked, what=action)))


ROWS: Mapping[Verb, Row] = {verb: row(verb) for verb in Verb}
"""Every word's row; looked up by `[]`."""

OF_THE_BRAKE = (Offer(Verb.PROCEED, say("proceed"), say("to let these machines be stopped or removed")),)
"""What admins can say to the letter of the brake, which speaks of no single ticket."""

OF_THE_LETTER_BRAKE = (Offer(Verb.PROCEED, say("proceed"), say("to send everything that is held by then")),)
"""What admins can say to the letter about held letters."""

OF_FINDINGS: Mapping[Verb, Translatable] = {
    Verb.REBUILD: say("rebuild {machine}"),
    Verb.ADOPT: say("adopt {machine}"),
    Verb.FORGET: say("forget {machine}"),
}
"""What admins can say to the letter about what sites and tickets disagree on, each with the name of a machine."""


def of_finding(machine: str, verbs: Iterable[Verb], *, known: bool) -> tuple[Offer, ...]:
    """The lines that answer what was found about a machine; `known` where a ticket knows it."""
    wanted = frozenset(verbs)
    forgets = say("to end the ticket of {machine}; its owner is told")
    meanings = {
        Verb.REBUILD: say("to build {machine} again under its name; its owner is told"),
        Verb.ADOPT: say("to give {machine} a ticket of its owner's again"),
        Verb.FORGET: forgets if known else say("to hear no more of {machine}; it stays as it is"),
    }
    return tuple(
        Offer(verb, words.given(machine=machine), meanings[verb].given(machine=machine))
        for verb, words in OF_FINDINGS.items()
        if verb in wanted
    )
