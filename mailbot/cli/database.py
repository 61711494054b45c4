"""`db upgrade` and `db current`."""

from __future__ import annotations

import typer

from mailbot.cli.output import say
from mailbot.cli.site import Settings

db = typer.Typer(help="The database's schema.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(db, name="db")


@db.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database to the revision that this program needs; makes it where there is none."""
    from mailbot import journal  # noqa: PLC0415 - each command imports what it needs
    from mailbot.adapters.database import migrate  # noqa: PLC0415
    from mailbot.adapters.database.engine import sqlite_file  # noqa: PLC0415

    settings: Settings = context.obj
    settings.as_service()
    url = settings.config.database.url.get_secret_value()
    file = sqlite_file(url)
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    before, after = _revision(url), migrate.upgrade(url)
    if before != after:
        settings.start_log()
        journal.database_upgraded(before=before or "none", after=after)
    say(f"The database is at revision {after}.")


@db.command()
def current(context: typer.Context) -> None:
    """Say which revision the database is at, and which one is needed."""
    from mailbot.adapters.database import migrate  # noqa: PLC0415

    settings: Settings = context.obj
    settings.as_service()
    url = settings.config.database.url.get_secret_value()
    say(f"at {_revision(url) or 'none'}, needed {migrate.head()}")


def _revision(url: str) -> str | None:
    """The revision of a database; None where there is none, and none is made."""
    from mailbot.adapters.database import migrate  # noqa: PLC0415
    from mailbot.adapters.database.engine import make_engine, sqlite_file  # noqa: PLC0415

    file = sqlite_file(url)
    if file is not None and not file.exists():
        return None
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return migrate.current(connection)
    finally:
        engine.dispose()
