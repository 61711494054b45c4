"""Addresses of machines on bridges: one belongs to one ticket of its site."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0013"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "addresses",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("ticket_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_addresses_ticket_id_tickets"),
        sa.PrimaryKeyConstraint("site", "address", name="pk_addresses"),
    )
    op.create_index("ix_addresses_ticket_id", "addresses", ["ticket_id"])


def downgrade() -> None:
    op.drop_table("addresses")
