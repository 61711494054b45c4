"""Conditions of indexes that SQLite decides by comparing: for a list it makes a table in memory, at each change of a ticket."""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# The states of that time in which a ticket takes its owner's place, and those in which it is over.
PLACE = ("pending", "approved", "failed", "active", "expired", "retiring")
OVER = ("denied", "lapsed", "withdrawn", "removed")


def upgrade() -> None:
    _index_again(lambda states: "NOT ({})".format(" AND ".join(f"state <> '{state}'" for state in states)))


def downgrade() -> None:
    _index_again(lambda states: "state IN ({})".format(", ".join(f"'{state}'" for state in states)))


def _index_again(in_one_of: Callable[[tuple[str, ...]], str]) -> None:
    place = in_one_of(PLACE)
    for name, column, where, unique in (
        ("uq_tickets_place", "username", place, True),
        ("uq_tickets_person", "person_id", f"{place} AND person_id <> ''", True),
        ("ix_tickets_owner", "owner", f"{place} AND owner <> 'active'", False),
        ("ix_tickets_over", "changed_at", in_one_of(OVER), False),
    ):
        condition = sa.text(where)
        op.drop_index(name, "tickets")
        op.create_index(name, "tickets", [column], unique=unique, sqlite_where=condition, postgresql_where=condition)
