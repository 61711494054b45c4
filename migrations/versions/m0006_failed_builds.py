"""A build that failed before failures had an end begins to wait for it now."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE tickets SET due_at = changed_at WHERE state = 'failed' AND due_at IS NULL")


def downgrade() -> None:
    """Nothing: an earlier program leaves such a ticket as it is."""
