"""The brake on letters: whose each letter is, what caused it, and those that are held."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INDEXES = {
    "ix_outbox_held": (["id"], "state = 'held'"),
    "ix_outbox_counted": (["counted", "created_at"], "counted IS NOT NULL"),
    "ix_outbox_caused": (["cause", "counted", "created_at"], "cause IS NOT NULL"),
    "ix_outbox_written": (["created_at"], "counted IS NOT NULL"),
}


def upgrade() -> None:
    """Letters of before count for nobody: the limits look back a day at most."""
    for name in ("counted", "cause"):
        op.add_column("outbox", sa.Column(name, sa.Text(), nullable=True))
    for name, (columns, where) in _INDEXES.items():
        op.create_index(name, "outbox", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    """What is held is not sent any more: a former program knows no such state."""
    op.execute("UPDATE outbox SET state = 'cancelled' WHERE state = 'held'")
    for name in _INDEXES:
        op.drop_index(name, "outbox")
    for name in ("cause", "counted"):
        op.drop_column("outbox", name)
