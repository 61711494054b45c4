"""A second template: from somebody whose request waits, or who has a machine already.

Anybody can write in anybody's name, and a template carries no token by itself.  So a second one does something only where its
owner is proven: by a reply to a letter about the very ticket, or by the domain or key that stands behind the mail.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from mailbot import tokens
from mailbot.letters.answers import CommandRefused
from mailbot.lifecycle.decide import decide
from mailbot.model import (
    LIVING,
    Actor,
    ExtensionAsked,
    Person,
    Purpose,
    Refusal,
    Replaced,
    Role,
    Ticket,
    TicketState,
)
from mailbot.tokens import Reference
from mailbot.trust import Evidence, Proof, Risk
from mailbot.turns import owners, repetition
from mailbot.turns.confirmations import with_confirmation
from mailbot.turns.context import TurnContext
from mailbot.turns.evidence import FAILED
from mailbot.turns.judgement import Judgement, answered, happened
from parsers.translatable import Translatable, say
from parsers.values import Mail, Request

_PROVES_THE_OWNER = frozenset({Proof.TOKEN, Proof.ALIGNED, Proof.SIGNED})
_IN_A_FAILED_MAIL = frozenset({Proof.CONFIRMED})


@dataclass(frozen=True, slots=True)
class _Second:
    """One such mail, the ticket that takes its owner's place, and what the mail proves."""

    context: TurnContext
    mail: Mail
    request: Request
    ticket: Ticket
    person: Person
    evidence: Evidence
    now: datetime

    @property
    def proven(self) -> bool:
        """Whether more than an address says that the owner wrote."""
        proofs = self.evidence.proofs
        enough = _IN_A_FAILED_MAIL if self.evidence.failed else _PROVES_THE_OWNER
        return Proof.REGISTERED in proofs and bool(proofs & enough)

    @property
    def until(self) -> date:
        return self.request.fields.expiration_date or self.ticket.end_date

    def owner(self) -> Actor:
        facts = self.evidence.for_risk(Risk.OPEN, self.context.rules.trust).as_facts()
        return Actor(Role.OWNER, self.mail.sender.address, self.mail.sha256, self.mail.message_id or "", facts)

    def decided(self, event: ExtensionAsked | Replaced) -> Judgement:
        step = decide(
            self.ticket, event, self.context.circumstances(self.now, self.ticket, owners.ask(self.context, self.ticket))
        )
        if isinstance(step, Refusal):
            return self.refused(step.why, note=f"refused: {step.why}")
        return happened(event, self.ticket, step, self.now)

    def refused(self, why: Translatable, *, note: str) -> Judgement:
        """Said to the ticket's owner, with a token, so that the right answer can be given at once."""
        words = f"expiration date: {self.request.fields.expiration_text or self.until}"
        refused = CommandRefused(words=words, why=why, purpose=Purpose.OWN, subject=self.mail.subject)
        return answered(
            self.context,
            self.mail,
            self.person,
            refused,
            self.now,
            ticket=self.ticket,
            note=note,
            proven=self.proven,
            language=self.request.language,
        )


def judge_second(
    context: TurnContext, mail: Mail, request: Request, ticket: Ticket, *, person: Person, evidence: Evidence
) -> Judgement | None:
    """What a complete template in the owner's name does to the ticket in the owner's place; None where that only stands in the way."""
    now = context.clock.now()
    reference = _answers_a_letter(context, mail, person, ticket, now)
    if reference is not None and not repetition.went_to_others(context, reference):
        evidence = replace(evidence, proofs=evidence.proofs | {Proof.TOKEN})
        evidence = with_confirmation(context, mail, ticket, evidence, now)
    second = _Second(context, mail, request, ticket, person, evidence, now)
    judgement: Judgement | None = None
    if ticket.state in LIVING:
        judgement = _longer(second)
    elif ticket.state is TicketState.PENDING and second.proven:
        judgement = _replacing(second)
    elif ticket.state is TicketState.PENDING and evidence.failed and reference is not None:
        judgement = second.refused(FAILED, note="refused: a form that failed our border's check")
    if judgement is None or reference is None:
        return judgement
    return repetition.remember_copies(context, mail, reference, judgement, now)


def _answers_a_letter(
    context: TurnContext, mail: Mail, person: Person, ticket: Ticket, now: datetime
) -> Reference | None:
    """The letter to the owner, about this very ticket, that the mail answers."""
    days, keys = context.letters.expiry_days, context.letters.keys
    for one in tokens.references_in(mail.references, mail.recipients, context.letters):
        fits = (
            one.ticket_id == ticket.id
            and one.purpose is Purpose.OWN
            and not tokens.expired(one, context.came(), now, days)
        )
        if fits and any(
            tokens.verify(keys, one, address, nonce=ticket.nonce)
            for address in owners.addresses(context, person, ticket)
        ):
            return one
    return None


def _replacing(second: _Second) -> Judgement:
    """The request of a proven owner takes the place of the one that waits, which may have been forged."""
    fields, mail = second.request.fields, second.mail
    disk_gib = fields.disk_gib or second.context.rules.policy.disk_gib
    words = (fields.intended_usage or "", second.until, disk_gib, fields.disk_reason or "")
    return second.decided(Replaced(second.owner(), *words, mail.message_id or "", mail.subject))


def _longer(second: _Second) -> Judgement:
    """A second template from somebody who has a machine asks for more time; an admin always sees it.

    Where nothing proves that the owner wrote it, nothing changes, and the owner is told what to answer.
    """
    until = second.until
    if second.proven:
        return second.decided(ExtensionAsked(second.owner(), until))
    why = say(
        "You already have a machine, and each person can have only one. A filled-in form does not prove that you sent it. If you did, and want to keep the machine until {day}, reply to this message with “{extend}”. If you did not, you do not need to do anything.",
        day=until,
        extend=say("extend until {date}", date=str(until)),
    )
    note = "a form in the name of somebody who has a machine; nothing proves who wrote it, so its owner is asked"
    return second.refused(why, note=note)
