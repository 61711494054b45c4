"""By how long a lease was put off, and whether a question has stopped its clock: one that is open now does."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("tickets", sa.Column("delayed_days", NUMBER, nullable=False, server_default=sa.text("0")))
    op.add_column("tickets", sa.Column("froze", sa.Text(), nullable=False, server_default=sa.text("'unused'")))
    op.execute("UPDATE tickets SET froze = 'once' WHERE asked_end_date IS NOT NULL")


def downgrade() -> None:
    op.drop_column("tickets", "froze")
    op.drop_column("tickets", "delayed_days")
