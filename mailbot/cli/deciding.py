"""What an admin decides at the command line."""

from __future__ import annotations

import sys
from datetime import date
from typing import Annotated

import typer

from mailbot import operator
from mailbot.cli.acting import turn_context
from mailbot.cli.output import say, visible
from mailbot.cli.site import settings_of
from mailbot.model import Ticket
from mailbot.turns import brake
from mailbot.turns.context import TurnContext

Number = Annotated[int, typer.Argument(help="The ticket's number.", min=1)]
Admin = Annotated[str, typer.Option("--as", help="The admin who decides: login or address.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def day(text: str) -> date:
    """A day as it is typed."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a date such as 2027-01-31") from None


def approve(
    context: typer.Context,
    ticket: Number,
    as_admin: Admin,
    until: Annotated[
        date | None, typer.Option(parser=day, metavar="DATE", help="Another end date.", show_default=False)
    ] = None,
    disk: Annotated[int | None, typer.Option(help="Another size of the disk, GiB.", show_default=False)] = None,
) -> None:
    """Approve a request or an extension, as by mail."""
    with turn_context(settings_of(context)) as turn:
        _tell(turn, operator.approve(turn, ticket, as_admin, until, disk))


def deny(
    context: typer.Context,
    ticket: Number,
    reason: Annotated[str, typer.Argument(help="The reason; the requester will read it.")],
    as_admin: Admin,
) -> None:
    """Deny a request or an extension, as by mail."""
    with turn_context(settings_of(context)) as turn:
        _tell(turn, operator.deny(turn, ticket, as_admin, reason))


def retry(context: typer.Context, ticket: Number, as_admin: Admin) -> None:
    """Build again after a failure."""
    with turn_context(settings_of(context)) as turn:
        _tell(turn, operator.retry(turn, ticket, as_admin))


def hold(
    context: typer.Context,
    ticket: Number,
    as_admin: Admin,
    why: Annotated[str, typer.Option(help="The reason, for those who wonder later.", show_default=False)],
) -> None:
    """Exempt a machine from everything destructive."""
    with turn_context(settings_of(context)) as turn:
        _tell(turn, operator.hold(turn, ticket, as_admin, why))


def unhold(context: typer.Context, ticket: Number, as_admin: Admin) -> None:
    """End the hold on a machine."""
    with turn_context(settings_of(context)) as turn:
        _tell(turn, operator.unhold(turn, ticket, as_admin))


def end(
    context: typer.Context,
    ticket: Number,
    reason: Annotated[str, typer.Argument(help="The reason; the owner will read it.")],
    as_admin: Admin,
    yes: Yes = False,
) -> None:
    """Remove a machine now, whatever its end date.

    Without notice, so it asks first. The disk is kept for a while; a machine that is held stays. One that is still
    being built is given up, and what was begun is taken away.
    """
    with turn_context(settings_of(context)) as turn:
        confirm(
            f"The machine of ticket #{ticket} is stopped and removed now; a disk that its owner has used is kept.",
            yes=yes,
        )
        _tell(turn, operator.end(turn, ticket, as_admin, reason))


def extend(
    context: typer.Context,
    ticket: Number,
    until: Annotated[date, typer.Argument(parser=day, metavar="DATE", help="Its new last day.")],
    as_admin: Admin,
) -> None:
    """Give a machine a later last day without a request.

    One that is stopped starts again.
    """
    with turn_context(settings_of(context)) as turn:
        _tell(turn, operator.extend(turn, ticket, as_admin, until))


def shorten(
    context: typer.Context,
    ticket: Number,
    until: Annotated[date, typer.Argument(parser=day, metavar="DATE", help="Its new last day.")],
    reason: Annotated[str, typer.Argument(help="The reason; the owner will read it.")],
    as_admin: Admin,
) -> None:
    """Give a machine an earlier last day, with notice.

    The notice (lease.notice_days) starts again with the letter about it. To end a machine sooner, use `end`.
    """
    with turn_context(settings_of(context)) as turn:
        _tell(turn, operator.shorten(turn, ticket, as_admin, until, reason))


def stop(
    context: typer.Context,
    ticket: Number,
    reason: Annotated[str, typer.Argument(help="The reason; the owner will read it.")],
    as_admin: Admin,
) -> None:
    """Switch a machine off within its lease.

    The lease goes on; the owner reads the reason and may switch it on again. A machine that is held stays on.
    """
    with turn_context(settings_of(context)) as turn:
        _tell(turn, operator.stop(turn, ticket, as_admin, reason))


def start(context: typer.Context, ticket: Number, as_admin: Admin) -> None:
    """Switch a machine on within its lease."""
    with turn_context(settings_of(context)) as turn:
        _tell(turn, operator.start(turn, ticket, as_admin))


def change_owner(
    context: typer.Context,
    ticket: Number,
    login: Annotated[str, typer.Argument(help="The login of the new owner.")],
    reason: Annotated[str, typer.Argument(help="The reason; the former and the new owner will read it.")],
    *,
    as_admin: Admin,
    yes: Yes = False,
) -> None:
    """Give a machine to another person.

    Its disk with all that is on it, its name and its last day stay. The new owner's SSH keys take the place of all others, and
    nothing that the former owner has been written counts any more. What others have in it is for the new owner to see.
    """
    with turn_context(settings_of(context)) as turn:
        confirm(f"{visible(login)} can read everything on the machine of ticket #{ticket} then.", yes=yes)
        _tell(turn, operator.change_owner(turn, ticket, as_admin, login, reason))


def restore(
    context: typer.Context,
    ticket: Number,
    as_admin: Admin,
    until: Annotated[
        date | None,
        typer.Option(
            parser=day,
            metavar="DATE",
            help="Its last day; by default the one agreed on or asked for, else 30 days from now.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Bring a removed machine back with its kept disk."""
    with turn_context(settings_of(context)) as turn:
        _tell(turn, operator.restore(turn, ticket, as_admin, until))


def withdraw(context: typer.Context, ticket: Number, as_admin: Admin) -> None:
    """Withdraw a request for a machine or for an extension.

    For its owner, who reads it, and everybody who was asked.
    """
    with turn_context(settings_of(context)) as turn:
        _tell(turn, operator.withdraw(turn, ticket, as_admin))


def resend(
    context: typer.Context,
    row: Annotated[int, typer.Argument(help="The letter's row, as `queue` and `show` name it.", min=1)],
    as_admin: Admin,
) -> None:
    """Send a letter again.

    Also one that was given up or accepted. A letter that speaks of what has changed since is not sent.
    """
    with turn_context(settings_of(context)) as turn:
        to = operator.resend(turn, row, as_admin)
    say(f"The letter goes to {visible(to)} again.")


def release_brake(context: typer.Context, as_admin: Admin, yes: Yes = False) -> None:
    """Release the machines that the brake holds.

    What was due happens then: machines are stopped or removed, each under the usual rules.
    """
    with turn_context(settings_of(context)) as turn:
        pulled = brake.current(turn)
        if pulled is not None and not pulled.released_by:
            confirm(f"{len(pulled.tickets)} machines may then be stopped or removed.", yes=yes)
        count = operator.release_brake(turn, as_admin)
    say(f"The brake is released; {count} tickets are looked at now.")


def close(
    context: typer.Context,
    words: Annotated[str, typer.Argument(help="What those who ask will read: why, or until when.")],
    as_admin: Admin,
) -> None:
    """Take no new requests.

    Anyone who asks will read the words. Machines that exist, and requests that were accepted, go on. It is about people; that a place
    gets no new machines is said by `site cordon`.
    """
    with turn_context(settings_of(context)) as turn:
        operator.close(turn, as_admin, words)
    say("The service is closed for new requests.")


def open_(context: typer.Context, as_admin: Admin) -> None:
    """Take new requests again, after `close`."""
    with turn_context(settings_of(context)) as turn:
        operator.reopen(turn, as_admin)
    say("The service is open.")


def confirm(what: str, *, yes: bool) -> None:
    """Ask before what cannot be taken back; without a terminal `--yes` has to be said."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{what} Say --yes to confirm it.")
    typer.confirm(f"{what} Go on?", abort=True, err=True)


def pause(
    context: typer.Context,
    as_admin: Admin,
    why: Annotated[str, typer.Option(help="The reason, for those who wonder later.", show_default=False)],
) -> None:
    """Stop acting.

    Mail is received and answered, but no ticket is woken and no machine touched until `resume`.
    """
    with turn_context(settings_of(context)) as turn:
        operator.pause(turn, as_admin, why)
    say("The bot is paused.")


def resume(context: typer.Context, as_admin: Admin) -> None:
    """Act again after a pause."""
    with turn_context(settings_of(context)) as turn:
        operator.resume(turn, as_admin)
    say("The bot acts again.")


def _tell(turn: TurnContext, ticket: Ticket) -> None:
    """Say what became of a ticket, in the words of its history."""
    say(f"Ticket #{ticket.id} is {ticket.state.value}. {visible(turn.store.history(ticket.id)[-1].summary)}")
