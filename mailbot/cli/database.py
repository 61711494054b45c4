"""`db upgrade` and `db current`."""

from __future__ import annotations

import typer

from mailbot import journal
from mailbot.adapters.database import migrate
from mailbot.adapters.database.engine import make_engine, sqlite_file
from mailbot.cli.acting import start_log
from mailbot.cli.output import say
from mailbot.cli.site import settings_of
from mailbot.cli.table import LOOK

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
