"""The command words: one row a word, and the only place that knows what a word means.

A row says what is put at risk by the word (`trust` asks for proof of it), which event it becomes, and when and how
letters offer it.  Its spellings are a row of the same name in `parsers.reply.words`.  `row` is total over the words: a
new one is a type error here until its row is written, and every use looks it up by `[]`, so that none fails open.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal, TypeAlias, assert_never

from mailbot.model import (
    Action,
    Actor,
    Approved,
    Confirmed,
    Denied,
    EndDateSet,
    Event,
    ExtensionAsked,
    Kept,
    MachineAsked,
    Proceeded,
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
from mailbot.offers import (
    Moment,
    Offer,
    Offers,
    approvals,
    confirmations,
    denials,
    extensions,
    in_its_lease,
    in_states,
    is_unproven,
    keeping,
    may_go,
    nowhere,
    proceeding,
    restorations,
    to_anyone,
    when,
    withdrawals,
)
from mailbot.rules import Rules
from mailbot.trust import Risk
from parsers.dates import Period, add_period
from parsers.translatable import Translatable, say
from parsers.values import Command, Verb

S = TicketState


Risks: TypeAlias = Callable[[Command, Ticket, Rules], Risk]
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
    return tuple(offer for verb in _ORDER for offer in ROWS[verb].offers(ticket, purpose, moment))


def may_say(verb: Verb, ticket: Ticket, purpose: Purpose, now: datetime, rules: Rules) -> bool:
    """Whether a line with that word is among those `offered`."""
    return bool(ROWS[verb].offers(ticket, purpose, Moment(now, rules)))


_ORDER = (Verb.PROCEED, *(verb for verb in Verb if verb is not Verb.PROCEED))
"""The order in which lines are offered: where a letter asks whether something shall be done, the yes to that is first."""


# What is at risk


def _always(risk: Risk) -> Risks:
    return lambda _command, _ticket, _rules: risk


def _approving(command: Command, ticket: Ticket, rules: Rules) -> Risk:
    """More disk than usual is a risk of its own; an extension changes no disk."""
    disk_gib = command.disk_gib or (0 if ticket.asked_end_date else ticket.disk_gib)
    return Risk.APPROVE_LARGE if disk_gib > rules.policy.disk_gib else Risk.APPROVE


# What a word becomes


def _plain(event: Callable[[Actor], Event]) -> Becomes:
    return lambda _command, actor, _ticket, _moment: event(actor)


def _approved(command: Command, actor: Actor, ticket: Ticket, moment: Moment) -> Event | Refusal:
    """The yes to what is asked; where a machine's end waits for an admin, a last day is part of it."""
    if ticket.asked_end_date is not None or not is_unproven(ticket, moment):
        return Approved(actor, command.until, command.disk_gib)
    if command.until is None or command.disk_gib is not None:
        return Refusal(
            say(
                "Say how long the machine may run, for example “{example}”, or reply “{proceed}”.",
                example=say("approve until {date}", date=str(moment.latest)),
                proceed=say("proceed"),
            )
        )
    return EndDateSet(actor, command.until)


def _denied(command: Command, actor: Actor, _ticket: Ticket, _moment: Moment) -> Event:
    return Denied(actor, command.reason)


def _confirmed(_command: Command, actor: Actor, ticket: Ticket, _moment: Moment) -> Event:
    if ticket.reinstall_asked_at:
        return ReinstallWanted(actor)
    return Released(actor) if ticket.release_asked_at else Confirmed(actor)


def _restored(command: Command, actor: Actor, _ticket: Ticket, _moment: Moment) -> Event:
    return Restored(actor, command.until, command.reason)


def _extended(command: Command, actor: Actor, ticket: Ticket, moment: Moment) -> Event | Refusal:
    """Until a day, or for a time counted from the present end date (from today where that is over)."""
    if command.until is not None:
        return ExtensionAsked(actor, command.until, automatic=True, reason=command.reason)
    period = Period(months=command.period_months or 0, days=command.period_days or 0)
    try:
        until = add_period(max(ticket.end_date, moment.today), period)
    except (OverflowError, ValueError):
        return Refusal(say("“{line}” ends too far in the future.", line=command.line))
    return ExtensionAsked(actor, until, automatic=True, reason=command.reason)


# The table


def row(verb: Verb) -> Row:
    """The row of a word: those of admins, those of owners, and those that change nothing."""
    match verb:
        case Verb.APPROVE | Verb.DENY | Verb.RETRY | Verb.PROCEED:
            return _of_admins(verb)
        case Verb.ADOPT | Verb.REBUILD | Verb.FORGET:  # of the letter about findings, which speaks of no single ticket
            return Row(_always(Risk.APPROVE_LARGE), nowhere)
        case Verb.EXTEND | Verb.RELEASE | Verb.WITHDRAW | Verb.KEEP | Verb.RESTORE | Verb.CONFIRM | Verb.REINSTALL:
            return _of_owners(verb)
        case Verb.START | Verb.RESTART | Verb.CONSOLE | Verb.REKEY:
            return _at_the_machine(verb)
        case Verb.STATUS:
            answered = (Purpose.DECIDE, Purpose.OWN)
            return Row(
                _always(Risk.ASK),
                to_anyone(Verb.STATUS, say("status"), say("to see the current status"), *answered),
            )
        case Verb.HELP:
            answered_too = (Purpose.DECIDE, Purpose.OWN, Purpose.CONFIRM)
            return Row(
                _always(Risk.ASK), to_anyone(Verb.HELP, say("help"), say("to list what you can answer"), *answered_too)
            )
        case _:
            assert_never(verb)


def _of_admins(verb: Literal[Verb.APPROVE, Verb.DENY, Verb.RETRY, Verb.PROCEED]) -> Row:
    match verb:
        case Verb.APPROVE:
            return Row(_approving, approvals, _approved)
        case Verb.DENY:
            return Row(_always(Risk.DENY), denials, _denied)
        case Verb.RETRY:
            again = when(
                Purpose.DECIDE, say("retry"), say("to build the machine again"), verb, holds=in_states(S.FAILED)
            )
            return Row(_always(Risk.APPROVE), again, _plain(Retried))
        case Verb.PROCEED:
            return Row(_always(Risk.APPROVE_LARGE), proceeding, _plain(Proceeded))
        case _:
            assert_never(verb)


def _of_owners(
    verb: Literal[Verb.EXTEND, Verb.RELEASE, Verb.WITHDRAW, Verb.KEEP, Verb.RESTORE, Verb.CONFIRM, Verb.REINSTALL],
) -> Row:
    match verb:
        case Verb.EXTEND:
            return Row(_always(Risk.EXTEND), extensions, _extended)
        case Verb.RELEASE:
            meaning = say("to give the machine back early; you will be asked to confirm")
            back = when(Purpose.OWN, say("release"), meaning, verb, holds=may_go)
            return Row(_always(Risk.RELEASE), back, _plain(ReleaseAsked))
        case Verb.REINSTALL:
            meaning = say("to reinstall the machine on a new disk; you will be asked to confirm")
            fresh = in_its_lease(verb, say("reinstall"), meaning, holds=may_go)
            return Row(_always(Risk.RELEASE), fresh, _plain(ReinstallAsked))
        case Verb.WITHDRAW:
            return Row(_always(Risk.WITHDRAW), withdrawals, _plain(Withdrawn))
        case Verb.KEEP:
            return Row(_always(Risk.WITHDRAW), keeping, _plain(Kept))
        case Verb.RESTORE:
            return Row(_always(Risk.RESTORE), restorations, _restored)
        case Verb.CONFIRM:
            return Row(_always(Risk.CONFIRM), confirmations, _confirmed)
        case _:
            assert_never(verb)


def _at_the_machine(verb: Literal[Verb.START, Verb.RESTART, Verb.CONSOLE, Verb.REKEY]) -> Row:
    """What is done at the machine by its worker, which writes the answer, too."""
    match verb:
        case Verb.START:
            action, words, meaning = Action.START, say("start"), say("to switch the machine on if it is off")
        case Verb.RESTART:
            action, words = Action.RESTART, say("restart")
            meaning = say("to shut the machine down and start it again")
        case Verb.CONSOLE:
            action, words, meaning = Action.CONSOLE, say("console"), say("to get the last lines of its console")
        case Verb.REKEY:
            action, words = Action.REKEY, say("rekey")
            meaning = say("to install the SSH keys of your account again")
        case _:
            assert_never(verb)
    return Row(_always(Risk.EXTEND), in_its_lease(verb, words, meaning), _plain(partial(MachineAsked, what=action)))


ROWS: Mapping[Verb, Row] = {verb: row(verb) for verb in Verb}
"""Every word's row; looked up by `[]`."""

OF_THE_BRAKE = (Offer(Verb.PROCEED, say("proceed"), say("to allow these machines to be stopped or removed")),)
"""What admins can say to the letter of the brake, which speaks of no single ticket."""

OF_THE_LETTER_BRAKE = (Offer(Verb.PROCEED, say("proceed"), say("to send everything that is held back by then")),)
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
    forgets = say("to close the ticket of {machine}; its owner will be told")
    meanings = {
        Verb.REBUILD: say("to build {machine} again under the same name; its owner will be told"),
        Verb.ADOPT: say("to give {machine} a ticket in its owner's name again"),
        Verb.FORGET: forgets if known else say("to stop messages about {machine}; it stays as it is"),
    }
    return tuple(
        Offer(verb, words.given(machine=machine), meanings[verb].given(machine=machine))
        for verb, words in OF_FINDINGS.items()
        if verb in wanted
    )
