"""A reply to one of our letters: to an event, or to an answer that says why not and what can be said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from mailbot import policy, tokens
from mailbot.commands import ROWS, may_say
from mailbot.errors import DirectoryUnavailable
from mailbot.letters.answers import CommandRefused, Console, Help, RootKeys, Status, UnclearReply
from mailbot.letters.kinds import LetterFacts
from mailbot.letters.questions import AdminAlreadyDecided
from mailbot.lifecycle.decide import decide
from mailbot.lifecycle.lease import steps_ahead
from mailbot.lifecycle.question import still_asked
from mailbot.lifecycle.steps import STATE_WORDS, standing
from mailbot.model import (
    LIVING,
    Action,
    Actor,
    Admin,
    Approved,
    Confirmed,
    Event,
    EventKind,
    HistoryEntry,
    MachineAsked,
    Person,
    Purpose,
    Refusal,
    Restored,
    Role,
    Ticket,
    TicketState,
)
from mailbot.offers import Moment
from mailbot.timetable import in_zone
from mailbot.tokens import Reference
from mailbot.trust import Evidence, Proof, Risk
from mailbot.turns import findings, owners, repetition
from mailbot.turns.brake_replies import BrakeReply, number_of
from mailbot.turns.confirmations import answers_another, with_confirmation
from mailbot.turns.context import TurnContext, usable_keys
from mailbot.turns.evidence import Look, lack_of, nothing, risk_of
from mailbot.turns.finding_replies import FindingReply
from mailbot.turns.judgement import Judgement, answered, answered_stranger, happened, left
from parsers.translatable import Translatable, say
from parsers.values import Command, Mail, Unclear, Verb
from provisioner.naming import machine_name

_WENT_TO_OTHERS = say(
    "Nothing was done: an answer to this message also went to other people, who could now write in your name. Please reply to a message that is sent to you on another day (write {status} tomorrow), or ask another admin.",
    status=say("status"),
)
_ANSWERED = frozenset({Purpose.DECIDE, Purpose.OWN, Purpose.CONFIRM})


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One reply and all that is known about it: who answers which letter about which ticket, with what evidence."""

    context: TurnContext
    mail: Mail
    who: Person | Admin
    ticket: Ticket
    reference: Reference
    evidence: Evidence
    now: datetime

    def answer(self, facts: LetterFacts, note: str) -> Judgement:
        proven = not self.evidence.failed
        return answered(
            self.context, self.mail, self.who, facts, self.now, ticket=self.ticket, note=note, proven=proven
        )

    def spoken(self, language: str) -> _Exchange:
        """The same where its owner has now written in that language ("" for none): from here on, letters are in it."""
        owners = self.reference.purpose is not Purpose.DECIDE and language
        return replace(self, ticket=replace(self.ticket, language=language)) if owners else self

    def refuse(self, words: str, why: Translatable) -> Judgement:
        found = "; ".join(f"{name}: {said}" for name, said in self.evidence.found.items())
        note = f"refused: {why}{f' ({found})' if found else ''}"
        refused = CommandRefused(words=words, why=why, purpose=self.reference.purpose, subject=self.mail.subject)
        return self.answer(refused, note)


def judge_reply(
    context: TurnContext, mail: Mail, said: Command | Unclear, now: datetime, look: Look = nothing
) -> Judgement:
    """What the newest words of a mail lead to.

    1. Does it answer a letter of ours?  If not, people read it.
    2. Was that letter written to this sender, and are they still who they were?  A number, a quote
       or a forwarded letter gives no authority.
    3. Does the mail prove what the risk table asks for this command?
    4. Is it one command, and may it be said now?
    5. The lifecycle decides; a refusal is answered with the reason and with what can be said.
    """
    references = tokens.references_in(mail.references, mail.recipients, context.letters)
    codes = () if references else tokens.codes_in(mail.text)
    if not references and not codes:
        return left("neither a request nor an answer to a letter of ours")
    admin = context.admin(mail.sender.address)
    person = _person(context, mail, references, admin)
    references = references or _by_code(context, codes, admin, person, now)
    if admin is None and person is None:
        return _from_nobody(context, mail, references, now)
    if admin is not None and (number := number_of(context, references, admin)):
        of_findings = findings.is_letter(context.store, number)
        answer = FindingReply if of_findings else BrakeReply
        return answer(context, mail, admin, number, now).judged(said, look)
    exchange = _exchange(context, mail, references, now, admin=admin, person=person)
    if exchange is None:
        return left("an answer to a letter of ours from somebody it was not written to")
    exchange = _proven(exchange.spoken(said.language), said, look, by_code=bool(codes))
    return repetition.remember_copies(context, mail, exchange.reference, _decided(exchange, said), now)


def _person(context: TurnContext, mail: Mail, references: tuple[Reference, ...], admin: Admin | None) -> Person | None:
    """The user who writes.  An admin who answers questions is known without the directory: no decision waits for it.

    Raises DirectoryUnavailable where only the directory could tell who writes.
    """
    try:
        return context.directory.by_address(mail.sender.address)
    except DirectoryUnavailable:
        if admin is not None and references and all(one.purpose is Purpose.DECIDE for one in references):
            return None
        raise


def _decided(exchange: _Exchange, said: Command | Unclear) -> Judgement:
    """Steps 3 to 5 of `judge_reply`."""
    if lack := _lack(exchange):
        return exchange.refuse(said.words if isinstance(said, Unclear) else said.line, lack)
    if isinstance(said, Command):
        machine = machine_name(exchange.ticket.username)
        if said.machine and said.machine != machine:
            other = say("This is about {machine}, and you wrote about {other}.", machine=machine, other=said.machine)
            return exchange.refuse(said.line, other)
        return _obey(exchange, said)
    note = f"unclear: {said.why}"
    unclear = UnclearReply(
        words=said.words, why=said.why, purpose=exchange.reference.purpose, subject=exchange.mail.subject
    )
    context, mail, now = exchange.context, exchange.mail, exchange.now
    answer = partial(exchange.answer, unclear, note)
    return repetition.answered_once(context, mail, exchange.ticket.id, now, note=note, answer=answer)


def _proven(exchange: _Exchange, said: Command | Unclear, look: Look, *, by_code: bool) -> _Exchange:
    """With what the mail proves by its headers and signatures, held against what its command needs."""
    rules = exchange.context.rules
    risk = risk_of(said, exchange.ticket, rules)
    evidence = exchange.evidence if risk is Risk.ASK else exchange.evidence.with_checked(look())
    evidence = with_confirmation(exchange.context, exchange.mail, exchange.ticket, evidence, exchange.now)
    if by_code:
        evidence = replace(evidence, found={**evidence.found, "token": "the visible code"})
    return replace(exchange, evidence=evidence.for_risk(risk, rules.trust))


def _lack(exchange: _Exchange) -> Translatable:
    """Why what was said cannot be done on this evidence, as words for the sender; empty where it can."""
    days = exchange.context.letters.expiry_days
    if tokens.expired(exchange.reference, exchange.context.came(), exchange.now, days):
        return say(
            "The message that you replied to is older than {days} days. Please reply to this one instead.", days=days
        )
    evidence = exchange.evidence
    alone = evidence.risk is not Risk.ASK and not evidence.proofs & {Proof.ALIGNED, Proof.SIGNED}
    if alone and repetition.went_to_others(exchange.context, exchange.reference):
        return _WENT_TO_OTHERS
    return lack_of(exchange.context, evidence, evidence.risk or Risk.ASK)


def _by_code(
    context: TurnContext, codes: tuple[str, ...], admin: Admin | None, person: Person | None, now: datetime
) -> tuple[Reference, ...]:
    """What the visible codes in a mail stand for, for somebody whose client lost every header.

    A code counts like the token that it stands for: only from the person whom it was written to, for
    the ticket as it is now, and with whatever else the risk table asks for.
    """
    found = []
    for code in codes:
        ticket = context.store.ticket(tokens.ticket_of_code(code))
        if ticket is None:
            continue
        own = person is not None and owners.is_owner(context, person, ticket)
        recipients = [*((admin.address,) if admin else ()), *((person.email,) if person else ())]
        recipients += owners.addresses(context, person, ticket) if person is not None and own else ()
        keys, days = context.letters.keys, context.letters.expiry_days
        one = tokens.reference_of_code(
            keys, code, ticket.version, recipients, came=context.came(), now=now, expiry_days=days, nonce=ticket.nonce
        )
        found.append(one)
    return tuple(one for one in found if one is not None)


def _from_nobody(context: TurnContext, mail: Mail, references: tuple[Reference, ...], now: datetime) -> Judgement:
    """An address that nobody has registered: if it was written to once, it hears that it no longer counts, and nothing else.

    Where it had enough answers for today, people read the mail: whoever had a machine may not know that nobody heard.
    """
    if any(_written_to(context, reference, (mail.sender.address,)) for reference in references):
        note = "an answer from an address that is not registered any more"
        judgement = answered_stranger(context, mail, now, note)
        return left(judgement.why) if judgement.turn is None else judgement
    return left("an answer to a letter of ours from somebody it was not written to")


def _written_to(context: TurnContext, reference: Reference, recipients: Iterable[str]) -> Ticket | None:
    """The ticket that a letter was about, where one of these addresses was written to; the token is bound to the ticket's nonce."""
    ticket = context.store.ticket(reference.ticket_id)
    if ticket is None:
        return None
    keys, nonce = context.letters.keys, ticket.nonce
    return ticket if any(tokens.verify(keys, reference, one, nonce=nonce) for one in recipients) else None


def _exchange(
    context: TurnContext,
    mail: Mail,
    references: tuple[Reference, ...],
    now: datetime,
    *,
    admin: Admin | None,
    person: Person | None,
) -> _Exchange | None:
    """The first letter of ours that this mail answers and that was written to its sender."""
    address = mail.sender.address
    for reference in references:
        if reference.purpose not in _ANSWERED:
            continue
        deciding = reference.purpose is Purpose.DECIDE
        who: Person | Admin | None = admin if deciding else person
        ticket = _written_to(context, reference, (address,)) if deciding else _owned(context, reference, person)
        if ticket is None:
            continue
        proofs = {Proof.TOKEN} if who is None else {Proof.TOKEN, Proof.REGISTERED}
        known = who or person
        if known is None:
            raise AssertionError("one of them is there, see `judge_reply`")
        return _Exchange(context, mail, known, ticket, reference, Evidence(address, frozenset(proofs)), now)
    return None


def _owned(context: TurnContext, reference: Reference, person: Person | None) -> Ticket | None:
    """The ticket that a letter to its owner was about, where this person is the owner.

    To which of the owner's addresses it went, now or before, is all the same: login and address change, the id does not.
    An address of the owner's may belong to somebody else by now, who has another id.
    """
    ticket = context.store.ticket(reference.ticket_id)
    if ticket is None or person is None or not owners.is_owner(context, person, ticket):
        return None
    return _written_to(context, reference, owners.addresses(context, person, ticket))


def _obey(exchange: _Exchange, command: Command) -> Judgement:
    ticket, reference, context = exchange.ticket, exchange.reference, exchange.context
    if command.verb in {Verb.STATUS, Verb.HELP}:
        return _informed(exchange, command.verb)
    free = replace(ticket, held="")  # what only a hold keeps from being offered is refused below, in words of its own
    if not may_say(command.verb, free, reference.purpose, exchange.now, context.rules):
        return _too_late(exchange, command)
    confirms = command.verb is Verb.CONFIRM
    another = confirms and answers_another(context, exchange.mail, reference, ticket)
    if reference.purpose is not Purpose.OWN and (another or reference.version != ticket.version):
        if _is_decision(exchange, command) and (outcome := _outcome(exchange)) is not None:
            return exchange.answer(AdminAlreadyDecided(words=command.line, outcome=outcome), "already decided")
        why = say(
            "The request has changed since the message that you replied to. Please reply to the newest one about it."
        )
        return exchange.refuse(command.line, why)
    role = Role.ADMIN if reference.purpose is Purpose.DECIDE else Role.OWNER
    mail, evidence = exchange.mail, exchange.evidence
    actor = Actor(role, evidence.sender, mail.sha256, mail.message_id or "", evidence.as_facts())
    becomes = ROWS[command.verb].becomes
    event = becomes(command, actor, ticket, Moment(exchange.now, context.rules)) if becomes else _NO_EVENT
    event = _still_possible(exchange, event)
    if isinstance(event, Refusal):
        return exchange.refuse(command.line, event.why)
    owner = None if role is Role.ADMIN else owners.ask(context, ticket)
    step = decide(ticket, event, context.circumstances(exchange.now, ticket, owner))
    if isinstance(step, Refusal):
        return exchange.refuse(command.line, step.why)
    turn = happened(event, ticket, step, exchange.now)
    return turn if not isinstance(event, MachineAsked) else _at_the_machine(exchange, event, turn)


def _at_the_machine(exchange: _Exchange, event: MachineAsked, judged: Judgement) -> Judgement:
    """Have the machine's worker do it and write the answer: one row does and tells."""
    purpose, subject, note = exchange.reference.purpose, exchange.mail.subject, judged.why
    match event.what:
        case Action.CONSOLE:
            told = exchange.answer(Console(purpose=purpose, subject=subject), note).turn
        case Action.REKEY:
            told = exchange.answer(RootKeys(purpose=purpose, subject=subject), note).turn
        case _:
            told = _informed(exchange, Verb.STATUS).turn
    action = event.what
    rows = tuple(
        replace(effect, action=action, key=f"{action.value}:{effect.key}") for effect in (told.effects if told else ())
    )
    if judged.turn is None:
        return judged
    return replace(judged, turn=replace(judged.turn, effects=(*judged.turn.effects, *rows)))


def _informed(exchange: _Exchange, verb: Verb) -> Judgement:
    purpose, subject = exchange.reference.purpose, exchange.mail.subject
    if verb is Verb.HELP:
        return exchange.answer(Help(purpose=purpose, subject=subject), "asked for help")
    ticket, context = exchange.ticket, exchange.context
    living = ticket.state in {TicketState.ACTIVE, TicketState.EXPIRED}
    dates = steps_ahead(ticket, context.circumstances(exchange.now, ticket)) if living else ()
    status = Status(state=standing(ticket), dates=dates, purpose=purpose, subject=subject)
    outcome = exchange.answer(status, "asked for the status")
    if not living:
        return outcome
    # How the machine is, only its hypervisor knows: the worker asks it and writes the letter.
    answers = outcome.turn.effects if outcome.turn else ()
    asked = tuple(replace(effect, action=Action.REPORT, key=f"report:{effect.key}") for effect in answers)
    return outcome.with_turn(exchange.now, effects=asked)


_CLOSED_BY = {
    EventKind.APPROVED: say("The request was approved by {who} {when}."),
    EventKind.DENIED: say("The request was denied by {who} {when}."),
    EventKind.WITHDRAWN: say("The request was withdrawn by {who} {when}."),
    EventKind.RELEASED: say("The question was closed {when}, because the machine was given back by {who}."),
    EventKind.ENDED: say("The question was closed {when}, because the machine was removed by {who}."),
    EventKind.PROCEEDED: say("The question was answered with “{proceed}” by {who} {when}.", proceed=say("proceed")),
    EventKind.END_DATE_SET: say("The question was answered with another last day by {who} {when}."),
    EventKind.RESTORED: say("The question was closed {when}, because the machine was brought back by {who}."),
}
"""What closes a question, as words for whoever answers it after that."""


def _outcome(exchange: _Exchange) -> Translatable | None:
    """What became of the very question that is answered, a sentence; None where nothing did."""
    context, ticket = exchange.context, exchange.ticket
    letters, zone = context.store.accepted(ticket.id), context.rules.service.timezone
    answered = {tokens.without_token(one) for one in exchange.mail.references}
    # When the question was sent; its day, where the answer came by an address or a code that names no letter.
    sent = [one.accepted_at for one in letters if one.message_id in answered]
    asked_on = max(sent, default=tokens.moment_of(exchange.reference.day))
    for line in context.store.history(ticket.id):
        if line.event in _CLOSED_BY and line.at >= asked_on and not _asks(line):
            return _CLOSED_BY[line.event].given(who=line.actor.who, when=in_zone(line.at, zone))
    return None


def _asks(line: HistoryEntry) -> bool:
    """Whether a wish to have a machine back only became a question to the admins."""
    return line.event is EventKind.RESTORED and line.after is TicketState.ARCHIVED


def _is_decision(exchange: _Exchange, command: Command) -> bool:
    return exchange.reference.purpose is Purpose.DECIDE and command.verb in _DECIDES


_DECIDES = frozenset({Verb.APPROVE, Verb.DENY, Verb.PROCEED})


def _too_late(exchange: _Exchange, command: Command) -> Judgement:
    """Somebody decided first, or the command never was one for this letter: say which."""
    ticket = exchange.ticket
    deciding = _is_decision(exchange, command)
    outcome = _outcome(exchange) if deciding else None
    if outcome is not None:
        # A denial answers a question, and that one has its answer; who wants no machine after all has to end it.
        building = command.verb is Verb.DENY and ticket.is_being_built
        told = AdminAlreadyDecided(words=command.line, outcome=outcome, building=building)
        return exchange.answer(told, "already decided")
    state = STATE_WORDS[ticket.state]
    why = say("“{words}” is not possible now: {state}.", words=command.line, state=state)
    if deciding and ticket.state in LIVING and ticket.asked_end_date is None:
        why = say(
            "That question is no longer open: nobody decided in time, so it lapsed, and the last day is as before."
        )
    if deciding and ticket.state is TicketState.ARCHIVED and ticket.asked_end_date is None:
        why = say("That question is no longer open: nobody decided in time, so it lapsed.")
    if command.verb in {Verb.EXTEND, Verb.RESTORE} and ticket.asked_end_date is not None:
        why = still_asked(ticket, ticket.asked_end_date)
    return exchange.refuse(command.line, why)


_NO_EVENT = Refusal(say("That word does not apply to this machine."))


def _still_possible(exchange: _Exchange, event: Event | Refusal) -> Event | Refusal:
    """What only the store and the directory know: another ticket may have been faster, and a person may have changed."""
    match event:
        case Restored():
            return _place_free(exchange) or event
        case Approved() if exchange.ticket.state is TicketState.ARCHIVED:
            return _place_free(exchange) or event
        case Confirmed():
            return _place_free(exchange) or _person_fit(exchange) or event
        case MachineAsked(what=Action.REKEY):
            return _person_fit(exchange) or event
        case _:
            return event


def _place_free(exchange: _Exchange) -> Refusal | None:
    ticket, context = exchange.ticket, exchange.context
    other = context.store.open_ticket_of(ticket.username, ticket.person_id)
    if other is None:
        return None
    who = exchange.who
    if isinstance(who, Person) and not owners.is_owner(context, who, other):
        another = say("There is now another {machine}, which is not yours. Please ask the admins.")
        return Refusal(another.given(machine=machine_name(ticket.username)))
    taken = say("There is already another one for {login} (#{ticket}): {state}.", login=other.login, ticket=other.id)
    return Refusal(taken.given(state=STATE_WORDS[other.state]))


def _person_fit(exchange: _Exchange) -> Refusal | None:
    """The directory may say something else than when the request came."""
    who = exchange.who
    problems = policy.person_problems(who, *usable_keys(who)) if isinstance(who, Person) else ()
    return Refusal(policy.refusal(problems)) if problems else None
