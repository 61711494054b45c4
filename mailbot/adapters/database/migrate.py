"""The schema's revision: which one the program needs, which one a database has, and the way between them.

The migrations themselves are the package `migrations`, which never imports mailbot: a migration
means the same tables years later, whatever the models have become.  Alembic is imported only where
something is migrated: a daemon that runs for months needs to know the revision and nothing more.
"""

from __future__ import annotations

import os
from importlib.resources import as_file, files
from typing import Any

from sqlalchemy import Connection, Engine, event, inspect, text

from mailbot.adapters.database.engine import WRITES, make_engine
from mailbot.adapters.database.place import sqlite_file
from mailbot.errors import DatabaseNotReady

HEAD = "0017"
"""The newest revision in `migrations`, which this program needs (a test compares the two)."""

_ONE_MIGRATION_AT_A_TIME = text("SELECT pg_advisory_xact_lock(7810036)")
_REVISION = text("SELECT version_num FROM alembic_version")


def head() -> str:
    """The revision that this program needs."""
    return HEAD


def current(connection: Connection) -> str | None:
    """The revision of a database; None where it has no schema yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(_REVISION).scalar()


def require_not_newer(found: str | None) -> None:
    """Refuse a database that a newer program has upgraded: its revision is beyond this program's.

    Revisions are numbers of four digits, so that they order as text.  Raises DatabaseNotReady.
    """
    if found is not None and found > HEAD:
        raise DatabaseNotReady(
            f"the database is at revision {found}, newer than this program, which knows revisions up to {HEAD}: "
            "install the newer program again, or restore the backup that was made before its upgrade"
        )


def upgrade(url: str, revision: str = "head") -> str:
    """Bring a database to a revision (made where it does not exist) and give the revision reached.  May run twice, and at the same time."""
    return _move(url, revision, down=False)


def downgrade(url: str, revision: str) -> str:
    """Take a database back to a revision, `base` for none: what the later ones added is lost."""
    return _move(url, revision, down=True)


def _move(url: str, revision: str, *, down: bool) -> str:
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415

    _create_file(url)
    engine = make_engine(url, patient=True)
    if engine.dialect.name == "sqlite":
        # A table that is built again is dropped first, and its rows would go with it, or stand in the way.  Only outside
        # of a transaction can this be switched off (https://sqlite.org/lang_altertable.html, section 7, step 1).
        event.listen(engine, "connect", lambda raw, _record: raw.execute("PRAGMA foreign_keys = OFF"))
    try:
        with engine.execution_options(**WRITES).begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(_ONE_MIGRATION_AT_A_TIME)
            require_not_newer(current(connection))
            with as_file(files("migrations")) as folder:
                config = Config()
                config.set_main_option("script_location", str(folder).replace("%", "%%"))
                config.attributes["connection"] = connection
                (command.downgrade if down else command.upgrade)(config, revision)
            reached = current(connection) or "base"
            if reached == HEAD:
                _require_whole(connection)
            return reached
    finally:
        engine.dispose()


def _create_file(url: str) -> None:
    # The database holds people's mails: nobody else on the machine reads it.
    file = sqlite_file(url)
    if file is not None:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def differences(engine: Engine) -> list[object]:
    """What autogenerate would change to make the database's tables those of the models; empty when they agree."""
    with engine.connect() as connection:
        return _differences(connection)


def _require_whole(connection: Connection) -> None:
    """Refuse what an upgrade has made where it is not what this program needs; raised before the commit, it undoes the upgrade.

    What an operator has added (an index, a table) is nobody's business.  Raises DatabaseNotReady.
    """
    found = [one for one in map(_in_words, _differences(connection)) if not one.startswith("remove_")]
    found += [
        f"the trigger {name} is missing" for name in sorted(_TRIGGERS[connection.dialect.name] - _triggers(connection))
    ]
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        found += [f"row {row[1]} of {row[0]} belongs to a row of {row[2]} that is not there" for row in broken]
        numbered = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'tickets'").scalar()
        if "AUTOINCREMENT" not in str(numbered):
            found.append("numbers of tickets would be used twice")
    if found:
        raise DatabaseNotReady(
            f"the upgrade was undone, because the database would not be what this program needs: {'; '.join(found)}"
        )


_TRIGGERS = {
    "sqlite": frozenset({"history_no_update", "history_no_delete"}),
    "postgresql": frozenset({"history_is_append_only", "history_is_only_erased", "history_goes_with_its_ticket"}),
}
"""What keeps history as it was written."""
_ALL_TRIGGERS = {
    "sqlite": text("SELECT name FROM sqlite_master WHERE type = 'trigger'"),
    "postgresql": text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"),
}


def _triggers(connection: Connection) -> frozenset[str]:
    return frozenset(connection.execute(_ALL_TRIGGERS[connection.dialect.name]).scalars())


def _in_words(difference: Any) -> str:
    """One difference that Alembic has found: `add_column tickets.nonce`, for example, is a column that is missing."""
    one = difference[0] if isinstance(difference, list) else difference
    what, subjects = one[0], [getattr(part, "name", part) for part in one[1:]]
    return " ".join((what, ".".join(str(part) for part in subjects if isinstance(part, str))))


def _differences(connection: Connection) -> list[object]:
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - see above
    from alembic.migration import MigrationContext  # noqa: PLC0415

    from mailbot.adapters.database.schema import schema  # noqa: PLC0415 - imports the dialect of PostgreSQL

    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, schema()))
