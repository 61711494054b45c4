"""Whose machine it is, by the directory's id; another login; and how the directory last had the owner.

Tickets that exist know no id: the first look at the directory gives it to them, by their login.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# The states of that time in which a ticket takes its owner's place, as a text that SQLite can compare with a query's.
PLACE = "state IN ('pending', 'approved', 'failed', 'active', 'expired', 'retiring')"
ONE_EACH = f"{PLACE} AND person_id <> ''"
ODD = f"{PLACE} AND owner <> 'active'"


def upgrade() -> None:
    for name, value in (("person_id", "''"), ("renamed_to", "''"), ("owner", "'active'")):
        op.add_column("tickets", sa.Column(name, sa.Text(), nullable=False, server_default=sa.text(value)))
    for name, column, where, unique in (
        ("uq_tickets_person", "person_id", ONE_EACH, True),
        ("ix_tickets_owner", "owner", ODD, False),
    ):
        op.create_index(
            name, "tickets", [column], unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )


def downgrade() -> None:
    op.drop_index("ix_tickets_owner", "tickets")
    op.drop_index("uq_tickets_person", "tickets")
    for name in ("owner", "renamed_to", "person_id"):
        op.drop_column("tickets", name)
