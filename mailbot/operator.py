"""What an admin does at the command line instead of by mail: the same events, the same history, the same letters."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from mailbot import journal
from mailbot.errors import MailbotError
from mailbot.model import (
    Action,
    Actor,
    Approved,
    Denied,
    EndDateSet,
    Ended,
    Event,
    Held,
    Refusal,
    Restored,
    Retried,
    Role,
    Ticket,
    Turn,
    Unheld,
    Withdrawn,
)
from mailbot.turns import brake, modes
from mailbot.turns.context import CLOSED, PAUSED, TurnContext, apply


class Refused(MailbotError):
    """The command cannot be done: the message says why."""

    permanent = True


def approve(
    context: TurnContext, ticket_id: int, as_admin: str, until: date | None = None, disk_gib: int | None = None
) -> Ticket:
    """Approve a request, as an admin with access to this machine.  Raises Refused."""
    return _do(context, ticket_id, Approved(_operator(context, as_admin), until, disk_gib))


def deny(context: TurnContext, ticket_id: int, as_admin: str, reason: str) -> Ticket:
    """Deny a request; the requester reads the reason.  Raises Refused."""
    return _do(context, ticket_id, Denied(_operator(context, as_admin), reason))


def retry(context: TurnContext, ticket_id: int, as_admin: str) -> Ticket:
    """Build again after a failure.  Raises Refused."""
    return _do(context, ticket_id, Retried(_operator(context, as_admin)))


def hold(context: TurnContext, ticket_id: int, as_admin: str, why: str) -> Ticket:
    """Exempt a machine from everything destructive, until `unhold`.  Raises Refused."""
    if not why.strip():
        msg = "a hold needs a reason, because others will wonder about it later"
        raise Refused(msg)
    return _do(context, ticket_id, Held(why.strip(), _operator(context, as_admin)))


def unhold(context: TurnContext, ticket_id: int, as_admin: str) -> Ticket:
    """Let a held machine's lease go on.  Raises Refused."""
    return _do(context, ticket_id, Unheld(_operator(context, as_admin)))


def pause(context: TurnContext, as_admin: str, why: str) -> None:
    """Stop acting: mail is received and answered, but no ticket is woken and no machine touched.  Raises Refused."""
    who = _operator(context, as_admin).who
    context.store.put_note(PAUSED, f"{who}: {why.strip() or 'no reason given'}")


def resume(context: TurnContext, as_admin: str) -> None:
    """Act again; what became due meanwhile is done under the usual rules.  Raises Refused."""
    _operator(context, as_admin)
    context.store.put_note(PAUSED, None)


def end(context: TurnContext, ticket_id: int, as_admin: str, reason: str) -> Ticket:
    """Take a machine away now; its owner reads the reason, and the disk is kept.  Raises Refused."""
    return _do(context, ticket_id, Ended(_operator(context, as_admin), reason))


def extend(context: TurnContext, ticket_id: int, as_admin: str, until: date) -> Ticket:
    """Give a machine a later last day; one that is stopped starts again.  Raises Refused."""
    return _do(context, ticket_id, EndDateSet(_operator(context, as_admin), until))


def restore(context: TurnContext, ticket_id: int, as_admin: str, until: date | None = None) -> Ticket:
    """Build a removed machine again around its kept disk.  Raises Refused."""
    return _do(context, ticket_id, Restored(_operator(context, as_admin), until))


def withdraw(context: TurnContext, ticket_id: int, as_admin: str) -> Ticket:
    """Take a request or the question for an extension back for its owner, who reads it.  Raises Refused."""
    return _do(context, ticket_id, Withdrawn(_operator(context, as_admin)))


def close(context: TurnContext, as_admin: str, words: str) -> None:
    """Take no new requests; `words` are what requesters read: why, or until when.  Raises Refused."""
    _operator(context, as_admin)
    if not words.strip():
        raise Refused("closing needs a word for those who ask: why, or until when")
    context.store.put_note(CLOSED, words.strip())


def reopen(context: TurnContext, as_admin: str) -> None:
    """Take new requests again.  May run twice.  Raises Refused."""
    _operator(context, as_admin)
    context.store.put_note(CLOSED, None)


def release_brake(context: TurnContext, as_admin: str) -> int:
    """Let the machines go that the brake holds; gives how many.  Raises Refused."""
    by = _operator(context, as_admin).who
    pulled = brake.current(context)
    if pulled is None or pulled.released_by:
        raise Refused("the brake is not pulled")
    turn = brake.release(context, pulled.number, by)
    if isinstance(turn, Refusal):
        raise Refused(turn.why)
    context.store.commit(turn)
    return len(turn.wake)


def resend(context: TurnContext, row: int, as_admin: str) -> str:
    """Send a letter once more, from its row in the outbox; gives whom it goes to.

    It is a row of its own, whose key begins with `again:`: the proof that the first was accepted stays as it is, and the
    second proves nothing.  A letter that speaks of what has changed since is not sent.  Raises Refused.
    """
    who = _operator(context, as_admin).who
    item = context.store.overview.row(row)
    if item is None or item.effect.action is not Action.LETTER:
        raise Refused(f"row {row} of the outbox is no letter")
    ticket = context.store.ticket(item.ticket_id) if item.ticket_id else None
    if ticket is not None and item.version != ticket.version:
        raise Refused(f"that letter speaks of what has changed since: ticket #{ticket.id} is {ticket.state.value} now")
    now = context.clock.now()
    again = replace(item.effect, key=f"again:{now:%Y%m%dT%H%M%S}:{item.effect.key}", not_before=None, notice=None)
    context.store.commit(Turn(now=now, about_ticket=item.ticket_id, effects=(again,)))
    journal.letter_repeated(item.ticket_id, row=row, to=item.effect.to, who=who)
    return item.effect.to


def set_site_mode(context: TurnContext, site: str, mode: modes.Mode, as_admin: str, why: str) -> None:
    """Decide what may happen at a site.  Raises Refused."""
    who = _operator(context, as_admin).who
    if not why.strip():
        msg = "a site's mode needs a reason, because others will wonder about it later"
        raise Refused(msg)
    modes.change(context.store, site, modes.Change(mode, context.clock.now(), who, why.strip()))


def _operator(context: TurnContext, as_admin: str) -> Actor:
    """The admin who acts, by login or address.  Raises Refused."""
    wanted = as_admin.casefold()
    for admin in context.all_admins():
        if wanted in {admin.login.casefold(), admin.address.casefold()}:
            return Actor(Role.OPERATOR, admin.address, evidence={"command_line": True})
    known = ", ".join(admin.login or admin.address for admin in context.all_admins())
    msg = f"{as_admin} is no admin of this site; the configuration names {known}"
    raise Refused(msg)


def _do(context: TurnContext, ticket_id: int, event: Event) -> Ticket:
    try:
        after = apply(context, ticket_id, event)
    except LookupError as error:
        raise Refused(str(error)) from error
    if isinstance(after, Refusal):
        raise Refused(after.why)
    return after
