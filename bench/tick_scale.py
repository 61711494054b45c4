"""What a real tick costs among few and many tickets: `wake` and `deliver` with 100 tickets due, on SQLite and PostgreSQL.

Run from the checkout: `python -m bench.tick_scale` (`--tickets 1000 1000000`, `--engines sqlite postgresql`).
Two ticks are measured, each over the same 100 due tickets: one that warns their owners, and one that would stop
their machines (which also asks the brake); each writes, composes and "sends" 100 letters.  Only the mail server is
a stand-in.  Between the rounds the 100 tickets are put back.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import Date, bindparam, text

from bench.store import DUE, database, fill
from mailbot import journal
from mailbot.adapters.clock import MemoryClock
from mailbot.adapters.database.columns import UtcDateTime
from mailbot.adapters.database.store import Database
from mailbot.adapters.directory.memory import MemoryDirectory
from mailbot.adapters.smtp.memory import MemoryPostman
from mailbot.letters.settings import LetterSettings
from mailbot.model import Admin
from mailbot.rules import LeaseRules, Rules
from mailbot.tokens import TokenKeys
from mailbot.turns.context import TurnContext
from mailbot.turns.deliver import deliver
from mailbot.turns.wake import wake

WARN_AT = datetime(2027, 1, 30, 23, 30, tzinfo=UTC)
"""The first warning of leases until 2027-03-31 is due; no other ticket of the loader is."""
STOP_AT = datetime(2027, 4, 1, 1, 0, tzinfo=UTC)
END = date(2027, 3, 31)


def office_of(store: Database, clock: MemoryClock) -> TurnContext:
    # The brake lets a hundred through among a thousand and among a million alike.
    rules = replace(Rules(), lease=replace(LeaseRules(), brake_percent=10))
    settings = LetterSettings(
        support_address="support@testbed.example",
        message_id_domain="mailbot.testbed.example",
        keys=TokenKeys((b"a key for the bench only, 32 byte",)),
        rules=rules,
    )
    admins = (Admin("carol", "Carol Admin", "carol@testbed.example"),)
    return TurnContext(store, MemoryDirectory(), clock, rules, admins, settings)


def put_back(store: Database, *, state: str, stage: int, due_at: datetime, forget: bool) -> None:
    """The due tickets as they were; with `forget` also without the letters of the last round."""
    moment = bindparam("due", type_=UtcDateTime())
    with store.engine.execution_options(mailbot_writes=True).begin() as connection:
        if forget:
            connection.execute(text("DELETE FROM outbox WHERE ticket_id <= :many AND key <> 'received'"), {"many": DUE})
        connection.execute(
            text(
                "UPDATE tickets SET state = :state, stage = :stage, due_at = :due, end_date = :end, ended_at = NULL,"
                " remove_at = NULL WHERE id <= :many"
            ).bindparams(moment, bindparam("end", type_=Date())),
            {"state": state, "stage": stage, "due": due_at, "end": END, "many": DUE},
        )


def one_round(store: Database) -> tuple[float, float]:
    """Seconds of the tick that warns, and of the tick that stops."""
    clock, postman = MemoryClock(WARN_AT), MemoryPostman()
    context = office_of(store, clock)
    put_back(store, state="active", stage=0, due_at=WARN_AT, forget=True)
    warned = timed(context, postman)
    clock.set(STOP_AT)
    put_back(store, state="active", stage=4, due_at=STOP_AT, forget=False)
    stopped = timed(context, postman)
    kept = len(store.due(STOP_AT, 10 * DUE))
    if len(postman.letters) != 2 * DUE or kept:
        raise RuntimeError(f"{len(postman.letters)} letters were sent, {kept} tickets are still due")
    return warned, stopped


def timed(context: TurnContext, postman: MemoryPostman) -> float:
    begun = time.perf_counter()
    woken = wake(context)
    sent = deliver(context, postman)
    took = time.perf_counter() - begun
    if (woken, sent) != (DUE, DUE):
        raise RuntimeError(f"{woken} tickets were woken, {sent} letters sent")
    return took


def measure(store: Database, rounds: int) -> tuple[float, float]:
    with store.engine.execution_options(mailbot_writes=True).begin() as connection:
        connection.execute(text("DELETE FROM outbox WHERE state = 'waiting'"))
    costs = [one_round(store) for _ in range(rounds + 1)][1:]
    warned, stopped = (statistics.median(column) for column in zip(*costs, strict=True))
    return warned, stopped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, nargs="+", default=[1_000, 1_000_000])
    parser.add_argument("--engines", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--rounds", type=int, default=7)
    wanted = parser.parse_args()
    journal.configure(level="error")
    with tempfile.TemporaryDirectory() as folder:
        for engine in wanted.engines:
            costs: list[tuple[float, float]] = []
            for tickets in wanted.tickets:
                with database(engine, Path(folder), f"tick-{tickets}") as store:
                    fill(store, tickets)
                    costs.append(measure(store, wanted.rounds))
                warned, stopped = (1000 * seconds for seconds in costs[-1])
                print(
                    f"{engine}, {tickets:,} tickets, {DUE} due: warned {warned:.0f} ms, stopped {stopped:.0f} ms",
                    flush=True,
                )
            ratios = [last / first for first, last in zip(costs[0], costs[-1], strict=True)]
            print(
                f"{engine}: the largest costs {ratios[0]:.2f} (warned) and {ratios[1]:.2f} (stopped) times the smallest\n"
            )


if __name__ == "__main__":
    main()
