"""History becomes a chain: every line has a seal after the line before it, and can lose its words without breaking it.

What was written before is sealed as it stands now: from here on a change shows, a change from before does not.
"""

import hashlib
import json
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations.rebuilding import rebuilt

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NEW = ("who_salt", "who_hash", "words_salt", "words_hash")
HISTORY = sa.table(
    "history",
    *(sa.column(name) for name in ("id", "ticket_id", "event", "before", "after", "role", "who", "mail")),
    *(sa.column(name) for name in ("message_id", "summary", "who_salt", "words_salt", "seal")),
    sa.column("at", MOMENT),
    sa.column("evidence", sa.JSON()),
    sa.column("facts", sa.JSON()),
)
AT_ONCE = 1000

# Words may go from a line whose ticket is over, and with them who it was; what happened, when, and the seal stay.
OVER = (
    "EXISTS (SELECT 1 FROM tickets WHERE tickets.id = OLD.ticket_id "
    "AND tickets.state IN ('denied', 'lapsed', 'withdrawn', 'removed'))"
)
STAYS = ("id", "ticket_id", "at", "event", "role", "after", "seal")
EMPTY = "NEW.words_salt IS NULL AND NEW.words_hash IS NOT NULL AND NEW.summary = '' AND NEW.mail = '' AND NEW.message_id = ''"


def upgrade() -> None:
    for name in NEW:
        op.add_column("history", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("history", sa.Column("seal", sa.Text(), nullable=False, server_default=sa.text("''")))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER history_is_append_only ON history")
        seal_what_is_there()
        guard("TRUNCATE")
        same = " AND ".join(f"NEW.{name} = OLD.{name}" for name in STAYS)
        op.execute(
            "CREATE FUNCTION history_is_only_erased() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF NOT ({EMPTY} AND {same} AND NEW.before IS NOT DISTINCT FROM OLD.before AND {OVER}) "
            "THEN RAISE EXCEPTION 'history is append-only'; END IF; RETURN NEW; END $$"
        )
        op.execute(
            "CREATE TRIGGER history_is_only_erased BEFORE UPDATE ON history "
            "FOR EACH ROW EXECUTE FUNCTION history_is_only_erased()"
        )
        return
    op.execute("DROP TRIGGER history_no_update")
    seal_what_is_there()
    same = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in (*STAYS, "before"))
    op.execute(
        f"CREATE TRIGGER history_no_update BEFORE UPDATE ON history WHEN NOT ({EMPTY} AND {same} AND {OVER}) "
        "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER history_is_only_erased ON history")
        op.execute("DROP FUNCTION history_is_only_erased()")
        op.execute("DROP TRIGGER history_is_append_only ON history")
        guard("UPDATE OR TRUNCATE")
    else:
        op.execute("DROP TRIGGER history_no_update")
        op.execute(
            "CREATE TRIGGER history_no_update BEFORE UPDATE ON history "
            "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"
        )
    with rebuilt("history") as batch:
        for name in (*NEW, "seal"):
            batch.drop_column(name)


def guard(verbs: str) -> None:
    op.execute(
        f"CREATE TRIGGER history_is_append_only BEFORE {verbs} ON history "
        "FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only()"
    )


def seal_what_is_there() -> None:
    """Every line after the one before it of the same ticket, in the order in which they were written."""
    bind = op.get_bind()
    column = HISTORY.c
    some = sa.select(HISTORY).where(column.id > sa.bindparam("after_id")).order_by(column.id).limit(AT_ONCE)
    put = (
        sa.update(HISTORY)
        .where(column.id == sa.bindparam("line"))
        .values({name: sa.bindparam(f"new_{name}") for name in ("who_salt", "words_salt", "seal")})
    )
    seals: dict[int, str] = {}
    last = 0
    while rows := bind.execute(some, {"after_id": last}).all():
        changed = []
        for row in rows:
            who_salt, words_salt = token_hex(16), token_hex(16)
            seals[row.ticket_id] = seal_of(row, who_salt, words_salt, seals.get(row.ticket_id, ""))
            changed.append(
                {
                    "line": row.id,
                    "new_who_salt": who_salt,
                    "new_words_salt": words_salt,
                    "new_seal": seals[row.ticket_id],
                }
            )
        bind.execute(put, changed)
        last = rows[-1].id


def seal_of(row: Any, who_salt: str, words_salt: str, previous: str) -> str:
    at = row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)
    words = digest(words_salt, row.mail, row.message_id, row.evidence, row.summary, row.facts)
    return digest(
        previous,
        row.ticket_id,
        in_utc(at),
        row.event,
        row.before,
        row.after,
        row.role,
        digest(who_salt, row.who),
        words,
    )


def in_utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def digest(*parts: object) -> str:
    text = json.dumps(parts, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
