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
    name="requeue", help="Try again what waits, was given up or lies in quarantine.", no_args_is_help=True, **LOOK
)


@requeue.command()
def row(
    context: typer.Context,
    row: Annotated[int, typer.Argument(help="The row, as `queue` and `show` name it.", min=1)],
    as_admin: Admin,
) -> None:
    """Try a row of the outbox again now.

    One that waits for its next attempt is tried at once. One that was given up begins again: a letter as by `resend`, a
    build as by `retry`. A letter that speaks of what has changed since is not sent.
    """
    with turn_context(settings_of(context)) as turn:
        done = operator.requeue_row(turn, row, as_admin)
    say(f"{visible(done[0].upper() + done[1:])}.")


@requeue.command()
def ticket(context: typer.Context, ticket: Number, as_admin: Admin) -> None:
    """Look again now at a ticket that was put off after an error."""
    with turn_context(settings_of(context)) as turn:
        operator.requeue_ticket(turn, ticket, as_admin)
    say(f"Ticket #{ticket} is looked at now.")


@requeue.command()
def mail(
    context: typer.Context,
    as_admin: Admin,
    message_id: Annotated[
        str, typer.Argument(help="The mail's Message-ID, as the letter about it says.", show_default=False)
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All mails that wait or lie in quarantine.")] = False,
) -> None:
    """Read mails again that wait for another try, or lie in quarantine.

    Those of the quarantine folder go back to the inbox, where they are new mail, as if a person had moved them.
    """
    if bool(message_id) is everything:
        raise typer.BadParameter("Name one Message-ID, or say --all.")
    with load("bots:bot")(settings_of(context)) as bot:
        count = operator.requeue_mails(bot.context, bot.inbox, message_id, as_admin)
    say(f"Mails that will be read again: {count}.")
