"""The last day that people agreed on, where the end date was moved since, and when admins were last reminded of the open question.

What was moved before is taken as agreed, and a question that was reminded of before lapses as it would have.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tickets", sa.Column("agreed_until", sa.Date(), nullable=True))
    op.add_column("tickets", sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("tickets", "reminded_at")
    op.drop_column("tickets", "agreed_until")
