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
    disk: Annotated[int | None, typer.Option(help="Another disk size, in GiB.", show_default=False)] = None,
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
    why: Annotated[str, typer.Option(help="The reason, for anyone who wonders later.", show_default=False)],
) -> None:
    """Keep a machine from being stopped, removed or deleted."""
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

    There is no notice, so it asks you first. The disk is kept for a while. A machine on hold is not removed. The
    build of an unfinished machine is given up, and what was begun is removed.
    """
    with turn_context(settings_of(context)) as turn:
        confirm(
            f"The machine of ticket #{ticket} will be stopped and removed now; a disk that its owner has used is kept.",
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

    A stopped machine is started again.
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

    The notice (lease.notice_days) starts again with the letter about it. Use `end` to end a machine sooner.
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

    The lease continues; the owner reads the reason and may switch the machine on again. A machine on hold stays on.
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
    reason: Annotated[str, typer.Argument(help="The reason; the previous and the new owner will read it.")],
    *,
    as_admin: Admin,
    yes: Yes = False,
) -> None:
    """Give a machine to another person.

    The disk with everything on it, the name and the last day stay the same. The new owner's SSH keys replace all
    others, and replies to letters of the previous owner no longer count. Nothing else on the machine is changed.
    """
    with turn_context(settings_of(context)) as turn:
        confirm(f"{visible(login)} will be able to read everything on the machine of ticket #{ticket}.", yes=yes)
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
            help="Its last day; by default the agreed or requested one, otherwise 30 days from now.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Bring a removed machine back with its kept disk."""
    with turn_context(settings_of(context)) as turn:
        _tell(turn, operator.restore(turn, ticket, as_admin, until))


def withdraw(context: typer.Context, ticket: Number, as_admin: Admin) -> None:
    """Withdraw a request for a machine or for an extension.

    The owner and all admins are told.
    """
    with turn_context(settings_of(context)) as turn:
        _tell(turn, operator.withdraw(turn, ticket, as_admin))


def resend(
    context: typer.Context,
    row: Annotated[int, typer.Argument(help="The letter's row, as shown by `queue` and `show`.", min=1)],
    as_admin: Admin,
) -> None:
    """Send a letter again.

    This also works for a letter that was given up or accepted, but not for one whose content is out of date.
    """
    with turn_context(settings_of(context)) as turn:
        to = operator.resend(turn, row, as_admin)
    say(f"The letter will be sent to {visible(to)} again.")


def release_brake(context: typer.Context, as_admin: Admin, yes: Yes = False) -> None:
    """Release the machines that the brake holds back.

    What was due then happens: machines are stopped or removed, each by the usual rules.
    """
    with turn_context(settings_of(context)) as turn:
        pulled = brake.current(turn)
        if pulled is not None and not pulled.released_by:
            confirm(f"{len(pulled.tickets)} machines may then be stopped or removed.", yes=yes)
        count = operator.release_brake(turn, as_admin)
    say(f"The brake is released; {count} tickets will be processed now.")


def close(
    context: typer.Context,
    words: Annotated[str, typer.Argument(help="What requesters will read: why, or until when.")],
    as_admin: Admin,
) -> None:
    """Accept no new requests.

    Anyone who sends a request will read the words. Existing machines and accepted requests continue. To give only one
    site no new machines, use `site cordon`.
    """
    with turn_context(settings_of(context)) as turn:
        operator.close(turn, as_admin, words)
    say("mailbot accepts no new requests.")


def open_(context: typer.Context, as_admin: Admin) -> None:
    """Accept new requests again, after `close`."""
    with turn_context(settings_of(context)) as turn:
        operator.reopen(turn, as_admin)
    say("mailbot accepts new requests.")


def confirm(what: str, *, yes: bool) -> None:
    """Ask before what cannot be taken back; without a terminal `--yes` has to be said."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{what} There is no terminal to ask at, so nothing was done; confirm it with --yes.")
    typer.confirm(f"{what} Continue?", abort=True, err=True)


def pause(
    context: typer.Context,
    as_admin: Admin,
    why: Annotated[str, typer.Option(help="The reason, for anyone who wonders later.", show_default=False)],
) -> None:
    """Stop acting until `resume`.

    Messages are read and answered, but no machine is built, stopped or removed.
    """
    with turn_context(settings_of(context)) as turn:
        operator.pause(turn, as_admin, why)
    say("mailbot is paused.")


def resume(context: typer.Context, as_admin: Admin) -> None:
    """Act again after a pause."""
    with turn_context(settings_of(context)) as turn:
        operator.resume(turn, as_admin)
    say("mailbot is no longer paused.")


def _tell(turn: TurnContext, ticket: Ticket) -> None:
    """Say what became of a ticket, in the words of its history."""
    say(f"Ticket #{ticket.id} ({ticket.state}): {visible(turn.store.history(ticket.id)[-1].summary)}")
