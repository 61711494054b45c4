"""A letter of ours that came back: tied to its ticket and address, so that it never counts as notice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailbot import journal, tokens
from mailbot.letters.catalogue import KINDS
from mailbot.letters.kinds import Audience
from mailbot.lifecycle.decide import decide
from mailbot.model import Accepted, Actor, EventKind, Letter, Refusal, Returned, Role, Ticket, Verdict
from mailbot.turns import owners
from mailbot.turns.context import TurnContext
from mailbot.turns.judgement import Judgement, happened
from parsers.values import Automatic, Mail

QUEUED_FOR = timedelta(days=14)
"""A report that comes later than this tells of no queue: servers give up after four to five days (RFC 5321 section
4.5.4.1), and a letter may lie in two of them."""
_NULL_PATHS = frozenset({"", "<>"})
"""RFC 5321 section 4.5.5: a report comes with the null reverse-path.  Without the header, nobody has noted it."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A letter on record that a report is about, and the reference by which it was found."""

    ticket: Ticket
    letter: Accepted
    reference: tokens.Reference


def judge_bounce(context: TurnContext, mail: Mail, automatic: Automatic, now: datetime) -> Judgement:
    """What a bounce leads to: a note at the letter, and for an owner's letter another address and a word to the admins.

    Only a report that our own envelope could have caused counts (`_doubt`).  Another one about a letter on record is kept
    and stands in the ticket's history, and changes nothing; what is about no letter on record is put away.
    """
    original = automatic.original_message_id or ""
    sent = _sent(context, original)
    if sent is None:
        unsigned = tokens.has_no_token(original)  # a letter that takes no answer, and announces nothing, is only marked
        return Judgement(Verdict.HANDLED, automatic.why).with_turn(
            now, **(_mark(original, automatic) if unsigned else {})
        )
    ticket, letter = sent.ticket, sent.letter
    if letter.bounced_at is not None and letter.bounce_permanent is not False:
        return Judgement(Verdict.HANDLED, f"that a letter to {letter.to} came back was reported before")
    doubt = _doubt(context, mail, automatic, sent, now)
    if doubt and _told_before(context, ticket, letter):
        return Judgement(Verdict.HANDLED, f"a report about a letter to {letter.to} does not count: {doubt}")
    said = automatic.diagnostic or automatic.why
    journal.letter_bounced(
        ticket.id, letter=letter.letter, to=letter.to, permanent=automatic.permanent, diagnostic=doubt or said
    )
    marked = {} if doubt else _mark(original, automatic)
    actor = Actor(Role.MACHINE, mail.sender.address, mail.sha256, mail.message_id or "")
    event = Returned(letter.to, automatic.permanent, said, letter.letter, by=actor, doubt=doubt)
    if not doubt:
        event = replace(event, other=other_address(context, ticket, letter.to))
    step = decide(ticket, event, context.circumstances(now, ticket))
    if isinstance(step, Refusal) or KINDS[Letter(letter.letter)].audience is not Audience.OWNER:
        why = f"a letter to {letter.to} came back: {doubt or said}"
        return Judgement(Verdict.HANDLED, why).with_turn(now, **marked)
    return happened(event, ticket, step, now).with_turn(now, **marked)


def _mark(message_id: str, automatic: Automatic) -> dict[str, str | bool | None]:
    return {"bounced": message_id, "bounce_permanent": automatic.permanent}


def _sent(context: TurnContext, message_id: str) -> _Sent | None:
    for reference in tokens.references_in((message_id,), (), context.letters):
        ticket = context.store.ticket(reference.ticket_id)
        if ticket is None:
            continue
        for letter in context.store.accepted(ticket.id):
            if letter.message_id == tokens.without_token(message_id):
                return _Sent(ticket, letter, reference)
    return None


def _doubt(context: TurnContext, mail: Mail, automatic: Automatic, sent: _Sent, now: datetime) -> str:
    """Why our own envelope cannot have caused this report, as words for admins; empty where it can."""
    letter, keys, nonce = sent.letter, context.letters.keys, sent.ticket.nonce
    # The address is looked up again when a letter is sent.
    person = owners.owner_of(context, sent.ticket)
    addresses = {letter.to, sent.ticket.email, *(person.addresses if person else ())}
    if not any(tokens.verify(keys, sent.reference, one, nonce=nonce) for one in addresses):
        return "it names a message that was not sent to this address"
    if mail.return_path not in _NULL_PATHS:
        return f"mail systems report with an empty return path (RFC 5321), and this one came from {mail.return_path}"
    if automatic.failed_recipients and not any(_names(mail, automatic, one) for one in addresses):
        return f"it speaks of {automatic.failed_recipients[0]}, where that message did not go"
    if now > letter.accepted_at + QUEUED_FOR:
        return f"it came {(now - letter.accepted_at).days} days after the message was accepted, longer than any server tries"
    return ""


def _told_before(context: TurnContext, ticket: Ticket, letter: Accepted) -> bool:
    """Whether the history has a report about such a letter already that does not count: a flood of them is one line."""
    facts = (line.facts for line in context.store.history(ticket.id) if line.event is EventKind.RETURNED)
    return any(one.get("doubt") and (one["address"], one["letter"]) == (letter.to, letter.letter) for one in facts)


def _names(mail: Mail, automatic: Automatic, address: str) -> bool:
    """Whether a report speaks of that address; behind a forwarding it does so in its words."""
    wanted = address.lower()
    return wanted in {one.lower() for one in automatic.failed_recipients} or wanted in mail.text.lower()


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
