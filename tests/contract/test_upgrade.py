"""A filled database of the first schema comes through every upgrade, with its letters, machines, proofs and triggers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from mailbot import policy
from mailbot.adapters.database import migrate
from mailbot.adapters.database.engine import WRITES, make_engine
from mailbot.adapters.database.place import sqlite_file
from mailbot.adapters.database.store import Database
from mailbot.errors import DatabaseNotReady
from mailbot.model import Actor, EventKind, HistoryEntry, Notice, NoticeOf, NoticeStage, Role, Turn
from mailbot.rules import PolicyRules
from migrations.rebuilding import rebuilt
from tests.world import CAROL, World
from tests.writing import SUPPORT, mail

FIRST = Path(__file__).resolve().parents[2] / "fixtures" / "databases" / "0001.sql"
"""What the first schema's program had written: six tickets in as many states, one letter still to be sent."""
NOW = datetime(2027, 1, 14, 11, 30, tzinfo=UTC)
QUESTION = "<mb.5.1.d.20832.5kw6gdlevjtlpwq2r3ojg4cv55c5te2g.jgg26wnlnm7lw27j@mailbot.testbed.example>"
"""The Message-ID of the question about ticket 5 as that program sent it to the first admin."""
TABLES = ("tickets", "history", "ledger", "raw_mails", "outbox", "sites", "notes")


def fill(url: str) -> None:
    """Load the fixture: as it is into SQLite, row by row into PostgreSQL."""
    file = sqlite_file(url)
    if file is not None:
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(FIRST.read_text(encoding="utf-8"))
        return
    migrate.upgrade(url, "0001")
    source = sa.create_engine("sqlite://")
    raw: Any = source.raw_connection()
    raw.driver_connection.executescript(FIRST.read_text(encoding="utf-8"))
    target = make_engine(url)
    with source.connect() as old, target.begin() as new:
        new.execute(text("SET TIME ZONE 'UTC'"))
        for name in TABLES:
            rows = old.execute(sa.select(sa.Table(name, sa.MetaData(), autoload_with=source))).mappings().all()
            if rows:
                new.execute(sa.insert(sa.Table(name, sa.MetaData(), autoload_with=target)), [dict(row) for row in rows])
    target.dispose()


@pytest.fixture
def upgraded(empty_url: str) -> Iterator[Database]:
    fill(empty_url)
    assert migrate.upgrade(empty_url) == migrate.head()
    store = Database(empty_url)
    yield store
    store.close()


def test_a_failed_build_is_due_so_that_it_comes_to_its_end(upgraded: Database) -> None:
    failed = upgraded.ticket(4)
    assert failed is not None
    assert failed.due_at == failed.changed_at


def test_nothing_is_lost_and_everything_can_be_read(upgraded: Database) -> None:
    states = [ticket.state.value for ticket in upgraded.tickets()]
    assert states == ["active", "archived", "denied", "failed", "pending", "unconfirmed"]
    assert sum(len(upgraded.history(number)) for number in range(1, 7)) == 28
    assert len(upgraded.accepted(1)) == 13
    assert [effect.key for effect in upgraded.waiting(6)] == ["confirm-request:1"]


def test_machines_keep_the_names_that_they_were_built_with(upgraded: Database) -> None:
    ticket = upgraded.ticket(1)
    assert ticket is not None
    assert (ticket.machine_id, ticket.nonce) == (None, "")
    spec = policy.vm_spec(ticket, "north", "north.testbed.example", (), PolicyRules())
    assert spec.machine_id == UUID("cc08bd0f-65d6-5355-b092-bb1b806201b4")


def test_sites_that_were_tried_are_facts(upgraded: Database) -> None:
    placed = [line for line in upgraded.history(4) if line.event is EventKind.PLACED]
    assert [line.facts for line in placed] == [{"site": "north"}]
    assert all(line.facts == {} for line in upgraded.history(4) if line.event is not EventKind.PLACED)


def test_proofs_of_notice_go_on_counting(upgraded: Database) -> None:
    since, last_day = datetime(2026, 11, 23, 9, 5, tzinfo=UTC), date(2027, 1, 15)
    warned = [one.notice for one in upgraded.accepted(1) if one.letter == "warning"]
    assert warned == [
        Notice(NoticeOf.STOP, NoticeStage.WARNING, since=since, day=last_day, number=number) for number in (1, 2, 3)
    ]
    archived = upgraded.ticket(2)
    assert archived is not None
    told = [one.notice for one in upgraded.accepted(2) if one.notice]
    assert told[-1] == Notice(NoticeOf.DISK, NoticeStage.KEPT, at=archived.keep_until)
    assert Notice(NoticeOf.REMOVAL, NoticeStage.LAST, since=archived.ended_at, at=archived.remove_at) in told
    assert [one.stage.value for one in told if one.of is NoticeOf.STOP] == ["moved", "warning", "moved"]


def test_history_still_refuses_to_be_changed(upgraded: Database) -> None:
    for statement in ("UPDATE history SET who = 'x'", "DELETE FROM history"):
        with pytest.raises(DatabaseError, match="append-only"), upgraded.engine.begin() as connection:
            connection.execute(text(statement))


def test_a_letter_that_was_sent_before_the_upgrade_can_be_answered_after_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.bot.close()
    (tmp_path / "mailbot.sqlite").unlink()
    fill(world.url)
    migrate.upgrade(world.url)
    world.clock.set(NOW)
    world.bot = world.build()
    for number in range(11):  # the mailbox as it was: these have been read
        world.inbox.deliver(mail("alice@example.org", f"old {number}", "read already", NOW))
    world.arrives(mail(CAROL.address, "Re: it", "approve", NOW, to=SUPPORT, In_Reply_To=QUESTION))
    assert EventKind.APPROVED in [line.event for line in world.bot.context.store.history(5)]
    world.close()


# tables that are built again


def in_a_migration(connection: Connection, table: str, column: str) -> None:
    context = MigrationContext.configure(connection, opts={"transactional_ddl": True})
    with Operations.context(context), rebuilt(table) as batch:
        batch.alter_column(column, existing_type=sa.Text(), nullable=True)


@pytest.mark.parametrize(("table", "column"), [("tickets", "disk_reason"), ("history", "who"), ("outbox", "answer")])
def test_a_table_that_is_built_again_keeps_rows_keys_triggers_and_the_highest_number(
    table: str, column: str, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/mailbot.sqlite"
    fill(url)
    migrate.upgrade(url)
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE sqlite_sequence SET seq = 41 WHERE name = 'tickets'"))
        before = everything(connection)
    sa.event.listen(engine, "connect", lambda raw, _record: raw.execute("PRAGMA foreign_keys = OFF"))
    engine.dispose()
    with engine.execution_options(**WRITES).begin() as connection:
        in_a_migration(connection, table, column)
        assert everything(connection) == before
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    engine.dispose()


def everything(connection: Connection) -> dict[str, object]:
    """Rows, triggers, indexes, foreign keys and the next number, as SQLite has them."""
    found: dict[str, object] = {
        name: connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY 1").all() for name in TABLES
    }
    for kind in ("trigger", "index"):
        sql = f"SELECT name, tbl_name, sql FROM sqlite_master WHERE type = '{kind}' ORDER BY name"
        found[kind] = connection.exec_driver_sql(sql).all()
    found["keys"] = [connection.exec_driver_sql(f"PRAGMA foreign_key_list({name})").all() for name in TABLES]
    found["next"] = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence ORDER BY name").all()
    return found


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DROP INDEX ix_ledger_sha256", "add_index ix_ledger_sha256"),
        ("ALTER TABLE tickets DROP COLUMN trouble", "add_column tickets.trouble"),
        (
            "UPDATE outbox SET ticket_id = 77 WHERE id = 1",
            "row 1 of outbox belongs to a row of tickets that is not there",
        ),
    ],
)
def test_an_upgrade_whose_result_is_not_what_the_program_needs_is_undone_and_refused_in_words(
    damage: str, said: str, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/mailbot.sqlite"
    fill(url)
    with closing(sqlite3.connect(tmp_path / "mailbot.sqlite")) as connection, connection:
        connection.execute(damage)
    with pytest.raises(DatabaseNotReady, match=said):
        migrate.upgrade(url)
    engine = make_engine(url)
    with engine.connect() as connection:
        assert migrate.current(connection) == "0001"
    engine.dispose()


def test_a_trigger_that_somebody_took_away_is_missed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/mailbot.sqlite"
    migrate.upgrade(url)
    with closing(sqlite3.connect(tmp_path / "mailbot.sqlite")) as connection, connection:
        connection.execute("DROP TRIGGER history_no_update")
    with pytest.raises(DatabaseNotReady, match="the trigger history_no_update is missing"):
        migrate.upgrade(url)


@pytest.mark.parametrize(
    ("table", "column", "said"),
    [
        ("history", "who", "the trigger history_no_delete is missing; the trigger history_no_update is missing"),
        ("tickets", "disk_reason", "numbers of tickets would be used twice"),
    ],
)
def test_a_table_that_a_migration_builds_again_by_batch_mode_alone_is_refused(
    table: str, column: str, said: str, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/mailbot.sqlite"
    fill(url)
    migrate.upgrade(url)
    engine = make_engine(url)
    sa.event.listen(engine, "connect", lambda raw, _record: raw.execute("PRAGMA foreign_keys = OFF"))
    with engine.execution_options(**WRITES).begin() as connection:
        context = MigrationContext.configure(connection, opts={"transactional_ddl": True})
        for name in ("history_no_update", "history_no_delete") if table == "tickets" else ():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")  # else they stand in its way
        with Operations.context(context), Operations(context).batch_alter_table(table) as batch:
            batch.alter_column(column, existing_type=sa.Text(), nullable=True)
    engine.dispose()
    with pytest.raises(DatabaseNotReady, match=said):
        migrate.upgrade(url)


def test_what_an_operator_has_added_is_left_alone(empty_url: str) -> None:
    fill(empty_url)
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE INDEX ours ON tickets (email)"))
        connection.execute(text("CREATE TABLE theirs (number INTEGER)"))
    engine.dispose()
    assert migrate.upgrade(empty_url) == migrate.head()


def test_what_was_written_before_seals_is_sealed_and_goes_on(upgraded: Database) -> None:
    chains = list(upgraded.archive.chains())
    assert sum(chain.lines for chain in chains) == 28
    assert [chain.broken for chain in chains if chain.broken] == []
    if upgraded.engine.dialect.name == "postgresql":  # the fixture was put in with its numbers
        with upgraded.engine.begin() as connection:
            connection.execute(text("SELECT setval(pg_get_serial_sequence('history', 'id'), 1000)"))
    one = upgraded.ticket(5)
    assert one is not None
    line = HistoryEntry(0, NOW, EventKind.HELD, one.state, one.state, Actor(Role.ADMIN, "carol"), "held")
    upgraded.commit(Turn(now=NOW, about_ticket=5, history=(line,)))
    assert [chain.broken for chain in upgraded.archive.chains() if chain.broken] == []
