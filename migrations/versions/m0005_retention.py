"""What is old can leave: indexes by age, and a history that may go with its ticket once that is over, and not before."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_raw_mails_stored_at", "raw_mails", ["stored_at"], None),
    ("ix_ledger_seen_at", "ledger", ["seen_at"], None),
    ("ix_outbox_settled_at", "outbox", ["settled_at"], "settled_at IS NOT NULL AND ticket_id IS NULL"),
    ("ix_tickets_over", "tickets", ["changed_at"], "state IN ('denied', 'lapsed', 'withdrawn', 'removed')"),
)


def upgrade() -> None:
    for name, table, columns, where in INDEXES:
        condition = None if where is None else sa.text(where)
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER history_is_append_only ON history")
        guard("UPDATE OR TRUNCATE")
        op.execute(
            "CREATE FUNCTION history_goes_with_its_ticket() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF NOT EXISTS (SELECT 1 FROM tickets WHERE id = OLD.ticket_id "
            "AND state IN ('denied', 'lapsed', 'withdrawn', 'removed')) "
            "THEN RAISE EXCEPTION 'history is append-only'; END IF; RETURN OLD; END $$"
        )
        op.execute(
            "CREATE TRIGGER history_goes_with_its_ticket BEFORE DELETE ON history "
            "FOR EACH ROW EXECUTE FUNCTION history_goes_with_its_ticket()"
        )
        return
    op.execute("DROP TRIGGER history_no_delete")
    op.execute(
        "CREATE TRIGGER history_no_delete BEFORE DELETE ON history "
        "WHEN NOT EXISTS (SELECT 1 FROM tickets WHERE id = OLD.ticket_id "
        "AND state IN ('denied', 'lapsed', 'withdrawn', 'removed')) "
        "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"
    )


def downgrade() -> None:
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER history_goes_with_its_ticket ON history")
        op.execute("DROP FUNCTION history_goes_with_its_ticket()")
        op.execute("DROP TRIGGER history_is_append_only ON history")
        guard("UPDATE OR DELETE OR TRUNCATE")
        return
    op.execute("DROP TRIGGER history_no_delete")
    op.execute(
        "CREATE TRIGGER history_no_delete BEFORE DELETE ON history "
        "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"
    )


def guard(verbs: str) -> None:
    op.execute(
        f"CREATE TRIGGER history_is_append_only BEFORE {verbs} ON history "
        "FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only()"
    )
