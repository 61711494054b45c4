"""What an admin does at the command line instead of by mail: the same events, the same history, the same letters."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from secrets import token_hex
from typing import assert_never

from mailbot import journal, policy
from mailbot.commands import OF_FINDINGS
from mailbot.errors import Conflict, MailbotError
from mailbot.lifecycle.steps import STATE_WORDS
from mailbot.model import (
    Action,
    Actor,
    Approved,
    Denied,
    EndDateSet,
    Ended,
    Event,
    Held,
    OwnerSet,
    OwnerState,
    PowerSet,
    Refusal,
    Restored,
    Retried,
    Role,
    Ticket,
    Turn,
    Unheld,
    Withdrawn,
)
from mailbot.ports import Folder, Inbox, OutboxState
from mailbot.turns import brake, filed, finding_replies, findings, modes
from mailbot.turns.context import CLOSED, PAUSED, TurnContext, apply, usable_keys
from provisioner.naming import host_part


class Refused(MailbotError):
    """The command cannot be done: the message says why."""

    permanent = True


def approve(
    context: TurnContext, ticket_id: int, as_admin: str, until: date | None = None, disk_gib: int | None = None
) -> Ticket:
    """Approve a request, as an admin with access to this machine.  Raises Refused."""
    return _do(context, ticket_id, Approved(acting(context, as_admin), until, disk_gib))


def deny(context: TurnContext, ticket_id: int, as_admin: str, reason: str) -> Ticket:
    """Deny a request; the requester reads the reason.  Raises Refused."""
    event, ticket = Denied(acting(context, as_admin), reason), context.store.ticket(ticket_id)
    if ticket is not None and ticket.is_being_built:
        msg = f"#{ticket_id} was approved and its machine is being built: “mailbot end {ticket_id}” gives up the build"
        raise Refused(msg)
    return _do(context, ticket_id, event)


def retry(context: TurnContext, ticket_id: int, as_admin: str) -> Ticket:
    """Build again after a failure.  Raises Refused."""
    return _do(context, ticket_id, Retried(acting(context, as_admin)))


def hold(context: TurnContext, ticket_id: int, as_admin: str, why: str) -> Ticket:
    """Exempt a machine from everything destructive, until `unhold`.  Raises Refused."""
    if not why.strip():
        msg = "a hold needs a reason, because others will wonder about it later"
        raise Refused(msg)
    return _do(context, ticket_id, Held(why.strip(), acting(context, as_admin)))


def unhold(context: TurnContext, ticket_id: int, as_admin: str) -> Ticket:
    """Let a held machine's lease go on.  Raises Refused."""
    return _do(context, ticket_id, Unheld(acting(context, as_admin)))


def pause(context: TurnContext, as_admin: str, why: str) -> None:
    """Stop acting: mail is received and answered, but no ticket is woken and no machine touched.  Raises Refused."""
    who = acting(context, as_admin).who
    context.store.put_note(PAUSED, f"{who}: {why.strip() or 'no reason given'}")


def resume(context: TurnContext, as_admin: str) -> None:
    """Act again; what became due meanwhile is done under the usual rules.  Raises Refused."""
    acting(context, as_admin)
    context.store.put_note(PAUSED, None)


def end(context: TurnContext, ticket_id: int, as_admin: str, reason: str) -> Ticket:
    """Take a machine away now; its owner reads the reason, and the disk is kept.  Raises Refused."""
    return _do(context, ticket_id, Ended(acting(context, as_admin), reason))


def extend(context: TurnContext, ticket_id: int, as_admin: str, until: date) -> Ticket:
    """Give a machine a later last day; one that is stopped starts again.  Raises Refused."""
    return _do(context, ticket_id, EndDateSet(acting(context, as_admin), until))


def shorten(context: TurnContext, ticket_id: int, as_admin: str, until: date, reason: str) -> Ticket:
    """Give a machine an earlier last day, with full notice; its owner reads the reason.  Raises Refused."""
    if not reason.strip():
        raise Refused("An earlier end needs a reason, because the owner reads it.")
    return _do(context, ticket_id, EndDateSet(acting(context, as_admin), until, reason.strip()))


def stop(context: TurnContext, ticket_id: int, as_admin: str, reason: str) -> Ticket:
    """Switch a machine off within its lease; its owner reads the reason, and may switch it on again.  Raises Refused."""
    return _do(context, ticket_id, PowerSet(acting(context, as_admin), on=False, reason=reason))


def start(context: TurnContext, ticket_id: int, as_admin: str) -> Ticket:
    """Switch a machine on within its lease.  Raises Refused."""
    return _do(context, ticket_id, PowerSet(acting(context, as_admin), on=True))


def change_owner(context: TurnContext, ticket_id: int, as_admin: str, login: str, reason: str) -> Ticket:
    """Give a machine to another person of the directory; both read the reason.  Raises Refused, DirectoryUnavailable."""
    by, ticket, person = acting(context, as_admin), context.store.ticket(ticket_id), context.directory.by_login(login)
    if person is None:
        raise Refused(f"nobody in the directory has the login {login}")
    keys, refusals = usable_keys(person)
    problems = policy.person_problems(person, keys, refusals)
    if problems:
        raise Refused(f"{login} cannot have it: {policy.refusal(problems)}")
    has = context.store.open_ticket_of(host_part(person.login), person.id)
    if has is not None and has.id != ticket_id:
        raise Refused(
            f"{login} already has ticket #{has.id} ({STATE_WORDS[has.state]}), and a person can have only one machine"
        )
    holder = context.directory.by_login(ticket.username) if ticket else None
    taken = holder is not None and holder.login != person.login
    state = OwnerState.NAMESAKE if taken else OwnerState.ACTIVE
    event = OwnerSet(
        by, person.id, person.login, person.name, person.email, state, person.language, reason.strip(), token_hex(16)
    )
    return _do(context, ticket_id, event)


def restore(context: TurnContext, ticket_id: int, as_admin: str, until: date | None = None) -> Ticket:
    """Build a removed machine again around its kept disk.  Raises Refused."""
    return _do(context, ticket_id, Restored(acting(context, as_admin), until))


def withdraw(context: TurnContext, ticket_id: int, as_admin: str) -> Ticket:
    """Take a request or the question for an extension back for its owner, who reads it.  Raises Refused."""
    return _do(context, ticket_id, Withdrawn(acting(context, as_admin)))


def close(context: TurnContext, as_admin: str, words: str) -> None:
    """Take no new requests; `words` are what requesters read: why, or until when.  Raises Refused."""
    acting(context, as_admin)
    if not words.strip():
        raise Refused("say why, or until when: those who send a request will read it")
    context.store.put_note(CLOSED, words.strip())


def reopen(context: TurnContext, as_admin: str) -> None:
    """Take new requests again.  May run twice.  Raises Refused."""
    acting(context, as_admin)
    context.store.put_note(CLOSED, None)


def release_brake(context: TurnContext, as_admin: str) -> int:
    """Let the machines go that the brake holds; gives how many.  Raises Refused."""
    by = acting(context, as_admin).who
    pulled = brake.current(context)
    if pulled is None or pulled.released_by:
        raise Refused("the brake holds nothing back")
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
    who = acting(context, as_admin).who
    item = context.store.overview.row(row)
    if item is None or item.effect.action is not Action.LETTER:
        raise Refused(f"row {row} of the outbox is not a letter")
    ticket = context.store.ticket(item.ticket_id) if item.ticket_id else None
    if ticket is not None and item.version != ticket.version:
        raise Refused(f"that letter is out of date; ticket #{ticket.id} now: {STATE_WORDS[ticket.state]}")
    now = context.clock.now()
    again = replace(item.effect, key=f"again:{now:%Y%m%dT%H%M%S}:{item.effect.key}", not_before=None, notice=None)
    context.store.commit(Turn(now=now, about_ticket=item.ticket_id, effects=(again,)))
    journal.letter_repeated(item.ticket_id, row=row, to=item.effect.to, who=who)
    return item.effect.to


def requeue_row(context: TurnContext, row: int, as_admin: str) -> str:
    """Have a row of the outbox tried again now; gives what happens, as words for the admin.

    One that waits for its next attempt is tried at once, one that was given up begins again: a letter as by `resend`, a
    build as by `retry`.  What was never tried waits for its own time.  May run twice.  Raises Refused.
    """
    who = acting(context, as_admin).who
    item, state = context.store.overview.row(row), context.store.overview.row_state(row)
    if item is None or state is None:
        raise Refused(f"there is no row {row} in the outbox")
    match state:
        case OutboxState.WAITING:
            if not context.store.hasten(row, context.clock.now()):
                raise Refused(f"row {row} is being worked on, or has not been tried yet and is not due")
            journal.work_requeued(item.ticket_id, row=row, action=item.effect.action.value, who=who)
            return f"row {row} will be tried again now"
        case OutboxState.FAILED if item.effect.action is Action.LETTER:
            return f"the letter will be sent to {resend(context, row, as_admin)} again"
        case OutboxState.FAILED:
            return f"the machine of ticket #{retry(context, item.about_ticket, as_admin).id} will be built again"
        case OutboxState.HELD:
            raise Refused(f"row {row} is held back by the limit on letters: reply “proceed” to the message about it")
        case OutboxState.DONE | OutboxState.CANCELLED:
            raise Refused(f"row {row} is {state.value}: nothing can be tried again")
        case _:
            assert_never(state)


def requeue_ticket(context: TurnContext, ticket_id: int, as_admin: str) -> None:
    """Look now at a ticket whose turn raised an error and was put off.  May run twice.  Raises Refused."""
    who = acting(context, as_admin).who
    if context.store.ticket(ticket_id) is None:
        raise Refused(f"there is no ticket #{ticket_id}")
    if not context.store.overview.trouble(ticket_id):
        raise Refused(f"ticket #{ticket_id} was not put off: it will be processed when it is due")
    context.store.commit(Turn(now=context.clock.now(), wake=(ticket_id,)))
    journal.ticket_requeued(ticket_id, who=who)


def requeue_mails(context: TurnContext, inbox: Inbox, message_id: str, as_admin: str) -> int:
    """Have mails read again that wait for another try or lie in quarantine: those with that Message-ID, "" for all; gives how many.

    Those of the quarantine go back to the inbox, where they are new mail, as if a person had moved them.  A daemon may
    read the mailbox meanwhile.  May run twice.  Raises Refused, MailServerUnavailable.
    """
    who = acting(context, as_admin).who
    wanted = message_id if not message_id or message_id.startswith("<") else f"<{message_id}>"
    waiting = context.store.retry_now(wanted, context.clock.now())
    found = [one.uid for one in inbox.filed(Folder.QUARANTINE) if not wanted or filed.message_id(one) == wanted]
    inbox.bring_back(found, Folder.QUARANTINE)
    if wanted and not waiting and not found:
        raise Refused(f"no message {wanted} is waiting or in quarantine")
    journal.mails_requeued(waiting=waiting, brought_back=len(found), who=who)
    return waiting + len(found)


def set_site_mode(context: TurnContext, site: str, mode: modes.Mode, as_admin: str, why: str) -> None:
    """Decide what may happen at a site.  Raises Refused."""
    who = acting(context, as_admin).who
    if not why.strip():
        msg = "changing a site's mode needs a reason, because others will wonder about it later"
        raise Refused(msg)
    modes.change(context.store, site, modes.Change(mode, context.clock.now(), who, why.strip()))


def answer_finding(context: TurnContext, words: str, as_admin: str) -> str:
    """Answer what a site and its tickets disagree on (`rebuild alice-vm`), as by mail; gives what was done.  Raises Refused, DirectoryUnavailable."""
    by = acting(context, as_admin)
    word, _, machine = words.strip().partition(" ")
    verb = next((one for one in OF_FINDINGS if one.value == word), None)
    if verb is None:
        raise Refused(f"reply to a finding with {', '.join(OF_FINDINGS)} and the name of a machine")
    open_ = tuple(findings.standing(context.store).values())
    placed = finding_replies.chosen(open_, verb, machine.strip())
    result = placed if isinstance(placed, Refusal) else finding_replies.done(context, placed, verb, by)
    if isinstance(result, Refusal):
        raise Refused(result.why)
    try:
        context.store.commit(result.turn)
    except Conflict as error:
        raise Refused(f"someone else has changed it meanwhile ({error}); please check again") from error
    return str(result.said)


def acting(context: TurnContext, as_admin: str) -> Actor:
    """The admin who acts, by login or address.  Raises Refused."""
    wanted = as_admin.casefold()
    for admin in context.all_admins():
        if wanted in {admin.login.casefold(), admin.address.casefold()}:
            return Actor(Role.OPERATOR, admin.address, evidence={"command_line": True})
    known = ", ".join(admin.login or admin.address for admin in context.all_admins())
    msg = f"{as_admin} is not an admin of this site; its admins are {known}"
    raise Refused(msg)


def _do(context: TurnContext, ticket_id: int, event: Event) -> Ticket:
    try:
        after = apply(context, ticket_id, event)
    except LookupError as error:
        raise Refused(str(error)) from error
    if isinstance(after, Refusal):
        raise Refused(after.why)
    return after
