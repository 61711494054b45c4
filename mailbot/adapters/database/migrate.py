"""The schema's revision: which one the program needs, which one a database has, and the way between them.

The migrations themselves are the package `migrations`, which never imports mailbot: a migration
means the same tables years later, whatever the models have become.  Alembic is imported only where
something is migrated: a daemon that runs for months needs to know the revision and nothing more.
"""

from __future__ import annotations

import os
from importlib.resources import as_file, files

from sqlalchemy import Connection, Engine, inspect, text

from mailbot.adapters.database.engine import WRITES, make_engine, sqlite_file
from mailbot.adapters.database.tables import Base
from mailbot.errors import DatabaseNotReady

HEAD = "0003"
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
    engine = make_engine(url)
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
            return current(connection) or "base"
    finally:
        engine.dispose()


def _create_file(url: str) -> None:
    # The database holds people's mails: nobody else on the machine reads it.
    file = sqlite_file(url)
    if file is not None:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def differences(engine: Engine) -> list[object]:
    """What autogenerate would change to make the database's tables those of the models; empty when they agree."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - see above
    from alembic.migration import MigrationContext  # noqa: PLC0415

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, Base.metadata))
