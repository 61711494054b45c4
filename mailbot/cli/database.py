"""`db upgrade`, `db current`, `db recover` and `db reseal`."""

from __future__ import annotations

import os
from datetime import date
from typing import Annotated

import typer

from mailbot import journal, recovery
from mailbot.adapters.database import migrate
from mailbot.adapters.database.engine import make_engine, sqlite_file
from mailbot.cli import bots
from mailbot.cli.acting import start_log
from mailbot.cli.output import complain, say, visible
from mailbot.cli.site import settings_of
from mailbot.cli.table import LOOK
from mailbot.config import seal_keys
from mailbot.tokens import TokenKeys
from mailbot.turns import sealing

db = typer.Typer(name="db", help="The database's schema.", no_args_is_help=True, **LOOK)


@db.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database to the revision that this program needs; makes it where there is none."""
    settings = settings_of(context)
    settings.as_service()
    url = settings.config.database.url.get_secret_value()
    file = sqlite_file(url)
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    before, after = _revision(url), migrate.upgrade(url)
    if before != after:
        start_log(settings)
        journal.database_upgraded(before=before or "none", after=after)
    say(f"The database is at revision {after}.")


@db.command()
def recover(
    context: typer.Context,
    since: Annotated[
        str,
        typer.Option(
            help="Look for handled mails from this day on, in ISO form; by default since the backup.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Continue after a backup was restored.

    Numbers of tickets go on above those of all machines and letters, machines that were built since have their tickets
    again, open questions are asked again and notice is given again; other mails that were handled since the backup go
    back to the inbox.  The bot is paused: look, then `mailbot resume`.
    """
    first = _day(since) if since else None
    with bots.bot(settings_of(context)) as bot:
        done = recovery.recover(bot.context, bot.inbox, bot.reader, bot.sites, account=bot.account, since=first)
    say(
        f"The next ticket has a number above {done.above}. Open tickets that were asked or announced again: {done.tickets}."
    )
    for ticket in done.adopted:
        say(f"The machine of {visible(ticket.username)} at {ticket.site} has its ticket #{ticket.id} again.")
    for sentence in done.unknown:
        complain(f"Not known: {visible(sentence)}")
    say(f"Mails that will be read again: {done.mails}.")
    if done.nameless:
        say(f"Handled mails without a Message-ID, which stay where they are: {done.nameless}.")
    say("The bot is paused. Look at `mailbot list` and `mailbot doctor`, start the service, then `mailbot resume`.")


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise typer.BadParameter(f"{written} is no day, such as 2027-03-31") from None


@db.command()
def reseal(context: typer.Context) -> None:
    """Encrypt the stored mails with the first of the keys for that; then the others can go, but keep those of tokens as long as they count."""
    settings = settings_of(context)
    keys = TokenKeys(seal_keys(settings.config))
    with settings.store() as store:
        done = sealing.reseal(store, keys)
    say(f"Mails that were encrypted again: {done.mails}.")
    if done.unreadable:
        complain(f"Mails that none of the keys opens: {done.unreadable}.")
        raise typer.Exit(os.EX_DATAERR)


@db.command()
def current(context: typer.Context) -> None:
    """Say which revision the database is at, and which one is needed."""
    settings = settings_of(context)
    settings.as_service()
    url = settings.config.database.url.get_secret_value()
    say(f"at {_revision(url) or 'none'}, needed {migrate.head()}")


def _revision(url: str) -> str | None:
    """The revision of a database; None where there is none, and none is made."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return None
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return migrate.current(connection)
    finally:
        engine.dispose()
