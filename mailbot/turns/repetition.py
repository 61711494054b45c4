"""What the bot remembers of mails it has had: words that were answered, and tokens that other people have seen.

Both are notes of the store, and change with the turn of the mail that they are about.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from mailbot.model import Verdict
from mailbot.tokens import Reference
from mailbot.turns.context import TurnContext
from mailbot.turns.judgement import Judgement
from parsers.text.folding import fold
from parsers.values import Mail


def answered_once(
    context: TurnContext, mail: Mail, ticket_id: int, now: datetime, *, note: str, answer: Callable[[], Judgement]
) -> Judgement:
    """The answer to words that changed nothing; no second one where the same words come again.

    A robot without any mark writes them, or somebody who sent them twice.  Ticket 0 stands for the letters of the brakes,
    which speak of no ticket.
    """
    words = " ".join(fold(mail.new_text or "").split())
    name, digest = f"unclear:{ticket_id}:{mail.sender.address}", hashlib.sha256(words.encode()).hexdigest()[:16]
    if context.store.note(name) == digest:
        return Judgement(Verdict.HANDLED, f"{note}; the same words were answered before")
    return answer().with_turn(now, notes={name: digest})


def went_to_others(context: TurnContext, reference: Reference) -> bool:
    """Whether a mail with this token was sent to anybody but the bot: everyone who got a copy has the token too."""
    return context.store.note(_note_of_copies(reference)) is not None


def remember_copies(
    context: TurnContext, mail: Mail, reference: Reference, judgement: Judgement, now: datetime
) -> Judgement:
    """The judgement with a note where this mail carried its token to others.

    The mail itself counts: until it was sent nobody else had the token.  Programs show the addresses of To and Cc only,
    so a blind copy stays unseen.
    """
    others = {address for address in mail.recipients if not _is_ours(context, address)} - {mail.sender.address}
    if not others or went_to_others(context, reference):
        return judgement
    notes = dict(judgement.turn.notes) if judgement.turn else {}
    return judgement.with_turn(now, notes=notes | {_note_of_copies(reference): now.isoformat()})


def _is_ours(context: TurnContext, address: str) -> bool:
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" in context.own_addresses or address.lower() in context.own_addresses


def _note_of_copies(reference: Reference) -> str:
    digest = hashlib.sha256(reference.token.encode()).hexdigest()[:16]
    return f"copied:{reference.ticket_id}:{digest}"
