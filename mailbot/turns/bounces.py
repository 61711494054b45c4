"""A letter of ours that came back: tied to its ticket and address, so that it never counts as notice."""

from __future__ import annotations

from datetime import datetime

from mailbot import journal, lifecycle, tokens
from mailbot.letters import KINDS, Audience
from mailbot.model import Accepted, Actor, Letter, Refusal, Returned, Role, Ticket, Verdict
from mailbot.turns import owners
from mailbot.turns.context import TurnContext
from mailbot.turns.judgement import Judgement, happened
from parsers.values import Automatic, Mail


def judge_bounce(context: TurnContext, mail: Mail, automatic: Automatic, now: datetime) -> Judgement:
    """What a bounce leads to: a note at the letter, and for an owner's letter another address and a word to the admins.

    Only a letter that is on record as sent, by its exact Message-ID, can come back: a made-up bounce changes nothing.
    """
    sent = _letter(context, automatic.original_message_id or "")
    if sent is None:
        return Judgement(Verdict.HANDLED, automatic.why)
    ticket, letter = sent
    said = automatic.diagnostic or automatic.why
    journal.letter_bounced(
        ticket.id, letter=letter.letter, to=letter.to, permanent=automatic.permanent, diagnostic=said
    )
    actor = Actor(Role.MACHINE, mail.sender.address, mail.sha256, mail.message_id or "")
    event = Returned(
        letter.to, automatic.permanent, said, letter.letter, other_address(context, ticket, letter.to), actor
    )
    step = lifecycle.decide(ticket, event, context.circumstances(now, ticket))
    if isinstance(step, Refusal) or KINDS[Letter(letter.letter)].audience is not Audience.OWNER:
        return Judgement(Verdict.HANDLED, f"a letter to {letter.to} came back: {said}")
    return happened(event, ticket, step, now)


def _letter(context: TurnContext, message_id: str) -> tuple[Ticket, Accepted] | None:
    for reference in tokens.references_in((message_id,), (), context.letters):
        ticket = context.store.ticket(reference.ticket_id)
        if ticket is None:
            continue
        for letter in context.store.accepted(ticket.id):
            if letter.message_id == tokens.without_token(message_id):
                return ticket, letter
    return None


def other_address(context: TurnContext, ticket: Ticket, failed: str) -> str:
    """Another address that the directory has for the owner and from which nothing has come back; the registered one first."""
    person = owners.owner_of(context, ticket)
    if person is None:
        return ""
    dead = {
        one.to.lower()
        for one in context.store.accepted(ticket.id)
        if one.bounced_at and one.bounce_permanent is not False
    }
    return next((one for one in (person.email, *person.aliases) if one.lower() not in dead | {failed.lower()}), "")
