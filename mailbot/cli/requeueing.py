"""`requeue row`, `ticket` and `mail`."""

from __future__ import annotations

from typing import Annotated

import typer

from mailbot import operator
from mailbot.cli.acting import turn_context
from mailbot.cli.deciding import Admin, Number
from mailbot.cli.output import say, visible
from mailbot.cli.site import settings_of
from mailbot.cli.table import LOOK, load

requeue = typer.Typer(
    name="requeue", help="Try again what is waiting, was given up, or is in quarantine.", no_args_is_help=True, **LOOK
)


@requeue.command()
def row(
    context: typer.Context,
    row: Annotated[int, typer.Argument(help="The row, as shown by `queue` and `show`.", min=1)],
    as_admin: Admin,
) -> None:
    """Try a row of the outbox again now.

    A row that is waiting for its next attempt is tried at once. One that was given up starts again: a letter as with
    `resend`, a build as with `retry`. A letter whose content is out of date is not sent.
    """
    with turn_context(settings_of(context)) as turn:
        done = operator.requeue_row(turn, row, as_admin)
    say(f"{visible(done[0].upper() + done[1:])}.")


@requeue.command()
def ticket(context: typer.Context, ticket: Number, as_admin: Admin) -> None:
    """Look now at a ticket that was put off after an error."""
    with turn_context(settings_of(context)) as turn:
        operator.requeue_ticket(turn, ticket, as_admin)
    say(f"Ticket #{ticket} will be processed now.")


@requeue.command()
def mail(
    context: typer.Context,
    as_admin: Admin,
    message_id: Annotated[
        str, typer.Argument(help="The message's Message-ID, as in the letter about it.", show_default=False)
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All messages that are waiting or in quarantine.")] = False,
) -> None:
    """Read messages again that are waiting for another try or are in quarantine.

    Messages in quarantine go back to the inbox and are read as new ones, as if a person had moved them.
    """
    if bool(message_id) is everything:
        raise typer.BadParameter("Name one Message-ID, or say --all.")
    with load("bots:bot")(settings_of(context)) as bot:
        count = operator.requeue_mails(bot.context, bot.inbox, message_id, as_admin)
    say(f"Messages that will be read again: {count}.")
