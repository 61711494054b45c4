"""Where the time of `mailbot once` goes, stage by stage, and how many SQL statements a mail costs.

    python -m bench.stages [--mails 500]

The same mails and servers as `bench.once`.  The bot's ports are put behind timers: a stage's figure is the wall time of
its thread without the stages inside it.  What runs in two threads at once is counted twice, so that the sum of all stages
can be more than the whole.  The timers themselves cost some percent: compare stages, not totals.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import run
from typing import Any

from sqlalchemy import event

from mailbot import passes, wiring
from mailbot.adapters.clock import SystemClock
from mailbot.config import load

REST = "rest: judge, compose, log"
READS_OF_SQL = frozenset(
    [
        "cursor",
        "retries",
        "unmoved",
        "retrying",
        "handled_before",
        "answers_today",
        "ticket",
        "tickets_by_number",
        "open_ticket_of",
        "place_and_note",
        "note",
        "health",
        "count",
        "due",
        "accepted",
    ]
)
WRITES_OF_SQL = frozenset(["commit", "claim", "settle", "settle_with", "mark_moved", "put_note", "postpone"])


@dataclass
class Stages:
    """Seconds and calls by stage; each thread has a stack of its own."""

    wall: Counter[str] = field(default_factory=Counter)
    processor: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    _own: threading.local = field(default_factory=threading.local)

    @contextmanager
    def inside(self, stage: str) -> Iterator[None]:
        self.calls[stage] += 1
        self._charge()
        self._own.stack.append(stage)
        try:
            yield
        finally:
            self._charge()
            self._own.stack.pop()

    def _charge(self) -> None:
        """What passed since this thread's last change goes to the stage on top of its stack."""
        now = time.perf_counter(), time.thread_time()
        if not hasattr(self._own, "stack"):
            self._own.stack, self._own.since = [], now
        if self._own.stack:
            self.wall[self._own.stack[-1]] += now[0] - self._own.since[0]
        self.processor[self._own.stack[-1] if self._own.stack else REST] += now[1] - self._own.since[1]
        self._own.since = now


class Timed:
    """A port behind a timer: `stage_of` gives the stage of a method, None for those that are not timed."""

    def __init__(self, port: Any, stages: Stages, stage_of: Callable[[str], str | None]) -> None:
        self._port, self._stages, self._stage_of = port, stages, stage_of

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        stage = self._stage_of(name)
        if stage is None or not callable(found):
            return found

        def timed(*arguments: Any, **named: Any) -> Any:
            with self._stages.inside(stage):
                answer = found(*arguments, **named)
            return self._pieces(answer, stage) if hasattr(answer, "__next__") else answer

        return timed

    def _pieces(self, answers: Iterator[Any], stage: str) -> Iterator[Any]:
        while True:
            with self._stages.inside(stage):
                one = next(answers, self)
            if one is self:
                return
            yield one


def _of_the_store(method: str) -> str | None:
    if method in READS_OF_SQL:
        return "sql: reads"
    return f"sql: {method}" if method in WRITES_OF_SQL else None


def timed_bot(bot: wiring.Bot, stages: Stages) -> wiring.Bot:
    """The same bot with every port that an ordinary mail meets behind a timer."""
    context = replace(
        bot.context,
        store=Timed(bot.context.store, stages, _of_the_store),
        directory=Timed(bot.context.directory, stages, lambda _: "directory"),
    )
    return replace(
        bot,
        context=context,
        inbox=Timed(bot.inbox, stages, {"fetch": "imap: fetch", "file_away": "imap: move"}.get),
        reader=Timed(bot.reader, stages, lambda _: "read and understand (waiting for the child)"),
        postman=Timed(bot.postman, stages, {"send": "smtp", "hand_over": "smtp", "answer": "smtp"}.get),
    )


def worker(config_file: Path) -> None:
    """`once` behind timers; prints what was measured as JSON."""
    config = load(config_file)
    bot = wiring.build(config, SystemClock())
    stages, statements = Stages(), Counter[str]()
    engine = bot.context.store.engine  # type: ignore[attr-defined]  # the bench knows which store it is

    @event.listens_for(engine, "before_cursor_execute")
    def _count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements[" ".join(statement.split())[:100]] += 1

    began = time.perf_counter()
    with stages.inside(REST):
        tally = passes.once(timed_bot(bot, stages))
    wall = time.perf_counter() - began
    bot.close()
    found = {
        "mails": tally.mails,
        "letters": tally.letters,
        "wall": wall,
        "stages": {name: [stages.wall[name], stages.processor[name], stages.calls[name]] for name in stages.wall},
        "statements": dict(statements.most_common()),
    }
    print(json.dumps(found), file=sys.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=500)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.worker)
        return 0
    from bench.once import ROOT, prepared  # noqa: PLC0415 - the worker must not pay for the servers' libraries

    with prepared(arguments.mails) as stage:
        command = [sys.executable, "-m", "bench.stages", "--worker", str(stage.config)]
        done = run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr[-3000:])
        return 1
    show(json.loads(done.stdout.splitlines()[-1]))
    return 0


def show(found: dict[str, Any]) -> None:
    """The table, in milliseconds and statements a mail."""
    mails = found["mails"]
    print(
        f"{mails} mails, {found['letters']} letters, {1000 * found['wall'] / mails:.2f} ms a mail, load {os.getloadavg()[0]:.1f}"
    )
    print(f"{'stage':46}{'wall':>8}{'cpu':>8}{'calls':>8}")
    for name, (wall, processor, calls) in sorted(found["stages"].items(), key=lambda item: -item[1][0]):
        print(f"{name:46}{1000 * wall / mails:>8.2f}{1000 * processor / mails:>8.2f}{calls / mails:>8.2f}")
    print(f"\nSQL statements: {sum(found['statements'].values()) / mails:.2f}")
    for text, times in list(found["statements"].items())[:25]:
        print(f"{times / mails:>8.2f}  {text}")


if __name__ == "__main__":
    sys.exit(main())
