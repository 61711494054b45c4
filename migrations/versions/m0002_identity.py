"""What tells one ticket from all others, of any time: a random id for its machine, and a nonce for its letters.

Tickets that exist keep no id (their machines are named after site, owner and number) and an empty nonce (letters
that are under way to their readers stay valid).
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tickets", sa.Column("machine_id", sa.Uuid(), nullable=True))
    op.add_column("tickets", sa.Column("nonce", sa.Text(), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    op.drop_column("tickets", "nonce")
    op.drop_column("tickets", "machine_id")
