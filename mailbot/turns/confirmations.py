"""What a mail confirms by the letter that it answers.

A “confirm” lets something happen that cannot be taken back, so it has to answer the question that is asked now.

A release and a wish for a fresh disk are asked back by one letter each, and may be taken back and asked again while the ticket
keeps its version, which is for what admins decide upon.  So the letter counts that is answered: of the same kind, and sent
since the question was asked.

A mail that failed our border's check counts as an answer to a refusal alone: see `with_confirmation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from mailbot import tokens
from mailbot.model import Accepted, Letter, Ticket
from mailbot.tokens import Reference
from mailbot.trust import Evidence, Proof
from mailbot.turns.context import TurnContext
from parsers.values import Mail

_ASKING = frozenset({Letter.RELEASE_CONFIRM.value, Letter.REINSTALL_CONFIRM.value})
_CLOCKS_DIFFER = timedelta(minutes=10)
"""One daemon asks by its clock, another sends the letter by its own."""


def answers_another(context: TurnContext, mail: Mail, reference: Reference, ticket: Ticket) -> bool:
    """Whether a confirmation answers the letter about something else than what is asked now, or about an earlier time of asking."""
    asked = _asked_now(ticket)
    if asked is None:
        return False
    kind, since = asked[0].value, asked[1] - _CLOCKS_DIFFER
    letters = [one for one in context.store.accepted(ticket.id) if one.letter in _ASKING]
    meant = _answered(letters, mail) or _of_day(letters, reference.day)
    # A letter that is not on record was sent by a bot that was killed before it could write that down.
    return any(one.letter != kind or one.accepted_at < since for one in meant) or (
        not meant and tokens.moment_of(reference.day + 1) < since
    )


def answers_a_refusal(context: TurnContext, mail: Mail, ticket: Ticket, now: datetime) -> bool:
    """Whether a mail answers a letter, of the last days, that refused a mail about this ticket.

    Nobody can guess the Message-ID of a letter, which is keyed, so whoever names it has read what came to the registered address.
    """
    since = now - timedelta(days=context.rules.lease.confirm_days)
    refusals = [one for one in context.store.accepted(ticket.id) if one.letter == Letter.COMMAND_REFUSED]
    return any(one.accepted_at >= since for one in _answered(refusals, mail))


def with_confirmation(context: TurnContext, mail: Mail, ticket: Ticket, evidence: Evidence, now: datetime) -> Evidence:
    """The evidence of a mail that failed our border's check, confirmed where it answers a refusal; any other as it is."""
    if not evidence.failed or not answers_a_refusal(context, mail, ticket, now):
        return evidence
    return replace(evidence, proofs=evidence.proofs | {Proof.CONFIRMED})


def _asked_now(ticket: Ticket) -> tuple[Letter, datetime] | None:
    """Which letter asks what waits for a confirmation, and when it was asked; never both, see `lifecycle.reinstall`."""
    if ticket.release_asked_at is not None:
        return Letter.RELEASE_CONFIRM, ticket.release_asked_at
    if ticket.reinstall_asked_at is not None:
        return Letter.REINSTALL_CONFIRM, ticket.reinstall_asked_at
    return None


def _answered(letters: Sequence[Accepted], mail: Mail) -> list[Accepted]:
    """The newest of the letters that the mail names."""
    named = {tokens.without_token(one) for one in mail.references}
    found = [one for one in letters if one.message_id in named]
    return [max(found, key=lambda one: one.accepted_at)] if found else []


def _of_day(letters: Sequence[Accepted], day: int) -> list[Accepted]:
    """Those that an address or a code can stand for, which name no letter: all of that day, so that none is taken for another."""
    first, last = tokens.moment_of(day), tokens.moment_of(day + 1) + _CLOCKS_DIFFER
    return [one for one in letters if first <= one.accepted_at < last]
