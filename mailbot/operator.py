"""What an admin does at the command line instead of by mail: the same events, the same history, the same letters."""

from __future__ import annotations

from datetime import date

from mailbot.errors import MailbotError
from mailbot.model import Actor, Approved, Denied, Event, Held, Refusal, Retried, Role, Ticket, Unheld
from mailbot.turns.context import PAUSED, TurnContext, apply


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
