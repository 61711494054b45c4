"""A reply to one of our letters: to an event, or to an answer that says why not and what can be said."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from mailbot import lifecycle, policy, tokens, trust
from mailbot.handlers.office import Office
from mailbot.handlers.outcome import Outcome, answered, happened, left
from mailbot.lifecycle import STATE_WORDS, as_facts, sayings
from mailbot.model import (
    Actor,
    Admin,
    Approved,
    Confirmed,
    Denied,
    Event,
    Letter,
    Person,
    Purpose,
    Refusal,
    Role,
    Ticket,
    Withdrawn,
)
from mailbot.tokens import Reference
from mailbot.trust import Deed, Evidence, Proof
from mailbot.timetable import moment_in_words
from parsers.values import Command, Mail, Unclear, Verb

_DEED = {Purpose.DECIDE: Deed.DECIDE, Purpose.OWN: Deed.OWN, Purpose.CONFIRM: Deed.CONFIRM}


def judge_reply(office: Office, mail: Mail, said: Command | Unclear, now: datetime) -> Outcome:
    """What the newest words of a mail lead to.

    1. Does it answer a letter of ours?  If not, people read it.
    2. Was that letter written to this sender, and are they still who they were?  A number, a quote
       or a forwarded letter gives no authority.
    3. Is it one command, and may it be said now?
    4. The lifecycle decides; a refusal is answered with the reason and with what can be said.
    """
    references = tokens.references_in(mail.references, mail.recipients, office.letters)
    if not references:
        return left("neither a request nor an answer to a letter of ours")
    speaker = _speaker(office, mail, references)
    if speaker is None:
        return left("an answer to a letter of ours from somebody it was not written to")
    who, reference, evidence = speaker
    ticket = office.store.ticket(reference.ticket_id)
    if ticket is None:
        return left(f"an answer about ticket #{reference.ticket_id}, which does not exist")
    lack = trust.missing(_DEED[reference.purpose], evidence)
    if lack:
        return _refused(office, mail, who, ticket, reference, said, now, f"It was not done: {lack}.")
    if isinstance(said, Unclear):
        return answered(
            office,
            mail,
            who,
            Letter.UNCLEAR_REPLY,
            now,
            ticket=ticket,
            note=f"unclear: {said.why}",
            words=said.words,
            why=said.why,
            **_can_say(ticket, reference),
        )
    return _obey(office, mail, who, ticket, reference, said, evidence, now)


def _speaker(
    office: Office, mail: Mail, references: tuple[Reference, ...]
) -> tuple[Person | Admin, Reference, Evidence] | None:
    """Who answers which letter: the first token that was made for an address of this sender."""
    address = mail.sender.address
    admin = office.admin(address)
    person = office.directory.by_address(address)
    for reference in references:
        if reference.purpose is Purpose.DECIDE:
            recipients = (address,)
        elif person is not None:
            recipients = (person.email,)
        else:
            continue
        for recipient in recipients:
            if not tokens.verify(office.letters.keys, reference, recipient):
                continue
            proofs = {Proof.TOKEN}
            if (admin if reference.purpose is Purpose.DECIDE else person) is not None:
                proofs.add(Proof.REGISTERED)
            who = admin or person or Admin("", mail.sender.name, address)
            if reference.purpose is not Purpose.DECIDE and person is not None:
                who = person
            return who, reference, Evidence(address, frozenset(proofs))
    return None


def _refused(
    office: Office,
    mail: Mail,
    who: Person | Admin,
    ticket: Ticket,
    reference: Reference,
    said: Command | Unclear,
    now: datetime,
    why: str,
) -> Outcome:
    return answered(
        office,
        mail,
        who,
        Letter.COMMAND_REFUSED,
        now,
        ticket=ticket,
        note=f"refused: {why}",
        words=said.line if isinstance(said, Command) else said.words,
        why=why,
        **_can_say(ticket, reference),
    )


def _can_say(ticket: Ticket, reference: Reference) -> dict[str, Any]:
    return {"commands": as_facts(ticket, reference.purpose), "purpose": reference.purpose.value}


def _obey(
    office: Office,
    mail: Mail,
    who: Person | Admin,
    ticket: Ticket,
    reference: Reference,
    command: Command,
    evidence: Evidence,
    now: datetime,
) -> Outcome:
    if command.verb in {Verb.STATUS, Verb.HELP}:
        return _informed(office, mail, who, ticket, reference, command.verb, now)
    if command.verb not in {saying.verb for saying in sayings(ticket, reference.purpose)}:
        return _too_late(office, mail, who, ticket, reference, command, now)
    if reference.purpose is Purpose.DECIDE and reference.version != ticket.version:
        why = "The request has changed since the letter that you answer. Please answer the newest letter about it."
        return _refused(office, mail, who, ticket, reference, command, now, why)
    role = Role.ADMIN if reference.purpose is Purpose.DECIDE else Role.OWNER
    actor = Actor(role, evidence.sender, mail.sha256, mail.message_id or "", evidence.as_facts())
    event = _event(office, ticket, command, actor, now)
    if isinstance(event, Refusal):
        return _refused(office, mail, who, ticket, reference, command, now, event.why)
    step = lifecycle.decide(ticket, event, office.about(now, ticket))
    if isinstance(step, Refusal):
        return _refused(office, mail, who, ticket, reference, command, now, step.why)
    return happened(event, actor, ticket, step, now)


def _informed(
    office: Office, mail: Mail, who: Person | Admin, ticket: Ticket, reference: Reference, verb: Verb, now: datetime
) -> Outcome:
    facts = _can_say(ticket, reference)
    if verb is Verb.HELP:
        return answered(office, mail, who, Letter.HELP, now, ticket=ticket, note="asked for help", **facts)
    facts["state"] = f"The request {STATE_WORDS[ticket.state]}."
    facts["dates"] = [{"when": ticket.end_date.isoformat(), "what": "last day of the machine"}]
    return answered(office, mail, who, Letter.STATUS, now, ticket=ticket, note="asked for the status", **facts)


def _too_late(
    office: Office,
    mail: Mail,
    who: Person | Admin,
    ticket: Ticket,
    reference: Reference,
    command: Command,
    now: datetime,
) -> Outcome:
    """Somebody decided first, or the command never was one for this letter: say which."""
    decision = next(
        (line for line in reversed(office.store.history(ticket.id)) if line.event in {"Approved", "Denied", "Withdrawn"}),
        None,
    )
    when = moment_in_words(decision.at, office.rules.service.timezone) if decision else ""
    if command.verb in {Verb.APPROVE, Verb.DENY} and reference.purpose is Purpose.DECIDE and decision is not None:
        return answered(
            office,
            mail,
            who,
            Letter.ADMIN_ALREADY_DECIDED,
            now,
            ticket=ticket,
            note="already decided",
            words=command.line,
            outcome=f"The request was {decision.summary}, on {when}.",
        )
    why = f"“{command.verb.value}” cannot be done now: the request {STATE_WORDS[ticket.state]}."
    return _refused(office, mail, who, ticket, reference, command, now, why)


def _event(office: Office, ticket: Ticket, command: Command, actor: Actor, now: datetime) -> Event | Refusal:
    """A command as the event that it asks for, within what policy allows."""
    match command.verb:
        case Verb.APPROVE:
            return _approval(office, command, actor, now)
        case Verb.DENY if not command.reason.strip():
            return Refusal("A refusal needs a reason, because the requester reads it: write it behind the word.")
        case Verb.DENY:
            return Denied(actor, command.reason.strip())
        case Verb.WITHDRAW:
            return Withdrawn(actor)
        case Verb.CONFIRM:
            return Confirmed(actor)
        case _:
            return Refusal(f"The request {STATE_WORDS[ticket.state]}.")


def _approval(office: Office, command: Command, actor: Actor, now: datetime) -> Event | Refusal:
    until: date | None = command.until
    problems = [
        *(policy.end_date_problems(until, office.rules, now) if until else ()),
        *(policy.disk_problems(command.disk_gib, office.rules.policy) if command.disk_gib is not None else ()),
    ]
    if problems:
        return Refusal(" ".join(f"{p.field}: {p.found} was read; what can be is {p.allowed}." for p in problems))
    return Approved(actor, until, command.disk_gib)


