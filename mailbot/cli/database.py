"""`db upgrade`, `db current`, `db recover` and `db reseal`."""

from __future__ import annotations

import os
from datetime import date
from typing import Annotated

import typer

from mailbot import journal, recovery
from mailbot.adapters.database import migrate
from mailbot.adapters.database.engine import make_engine
from mailbot.adapters.database.place import sqlite_file
from mailbot.cli import bots
from mailbot.cli.acting import start_log
from mailbot.cli.output import complain, say, visible
from mailbot.cli.site import settings_of
from mailbot.cli.table import LOOK
from mailbot.config import seal_keys
from mailbot.tokens import TokenKeys
from mailbot.turns import sealing

db = typer.Typer(name="db", help="Manage the database's schema.", no_args_is_help=True, **LOOK)


@db.command()
def upgrade(context: typer.Context) -> None:
    """Upgrade the database to the revision that this program needs, or create it."""
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
            help="Look for handled messages from this day on, in ISO format; by default since the backup.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Continue after a backup was restored.

    Ticket numbers continue above those of all machines and letters, machines that were built since get their tickets
    back, open questions are asked again, and notice is given again. Other messages that were handled since the backup
    go back to the inbox. mailbot is paused: check everything, then run `mailbot resume`.
    """
    first = _day(since) if since else None
    with bots.bot(settings_of(context)) as bot:
        done = recovery.recover(bot.context, bot.inbox, bot.reader, bot.sites, account=bot.account, since=first)
    say(
        f"The next ticket will have a number above {done.above}. Open tickets that were asked about or announced again: {done.tickets}."
    )
    for ticket in done.adopted:
        say(f"The machine of {visible(ticket.username)} at {ticket.site} has its ticket #{ticket.id} again.")
    for sentence in done.unknown:
        complain(f"Unknown: {visible(sentence)}")
    say(f"Messages that will be read again: {done.mails}.")
    if done.nameless:
        say(f"Handled messages without a Message-ID, which stay where they are: {done.nameless}.")
    say("mailbot is paused. Check `mailbot list` and `mailbot doctor`, start the service, then run `mailbot resume`.")


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise typer.BadParameter(f"{written} is not a date such as 2027-03-31") from None


@db.command()
def reseal(context: typer.Context) -> None:
    """Encrypt the stored messages with the first key; you can then remove the other keys, except token keys that are still valid."""
    settings = settings_of(context)
    keys = TokenKeys(seal_keys(settings.config))
    with settings.store() as store:
        done = sealing.reseal(store, keys)
    say(f"Messages that were encrypted again: {done.mails}.")
    if done.unreadable:
        complain(f"Messages that no key can decrypt: {done.unreadable}.")
        raise typer.Exit(os.EX_DATAERR)


@db.command()
def current(context: typer.Context) -> None:
    """Show the database's revision and the one that is needed."""
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
