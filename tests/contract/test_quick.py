"""The driver's own cursor and SQLAlchemy mean the same by a statement: values, rows, counts, errors, and who hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Insert, bindparam, event, insert, select, update
from sqlalchemy.exc import IntegrityError, StatementError

from mailbot.adapters.database import quick
from mailbot.adapters.database.engine import Kept, make_engine
from mailbot.adapters.database.ledger import _upsert
from mailbot.adapters.database.store import Database
from mailbot.adapters.database.tables import HISTORY, LEDGER, NOTES, OUTBOX, TICKETS
from mailbot.model import LedgerEntry, TicketState, Turn, Verdict
from tests.contract.test_store import NOW, a_letter, a_mail, entry, opened

ROWS = [{"name": "one", "value": "1"}, {"name": "two", "value": "\0é"}]


@pytest.fixture
def connection(store: Database) -> Iterator[Connection]:
    with store.engine.begin() as connection:
        yield connection


@pytest.mark.parametrize("table", [TICKETS, HISTORY, OUTBOX, LEDGER], ids=str)
def test_rows_are_read_as_sqlalchemy_reads_them(store: Database, table: Any) -> None:
    opened(store, a_letter("one"), a_letter("two"), mail=a_mail(1), history=(entry(),))
    statement = select(table)
    with store.engine.connect() as connection:
        expected = [tuple(row) for row in connection.execute(statement)]
        found, _ = quick.run(connection, statement, {})
    assert expected
    assert found == expected
    assert [list(map(type, row)) for row in found] == [list(map(type, row)) for row in expected]


def test_values_are_written_as_sqlalchemy_writes_them(store: Database) -> None:
    opened(store, a_letter("one"), mail=a_mail(1))
    with store.engine.begin() as connection:
        _written(connection)


def _written(connection: Connection) -> None:
    quick.run(connection, insert(NOTES).inline(), *ROWS)
    assert connection.execute(select(NOTES).order_by(NOTES.c.name)).all() == [("one", "1"), ("two", "\ufffdé")]
    facts = {"words": f"12.1.d.3.{'a' * 32}, é"}
    quick.run(connection, update(LEDGER).where(LEDGER.c.why == "because"), {"why": facts["words"]})
    quick.run(connection, update(OUTBOX), {"facts": facts})
    assert connection.execute(select(LEDGER.c.why)).scalar() == "12.1.d.3, é"
    assert connection.execute(select(OUTBOX.c.facts)).scalar() == {"words": "12.1.d.3, é"}


def test_a_statement_gives_what_it_returns_and_how_many_rows_it_changed(store: Database) -> None:
    store.commit(Turn(now=NOW, mail=a_mail(1, Verdict.RETRY, retry_at=NOW)))
    with store.engine.begin() as connection:
        assert quick.run(connection, update(LEDGER).where(LEDGER.c.uid == 1), {"why": "again"}) == ([], 1)
        assert quick.run(connection, update(LEDGER).where(LEDGER.c.uid == 7), {"why": "again"}) == ([], 0)
        written, _ = quick.run(connection, _upsert(connection.dialect.name, has_id=True), _row(a_mail(1)))
        assert written == [(connection.execute(select(LEDGER.c.id)).scalar_one(),)]
        assert quick.run(connection, _upsert(connection.dialect.name, has_id=True), _row(a_mail(1)))[0] == []


def _row(entry: LedgerEntry) -> dict[str, object]:
    names = ("message_id", "sha256", "verdict", "seen_at", "sender", "subject", "kind", "why", "attempts", "retry_at")
    key = {"account": entry.key.account, "folder": entry.key.folder, "uid": entry.key.uid, "unmoved": 0}
    return {**key, "uidvalidity": entry.key.uidvalidity, **{name: getattr(entry, name) for name in names}}


def test_errors_are_those_of_sqlalchemy_and_say_no_value(store: Database, connection: Connection) -> None:
    once: Insert = insert(NOTES).inline()
    quick.run(connection, once, ROWS[0])
    with pytest.raises(IntegrityError) as raised:
        quick.run(connection, once, {**ROWS[0], "value": "a secret"})
    if store.engine.dialect.name == "sqlite":
        assert "a secret" not in str(raised.value)


def test_a_value_that_no_column_takes_is_refused_as_by_sqlalchemy(connection: Connection) -> None:
    due = select(TICKETS.c.id).where(TICKETS.c.due_at == bindparam("moment"))
    with pytest.raises(StatementError, match="no time zone"):
        quick.run(connection, due, {"moment": NOW.replace(tzinfo=None)})


def test_whoever_listens_to_statements_hears_of_each(store: Database, connection: Connection) -> None:
    seen: list[tuple[str, object, bool]] = []

    def listener(_connection: Any, _cursor: Any, text: str, values: Any, _context: Any, many: bool) -> None:
        seen.append((text, values, many))

    event.listen(store.engine, "before_cursor_execute", listener)
    quick.run(connection, select(TICKETS.c.id).where(TICKETS.c.state == TicketState.PENDING), {})
    quick.run(connection, insert(NOTES).inline(), *ROWS)
    assert [(text.split()[0], many) for text, _, many in seen] == [("SELECT", False), ("INSERT", True)]


def test_a_kept_connection_serves_one_at_a_time_and_begins_anew_after_an_error(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'file'}")
    kept = Kept(engine)
    with kept.connect() as first, kept.connect() as second:
        assert first is not second
    with kept.connect() as again:
        assert again is first
    with pytest.raises(ZeroDivisionError), kept.connect():
        raise ZeroDivisionError
    assert first.closed
    with kept.connect() as anew:
        assert anew is not first
        kept.close()
        assert not anew.closed, "somebody uses it"
    kept.close()
    assert anew.closed
    engine.dispose()
