"""Tickets know since when their owner is asked whether the disk may be deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tickets", sa.Column("reinstall_asked_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("tickets", "reinstall_asked_at")
