"""What the database costs: turns per second, and a tick among few and many tickets, on SQLite and PostgreSQL.

Run from the checkout: `python -m bench.store` (`--tickets 1000 1000000`, `--engines sqlite postgresql`).
PostgreSQL is a private server from Debian's package, with its usual durability; SQLite is a file in
the folder for temporary files.  A turn is one committed mail: ledger, raw mail, ticket, two history
rows and three outbox rows.  A tick reads 100 due tickets and commits a turn for each, and claims and
settles 100 letters and 100 pieces of work.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import bindparam, text

from mailbot.adapters.database import migrate
from mailbot.adapters.database.columns import UtcDateTime
from mailbot.adapters.database.store import Database
from mailbot.model import (
    MACHINE_ACTIONS,
    Action,
    Actor,
    Effect,
    EventKind,
    HistoryEntry,
    LedgerEntry,
    Letter,
    MailKey,
    Role,
    Ticket,
    TicketState,
    Turn,
    Verdict,
)
from mailbot.ports import Settled
from mailbot.rules import LetterRules
from tests.postgresql import private_server

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
HERE = MailKey("bot@testbed.example", "INBOX", 7, 0)
UNLIMITED = LetterRules(1000, 1000, 10000, 10**6, 10**6)
"""Letters are counted as always, and none is held: all of these go to the same three people."""
OWNER = Actor(Role.OWNER, "alice", "ab" * 32, "<request@example.org>", {"dkim": "pass", "aligned": True})
DUE = 100
WORK = tuple(MACHINE_ACTIONS)
T = TypeVar("T")


def a_turn(number: int) -> Turn:
    """A request of about 4 kB that opens a ticket and writes three letters."""
    raw = f"Subject: request {number}\r\n\r\n".encode() + os.urandom(1500).hex().encode() + b"word " * 200
    sha256 = hashlib.sha256(raw).hexdigest()
    message_id = f"<bench-{number}@example.org>"
    facts = {"until": "2027-03-31", "disk_gib": 8, "usage": "A web service with a database. " * 10}
    ticket = Ticket(
        id=0,
        state=TicketState.PENDING,
        username=f"bench{number}",
        name="Alice",
        email="alice@example.org",
        intended_usage="A web service with a database. " * 10,
        end_date=date(2027, 3, 31),
        disk_gib=8,
        thread=message_id,
        subject="Persistent Virtual Machine Creation",
        opened_at=NOW,
        changed_at=NOW,
        due_at=NOW + timedelta(days=2),
    )
    history = HistoryEntry(0, NOW, EventKind.REQUESTED, None, TicketState.PENDING, OWNER, "alice asked for a machine")
    return Turn(
        now=NOW,
        mail=LedgerEntry(
            key=dataclasses.replace(HERE, uid=number),
            message_id=message_id,
            sha256=sha256,
            verdict=Verdict.HANDLED,
            seen_at=NOW,
            sender="alice@example.org",
            subject="Persistent Virtual Machine Creation",
            kind="request",
            raw=raw,
        ),
        ticket=ticket,
        effects=(
            Effect(Action.LETTER, "received", Letter.REQUEST_RECEIVED, "alice@example.org", "Alice", facts),
            Effect(Action.LETTER, "ask:1", Letter.ADMIN_DECISION, "root@example.org", "Root", facts),
            Effect(Action.LETTER, "ask:2", Letter.ADMIN_DECISION, "staff@example.org", "Staff", facts),
        ),
        history=(history, dataclasses.replace(history, event=EventKind.CONFIRMED)),
    )


def fill(store: Database, tickets: int) -> None:
    """So many tickets with a mail and a sent letter each; DUE of them are due, with a letter and a build that wait."""
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many)"
    moments = [bindparam(name, type_=UtcDateTime()) for name in ("now", "later")]
    statements = (
        f"""INSERT INTO tickets (state, username, name, email, intended_usage, end_date, disk_gib, thread, subject,
              opened_at, changed_at, due_at, disk_reason, revision, version, reminders, held, stage, trouble)
            {numbers} SELECT 'active', 'user' || i, 'Alice', 'alice@example.org', 'A web service', '2027-03-31', 8,
              '<' || i || '@example.org>', 'VM', :now, :now, CASE WHEN i <= :due THEN :now ELSE :later END,
              '', 1, 1, 0, '', 0, '' FROM n""",
        f"""INSERT INTO ledger (account, folder, uidvalidity, uid, message_id, sha256, verdict, seen_at, sender,
              subject, kind, why, attempts, unmoved)
            {numbers} SELECT 'bot@testbed.example', 'INBOX', 7, i, '<' || i || '@example.org>', 'sha' || i, 'handled',
              :now, 'alice@example.org', 'VM', 'request', '', 0, 0 FROM n""",
        f"""INSERT INTO outbox (ticket_id, version, action, key, letter, to_address, to_name, facts, answers, answered,
              state, attempts, next_attempt_at, created_at, message_id, settled_at, answer, error)
            {numbers} SELECT i, 1, 'letter', 'received', 'request-received', 'alice@example.org', 'Alice', '{{}}',
              '<' || i || '@example.org>', 'user' || i || '@example.org', 'done', 1, :now, :now,
              '<' || i || '@testbed.example>', :now, '250 ok', '' FROM n""",
        *(
            f"""INSERT INTO outbox (ticket_id, version, action, key, letter, to_address, to_name, facts, answers,
                  state, attempts, next_attempt_at, created_at, answer, error)
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :due)
                SELECT i, 1, '{action}', '{action}', 'vm-ready', 'alice@example.org', 'Alice', '{{}}', '', 'waiting', 0,
                  :now, :now, '', '' FROM n"""
            for action in ("letter", "build")
        ),
    )
    with store.engine.execution_options(mailbot_writes=True).begin() as connection:
        for template in statements:
            statement = template
            if store.engine.dialect.name == "postgresql":
                statement = template.replace("'2027-03-31'", "DATE '2027-03-31'").replace("'{}'", "JSON '{}'")
            values = {"many": tickets, "due": DUE, "now": NOW, "later": NOW + timedelta(days=300)}
            wanted = [moment for moment in moments if f":{moment.key}" in statement]
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement).bindparams(*wanted), used)
        connection.execute(text("ANALYZE"))


def tick(store: Database, costs: dict[str, list[float]], ordinal: int) -> None:
    """One tick over what is due; afterwards the same is due again."""

    def timed(name: str, call: Callable[[], T]) -> T:
        begun = time.perf_counter()
        result = call()
        costs.setdefault(name, []).append(time.perf_counter() - begun)
        return result

    timed("cursor, retries, unmoved", lambda: (store.cursor(HERE), store.retries(HERE, NOW), store.unmoved(HERE)))
    timed("handled_before", lambda: store.handled_before("<x@example.org>", "x", dataclasses.replace(HERE, uid=0)))
    tickets = timed("due", lambda: store.due(NOW, 10 * DUE))
    if len(tickets) != DUE:
        raise RuntimeError(f"{len(tickets)} tickets were due")
    timed("100 turns of due tickets", lambda: [store.commit(woken(ticket, ordinal)) for ticket in tickets])
    for name, actions in (("letters", (Action.LETTER,)), ("work", WORK)):
        items = timed(f"claim {name}", lambda actions=actions: store.claim(actions, NOW, DUE, 600))
        if len(items) != DUE:
            raise RuntimeError(f"{len(items)} rows were claimed")
        again = [Settled(item, retry_at=NOW, counted=False) for item in items]
        timed(f"settle {name}", lambda again=again: store.settle(again, NOW))
    timed("next_due", store.next_due)


def woken(ticket: Ticket, ordinal: int) -> Turn:
    history = HistoryEntry(0, NOW, EventKind.TIME_PASSED, ticket.state, ticket.state, OWNER, "alice was warned")
    later = Effect(Action.LETTER, f"warn:{ordinal}", Letter.STATUS, "alice@example.org", not_before=NOW + timedelta(9))
    return Turn(NOW, ticket=ticket, expected_revision=ticket.revision, effects=(later,), history=(history,))


def measure_turns(store: Database, turns: int) -> None:
    """Commits of mails that open a ticket: per second, and what of it is work of this process."""
    prepared = [a_turn(2_000_000 + number) for number in range(turns + 50)]
    for turn in prepared[:50]:
        store.commit(turn)
    begun, worked = time.perf_counter(), time.process_time()
    for turn in prepared[50:]:
        store.commit(turn)
    wall, cpu = time.perf_counter() - begun, time.process_time() - worked
    print(
        f"  turns: {turns / wall:6.0f}/s, {1000 * wall / turns:.2f} ms each, of which {1000 * cpu / turns:.2f} ms CPU here"
    )


def measure_tick(store: Database, tickets: int, rounds: int) -> float:
    costs: dict[str, list[float]] = {}
    for ordinal in range(rounds):
        tick(store, costs, ordinal)
    medians = {name: statistics.median(times[1:]) for name, times in costs.items()}
    total = sum(medians.values())
    print(f"  tick among {tickets:,} tickets, {DUE} due: {1000 * total:.1f} ms")
    for name, seconds in medians.items():
        print(f"    {name:28}{1000 * seconds:9.2f} ms")
    return total


@contextmanager
def database(engine: str, folder: Path, name: str) -> Iterator[Database]:
    with ExitStack() as stack:
        if engine == "sqlite":
            url = f"sqlite:///{folder}/{name}.sqlite"
        else:
            url = stack.enter_context(private_server(durable=True)).url("postgres")
        migrate.upgrade(url)
        store = Database(url, UNLIMITED)
        stack.callback(store.close)
        yield store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, nargs="+", default=[1_000, 1_000_000])
    parser.add_argument("--engines", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=6)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for engine in wanted.engines:
            totals: list[float] = []
            for tickets in wanted.tickets:
                print(f"{engine}, {tickets:,} tickets", flush=True)
                with database(engine, Path(folder), f"{tickets}") as store:
                    fill(store, tickets)
                    totals.append(measure_tick(store, tickets, wanted.rounds))
                    measure_turns(store, wanted.turns)
            print(f"{engine}: the largest tick costs {totals[-1] / totals[0]:.2f} times the smallest\n")


if __name__ == "__main__":
    main()
