"""The language of a ticket's owner, and of each letter; "" for the site's, as for all letters of before."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = ("tickets", "outbox")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("language", sa.Text(), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "language")
