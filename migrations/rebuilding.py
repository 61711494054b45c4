"""Changes that SQLite can only make by building a table again, without losing what hangs on it."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

_TRIGGERS = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
_TABLE = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :wanted")
_LAST = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :wanted")
_GO_ON_ABOVE = sa.text("UPDATE sqlite_sequence SET seq = :last WHERE name = :wanted")
_GO_ON_ABOVE_OF_EMPTY = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:wanted, :last)")


@contextmanager
def rebuilt(table: str) -> Iterator[BatchOperations]:
    """Alembic's batch mode, in which triggers are at rest and survive, and numbers go on where they were.

    SQLite drops the triggers of a table that is built again, Alembic its AUTOINCREMENT, and both the highest number that
    was given.  Foreign keys hold because `mailbot.adapters.database.migrate` switches them off before the transaction
    begins and checks them before it ends (https://sqlite.org/lang_altertable.html, section 7).  PostgreSQL alters in place.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        with op.batch_alter_table(table) as batch:
            yield batch
        op.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        return
    bind = op.get_bind()
    # All of them: a trigger of another table that looks at this one stands in the way as long as it is not there.
    triggers = bind.execute(_TRIGGERS).all()
    numbered = "AUTOINCREMENT" in str(bind.execute(_TABLE, {"wanted": table}).scalar())
    last = bind.execute(_LAST, {"wanted": table}).scalar() if numbered else None
    for name, _ in triggers:
        op.execute(f"DROP TRIGGER {name}")
    with op.batch_alter_table(table, table_kwargs={"sqlite_autoincrement": numbered}) as batch:
        yield batch
    if last is not None and not bind.execute(_GO_ON_ABOVE, {"wanted": table, "last": last}).rowcount:
        bind.execute(_GO_ON_ABOVE_OF_EMPTY, {"wanted": table, "last": last})
    for _, definition in triggers:
        op.execute(definition)
