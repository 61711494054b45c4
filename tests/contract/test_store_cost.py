"""The cost of a tick follows what is due: every statement of a tick finds its rows by an index."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from sqlalchemy import Row, event, text

from mailbot.adapters.database import migrate
from mailbot.adapters.database.store import Database
from mailbot.model import Action, Effect, EventKind, TicketState, Turn, Verdict
from mailbot.ports import Leaving, Settled
from tests.contract.test_store import (
    ALICE,
    HERE,
    LETTERS,
    MINUTE,
    NOW,
    WORK,
    a_letter,
    a_mail,
    a_ticket,
    changed,
    entry,
    opened,
)

Statement = tuple[str, Any]
Explain: TypeAlias = Callable[[str], dict[str, Sequence[Row[Any]]]]


@contextmanager
def recorded(store: Database) -> Iterator[list[Statement]]:
    """The statements sent inside, with the values of their first row."""
    seen: list[Statement] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        seen.append((statement, parameters[0] if many else parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    yield seen
    event.remove(store.engine, "before_cursor_execute", note)


def a_tick(store: Database) -> None:
    """Everything that a tick asks of the store, with something to find for each."""
    ticket = opened(
        store,
        *(a_letter("one"), a_letter("two"), Effect(Action.BUILD, "build")),
        ticket=a_ticket(due_at=NOW),
        mail=a_mail(1),
        history=(entry(),),
    )
    store.commit(Turn(now=NOW, mail=a_mail(2, Verdict.RETRY, retry_at=NOW)))
    store.cursor(HERE)
    store.retries(HERE, NOW)
    store.handled_before("<x@example.org>", "ab", a_mail(3).key)
    store.handled_before("", "ab", a_mail(3).key)
    store.unmoved(HERE)
    store.mark_moved([a_mail(1).key])
    store.answers_today(ALICE, NOW)
    store.place_and_note("alice", "memory:alice", "closed")
    store.open_ticket_of("alice")
    store.open_ticket_of("alice", "memory:alice")
    store.tickets_by_number([ticket.id, ticket.id + 1])
    store.due(NOW, 100)
    store.count((TicketState.ACTIVE, TicketState.EXPIRED), 10)
    store.outbox_counts()
    store.waiting(ticket.id)
    store.next_due()
    store.held_letters(100)
    letters = store.claim(LETTERS, NOW, 100, 60)
    store.sites_with_work(NOW)
    store.claim_at("north", WORK, NOW, 100, 60)
    work = store.claim(WORK, NOW, 100, 60)
    store.claim((Action.BUILD,), NOW, 100, 60)
    store.settle([Settled(letters[0], done=True, message_id="<1@testbed.example>")], NOW)
    store.settle([Settled(letters[1], retry_at=NOW + MINUTE)], NOW)
    active = dataclasses.replace(ticket, state=TicketState.ACTIVE)
    turn = Turn(now=NOW, ticket=active, expected_revision=ticket.revision, bounced="<1@testbed.example>")
    ticket = store.settle_with(Settled(work[0], done=True), turn) or ticket
    store.accepted(ticket.id)
    store.history(ticket.id)
    store.ticket(ticket.id)
    store.placed()
    store.with_odd_owner(10)
    store.forget(Leaving.TICKETS, NOW, 10)
    store.commit(Turn(now=NOW, about_ticket=ticket.id, effects=(a_letter("three"),)))
    changed(store, ticket, cancel_keys=("two",))
    store.postpone(ticket.id, NOW + MINUTE, "it raised")


def explained(statements: list[Statement]) -> list[Statement]:
    """The statements that have a plan, each text once."""
    verbs = ("SELECT", "INSERT", "UPDATE", "DELETE")
    return list(
        {statement: (statement, values) for statement, values in statements if statement.startswith(verbs)}.values()
    )


def sqlite_scans(store: Database, statement: Statement) -> list[str]:
    with store.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement[0]}", statement[1]).all()
    # "SCAN CONSTANT ROW" is a SELECT without a table; min() without an index is a "SEARCH" that uses nothing.
    details = [row.detail for row in plan if row.detail.startswith(("SCAN", "SEARCH"))]
    return [detail for detail in details if " USING " not in detail and detail != "SCAN CONSTANT ROW"]


def postgresql_scans(store: Database, statement: Statement) -> list[str]:
    with store.engine.connect() as connection:
        # Tables of a few rows are always scanned; forbidden to, the planner scans only where no index helps.
        connection.execute(text("SET enable_seqscan = off"))
        plan = connection.exec_driver_sql(f"EXPLAIN {statement[0]}", statement[1]).scalars().all()
    return [line for line in plan if "Seq Scan" in line]


SCANS: dict[str, Callable[[Database, Statement], list[str]]] = {"sqlite": sqlite_scans, "postgresql": postgresql_scans}


def test_no_statement_of_a_tick_scans_a_table(store: Database) -> None:
    with recorded(store) as statements:
        a_tick(store)
    plans = explained(statements)
    assert len(plans) > 25
    scans = SCANS[store.engine.dialect.name]
    assert {statement[0]: found for statement in plans if (found := scans(store, statement))} == {}


@pytest.mark.parametrize("query", ["SELECT * FROM tickets WHERE email = 'a'", "SELECT min(settled_at) FROM outbox"])
def test_a_scan_would_be_seen(store: Database, query: str) -> None:
    a_tick(store)
    assert SCANS[store.engine.dialect.name](store, (query, ())) != []


def test_a_turn_takes_few_statements_and_one_transaction(store: Database) -> None:
    commits: list[object] = []
    event.listen(store.engine, "commit", commits.append)
    with recorded(store) as statements:
        opened(
            store,
            *(a_letter(name) for name in ("one", "two", "three")),
            mail=a_mail(1),
            history=(entry(), entry(EventKind.CONFIRMED)),
        )
    assert len(commits) == 1
    # ledger, raw mail, ticket, history, outbox; letters are counted in one, and PostgreSQL waits for copies of the mail
    assert len(explained(statements)) == 6 + (store.engine.dialect.name == "postgresql")


@pytest.fixture
def explain(tmp_path: Path) -> Iterator[Explain]:
    """What SQLite answers to `EXPLAIN` or `EXPLAIN QUERY PLAN` of each statement of a tick."""
    url = f"sqlite:///{tmp_path / 'mailbot.db'}"
    migrate.upgrade(url)
    with closing(Database(url)) as store:
        with recorded(store) as statements:
            a_tick(store)
        with store.engine.connect() as connection:
            yield lambda how: {
                statement: connection.exec_driver_sql(f"{how} {statement}", values).all()
                for statement, values in explained(statements)
            }


@pytest.mark.parametrize("index", ["ix_tickets_owner", "ix_tickets_over", "uq_tickets_place", "uq_tickets_person"])
def test_sqlite_uses_the_indexes_over_some_states(explain: Explain, index: str) -> None:
    assert any(index in str(plan) for plan in explain("EXPLAIN QUERY PLAN").values())


def test_sqlite_makes_no_table_of_its_own_to_change_a_ticket(explain: Explain) -> None:
    programs = {
        statement: [row.opcode for row in program]
        for statement, program in explain("EXPLAIN").items()
        if statement.startswith("UPDATE tickets")
    }
    assert len(programs) > 1
    assert {statement for statement, opcodes in programs.items() if "OpenEphemeral" in opcodes} == set()
