"""By which plan of warnings (`lease.warn_days`) the warnings of a lease were counted; empty where no program wrote it down."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tickets", sa.Column("warned_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("tickets", "warned_by")
