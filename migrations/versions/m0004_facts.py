"""What was read out of sentences and keys gets columns of its own; a claimed row says by which claim.

The one time that facts are still cut out of words is here: the site of "placed at north", and what an announcement
announced, of its key.
"""

import re
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations.rebuilding import rebuilt

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
HISTORY = sa.table("history", sa.column("id"), sa.column("event"), sa.column("summary"), sa.column("facts", sa.JSON()))
OUTBOX = sa.table(
    "outbox",
    *(sa.column(name) for name in ("id", "ticket_id", "key", "notice", "notice_stage", "notice_number")),
    sa.column("notice_since", MOMENT),
    sa.column("notice_date", sa.Date()),
    sa.column("notice_at", MOMENT),
)
TICKETS = sa.table("tickets", sa.column("id"), sa.column("remove_at", MOMENT), sa.column("keep_until", MOMENT))
NEW = (
    ("claim", sa.Text()),
    ("notice", sa.Text()),
    ("notice_since", MOMENT),
    ("notice_date", sa.Date()),
    ("notice_at", MOMENT),
    ("notice_stage", sa.Text()),
    ("notice_number", NUMBER),
)


def upgrade() -> None:
    op.add_column("history", sa.Column("facts", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
    for name, kind in NEW:
        op.add_column("outbox", sa.Column(name, kind, nullable=True))
    with rebuilt("history") as batch:
        remember_sites()
        batch.alter_column("facts", existing_type=sa.JSON(), existing_nullable=False, server_default=None)
    remember_notices()


def downgrade() -> None:
    with rebuilt("history") as batch:
        batch.drop_column("facts")
    for name, _ in reversed(NEW):
        op.drop_column("outbox", name)


def remember_sites() -> None:
    bind = op.get_bind()
    placed = bind.execute(sa.select(HISTORY.c.id, HISTORY.c.summary).where(HISTORY.c.event == "Placed")).all()
    for row, summary in placed:
        facts = {"site": summary.removeprefix("placed at ")}
        bind.execute(sa.update(HISTORY).where(HISTORY.c.id == row).values(facts=facts))


MOMENT_WORDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:\d\d"
WARNING = re.compile(rf"warning:({MOMENT_WORDS}):(\d{{4}}-\d\d-\d\d):(moved|[0-9]+):")
REMOVAL = re.compile(rf"removal:({MOMENT_WORDS}):(stopped|half|near-[0-9T]+):")
DISK = re.compile(r"archive:(\d{8}T\d{6}):")


def remember_notices() -> None:
    bind = op.get_bind()
    wanted = sa.or_(*(OUTBOX.c.key.like(f"{word}:%") for word in ("warning", "removal", "archive")))
    of_ticket = sa.select(OUTBOX.c.id, OUTBOX.c.key, TICKETS.c.remove_at, TICKETS.c.keep_until)
    for row in bind.execute(of_ticket.join(TICKETS, TICKETS.c.id == OUTBOX.c.ticket_id).where(wanted)).all():
        values = notice_of(row.key, aware(row.remove_at), aware(row.keep_until))
        if values:
            bind.execute(sa.update(OUTBOX).where(OUTBOX.c.id == row.id).values(**values))


def aware(moment: datetime | None) -> datetime | None:
    """The moment in UTC: SQLite gives it back without its zone, PostgreSQL in that of the session."""
    if moment is None:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def notice_of(key: str, remove_at: datetime | None, keep_until: datetime | None) -> dict[str, Any]:
    """What a key of the first schema said; keys that say something else give nothing, and are no proof.

    Keys held the moments of a removal and of a deletion without the parts of a minute and of a second: where the ticket
    still has that moment, it is taken from there.
    """
    if found := WARNING.match(key):
        moved = found[3] == "moved"
        values = {"notice_stage": "moved" if moved else "warning", "notice_number": 0 if moved else int(found[3])}
        return {"notice": "stop", "notice_since": utc(found[1]), "notice_date": date.fromisoformat(found[2])} | values
    if found := REMOVAL.match(key):
        stage, _, minute = found[2].partition("-")
        at = moment_of(minute, "%Y%m%dT%H%M", remove_at) if minute else None
        stage = "last" if minute else stage
        since = utc(found[1])
        return {"notice": "removal", "notice_since": since, "notice_at": at, "notice_stage": stage, "notice_number": 0}
    if found := DISK.match(key):
        at = moment_of(found[1], "%Y%m%dT%H%M%S", keep_until)
        return {"notice": "disk", "notice_at": at, "notice_stage": "kept", "notice_number": 0}
    return {}


def utc(words: str) -> datetime:
    return datetime.fromisoformat(words).astimezone(UTC)


def moment_of(words: str, form: str, known: datetime | None) -> datetime:
    """The moment that the words of a key stand for: the known one where it is that, else the words themselves."""
    same = known is not None and known.strftime(form) == words
    return known if known and same else datetime.strptime(words, form).replace(tzinfo=UTC)
