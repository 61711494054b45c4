"""The first schema: tickets with their history, the ledger of mails, the outbox, sites and notes."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    create_tickets()
    create_history()
    create_ledger()
    create_outbox()
    create_the_rest()


def downgrade() -> None:
    for table in ("notes", "sites", "outbox", "raw_mails", "ledger", "history", "tickets"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION history_is_append_only()")


def must(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def may(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def texts(*names: str) -> list[sa.Column[Any]]:
    return [must(name, sa.Text()) for name in names]


def partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def create_tickets() -> None:
    op.create_table(
        "tickets",
        must("id", NUMBER),
        *texts("state", "username", "name", "email", "intended_usage"),
        must("end_date", sa.Date()),
        must("disk_gib", NUMBER),
        *texts("thread", "subject"),
        must("opened_at", MOMENT),
        must("changed_at", MOMENT),
        may("due_at", MOMENT),
        *texts("disk_reason"),
        must("revision", NUMBER),
        must("version", NUMBER),
        must("reminders", NUMBER),
        may("site", sa.Text()),
        may("asked_end_date", sa.Date()),
        may("asked_at", MOMENT),
        may("ended_at", MOMENT),
        may("release_asked_at", MOMENT),
        may("keep_until", MOMENT),
        *texts("held"),
        may("lease_from", MOMENT),
        must("stage", NUMBER),
        may("remove_at", MOMENT),
        *texts("trouble"),
        sa.PrimaryKeyConstraint("id", name="pk_tickets"),
        sqlite_autoincrement=True,
    )
    places = "state IN ('pending', 'approved', 'failed', 'active', 'expired', 'retiring')"
    partial_index("uq_tickets_place", "tickets", ["username"], places, unique=True)
    partial_index("ix_tickets_due_at", "tickets", ["due_at"], "due_at IS NOT NULL")
    op.create_index("ix_tickets_state", "tickets", ["state"])


def create_history() -> None:
    op.create_table(
        "history",
        must("id", NUMBER),
        must("ticket_id", NUMBER),
        must("at", MOMENT),
        *texts("event"),
        may("before", sa.Text()),
        *texts("after", "role", "who", "mail", "message_id"),
        must("evidence", sa.JSON()),
        *texts("summary"),
        sa.PrimaryKeyConstraint("id", name="pk_history"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_history_ticket_id_tickets"),
    )
    op.create_index("ix_history_ticket_id", "history", ["ticket_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'history is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER history_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON history "
            "FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only()"
        )
        return
    # A later migration that rebuilds this table in SQLite's batch mode has to create these again.
    for verb in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER history_no_{verb} BEFORE {verb.upper()} ON history "
            "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"
        )


def create_ledger() -> None:
    op.create_table(
        "ledger",
        must("id", NUMBER),
        *texts("account", "folder"),
        must("uidvalidity", NUMBER),
        must("uid", NUMBER),
        *texts("message_id", "sha256", "verdict"),
        must("seen_at", MOMENT),
        *texts("sender", "subject", "kind", "why"),
        must("attempts", NUMBER),
        may("retry_at", MOMENT),
        must("unmoved", NUMBER),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
        sa.UniqueConstraint("account", "folder", "uidvalidity", "uid", name="uq_ledger_key"),
    )
    op.create_index("ix_ledger_message_id", "ledger", ["message_id"])
    op.create_index("ix_ledger_sha256", "ledger", ["sha256"])
    folder = ["account", "folder", "uidvalidity"]
    partial_index("ix_ledger_unmoved", "ledger", [*folder, "uid"], "unmoved = 1")
    partial_index("ix_ledger_retries", "ledger", [*folder, "retry_at"], "verdict = 'retry'")
    op.create_table(
        "raw_mails",
        *texts("sha256"),
        must("data", sa.LargeBinary()),
        must("stored_at", MOMENT),
        sa.PrimaryKeyConstraint("sha256", name="pk_raw_mails"),
    )


def create_outbox() -> None:
    op.create_table(
        "outbox",
        must("id", NUMBER),
        may("ticket_id", NUMBER),
        must("version", NUMBER),
        *texts("action", "key"),
        may("letter", sa.Text()),
        *texts("to_address", "to_name"),
        must("facts", sa.JSON()),
        may("not_before", MOMENT),
        *texts("answers"),
        may("answered", sa.Text()),
        *texts("state"),
        must("attempts", NUMBER),
        must("next_attempt_at", MOMENT),
        must("created_at", MOMENT),
        may("message_id", sa.Text()),
        may("settled_at", MOMENT),
        *texts("answer", "error"),
        may("bounced_at", MOMENT),
        may("bounce_permanent", sa.Boolean()),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_outbox_ticket_id_tickets"),
    )
    partial_index("uq_outbox_ticket_key", "outbox", ["ticket_id", "key"], "ticket_id IS NOT NULL", unique=True)
    partial_index("uq_outbox_key", "outbox", ["key"], "ticket_id IS NULL", unique=True)
    partial_index("ix_outbox_waiting", "outbox", ["action", "next_attempt_at", "id"], "state = 'waiting'")
    partial_index("ix_outbox_waiting_ticket", "outbox", ["ticket_id", "id"], "state = 'waiting'")
    partial_index("ix_outbox_failed", "outbox", ["id"], "state = 'failed'")
    partial_index("ix_outbox_message_id", "outbox", ["message_id"], "message_id IS NOT NULL")
    partial_index("ix_outbox_answered", "outbox", ["answered", "created_at"], "answered IS NOT NULL")


def create_the_rest() -> None:
    op.create_table(
        "sites",
        *texts("site"),
        must("at", MOMENT),
        must("health", sa.JSON()),
        sa.PrimaryKeyConstraint("site", name="pk_sites"),
    )
    op.create_table("notes", *texts("name", "value"), sa.PrimaryKeyConstraint("name", name="pk_notes"))
