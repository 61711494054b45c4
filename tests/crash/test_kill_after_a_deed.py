"""SIGKILL before and after every step of what an admin does at the command line, and of what follows from it."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mailbot.adapters.database.store import Database
from mailbot.lifecycle.brake import Brake
from mailbot.turns import brake, modes
from mailbot.turns.context import CLOSED, PAUSED
from tests.crash.child import DEEDS, SITES, begin
from tests.crash.test_kill_everywhere import AFTER_A_CRASH_MINUTES, Route, Server, end_of, play
from tests.world import START

ROUTE = Route("deed", "approve until 2027-01-31", 1)
FAILED = Route("failed", "approve until 2027-01-31", 0, foreign_at=SITES)
LONGER_THAN_A_SHUTDOWN = 10
BY_ANOTHER_DEED = {
    "stopped": "stop", "removed": "end", "held": "hold", "moving": "move", "denied": "deny", "closed": "close",
    "paused": "pause", "cordoned": "cordoned",
}  # fmt: skip
"""Worlds that a deed finds, and the deed that made them."""
FOR_ALL: dict[str, dict[str, object]] = {
    "close": {CLOSED: "We move the cables."},
    "reopen": {CLOSED: None},
    "pause": {PAUSED: "carol@testbed.example: We move the cables."},
    "resume": {PAUSED: None},
    "drain": {"north": modes.Mode.DRAINING},
    "requeue": {"trouble": ""},
    **{mode.value: {"north": mode} for mode in modes.Mode},
}
"""What a deed changes beside the ticket."""
ERASED = re.compile("erased-[0-9a-f]{8}")
"""The name that is left of a person; it is drawn."""
WANTED = {
    "end": ("archived", None),
    "extend": ("active", True),
    "shorten": ("active", True),
    "stop": ("active", False),
    "start": ("active", True),
    "move": ("active", True),
    "change owner": ("active", True),
    "hold": ("active", True),
    "resend": ("active", True),
    "approve": ("active", True),
    "deny": ("denied", None),
    "withdraw": ("withdrawn", None),
    "retry": ("active", True),
    "restore": ("active", True),
    "erase": ("denied", None),
}
"""The state of the ticket in the end, and whether the machine runs: after any other deed, it is active and does."""
FOUND = {
    "start": "stopped", "restore": "removed", "retry": "failed", "approve": "wanted", "deny": "wanted", "withdraw": "wanted",
    "unhold": "held", "cancel move": "moving", "requeue": "put off", "erase": "denied", "release brake": "braked",
    "reopen": "closed", "resume": "paused", "open": "cordoned",
}  # fmt: skip
"""What a deed finds where that is no machine that runs."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="module")
def worlds(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The world that every deed finds: a machine that runs, or is stopped, removed, wanted, or could not be built."""
    book = tmp_path_factory.mktemp("deeds")
    for name, route, last in (("running", ROUTE, ROUTE.runs), ("wanted", ROUTE, 1), ("failed", FAILED, FAILED.runs)):
        begin(book / name)
        play(book / name, server, route, 0, last - 1)
    for name, deed in BY_ANOTHER_DEED.items():
        shutil.copytree(book / FOUND.get(deed, "running"), book / name)
        server.run(book / name, ROUTE, minutes=LONGER_THAN_A_SHUTDOWN, deed=deed)
        settled(book / name, server)
    for name, trouble in (("braked", braked), ("put off", put_off)):
        shutil.copytree(book / "running", book / name)
        with store_of(book / name) as store:
            trouble(store)
    return {deed: book / FOUND.get(deed, "running") for deed in DEEDS}


@contextmanager
def store_of(root: Path) -> Iterator[Database]:
    store = Database(f"sqlite:///{root / 'mailbot.sqlite'}")
    try:
        yield store
    finally:
        store.close()


def braked(store: Database) -> None:
    """The brake holds the machine back."""
    (ticket,) = store.tickets()
    store.put_note(brake.NOTE, json.dumps(asdict(Brake(1, {ticket.id: ticket.version}))))


def put_off(store: Database) -> None:
    """The ticket's turn raised an error."""
    store.postpone(1, START + timedelta(days=30), "not foreseen")


def done(root: Path) -> tuple[int, int, str, str | None]:
    """How many lines the history has, which row of the outbox would be the next, what is in trouble, and the brake: what a
    deed changes at once.  One that changes nothing of these may be given twice."""
    with store_of(root) as store:
        assert [chain.broken for chain in store.archive.chains()] == [""]
        rows = next(row for row in count(1) if store.overview.row(row) is None)
        return len(store.history(1)), rows, store.overview.trouble(1), store.note(brake.NOTE)


def for_all(root: Path) -> dict[str, object]:
    """What holds for the whole service, or for a site, and whether the ticket is put off."""
    with store_of(root) as store:
        notes = {name: store.note(name) for name in (PAUSED, CLOSED, brake.NOTE)}
        return notes | {"north": modes.mode_of(store, "north"), "trouble": store.overview.trouble(1)}


def settled(root: Path, server: Server) -> dict[str, Any]:
    """All that there is once nothing is left to be done; letters are counted, since a crash puts their moments off."""
    for minutes in (AFTER_A_CRASH_MINUTES, LONGER_THAN_A_SHUTDOWN):
        server.run(root, ROUTE, minutes=minutes)
    end = json.loads(ERASED.sub("erased", json.dumps(end_of(root), default=str)))
    return end | for_all(root) | {"letters": Counter(map(tuple, end["letters"]))}


@pytest.mark.parametrize("deed", DEEDS)
def test_killed_at_any_step_a_deed_is_done_once_or_not_at_all(
    deed: str, worlds: dict[str, Path], server: Server, tmp_path: Path
) -> None:
    calm, before = tmp_path / "calm", done(worlds[deed])
    shutil.copytree(worlds[deed], calm)
    steps = server.run(calm, ROUTE, minutes=1, deed=deed)["steps"]
    expected = settled(calm, server)
    state, runs = WANTED.get(deed, ("active", True))
    assert FOR_ALL.get(deed, {}).items() <= expected.items()
    (ticket,) = expected["tickets"]
    assert (ticket[1], next((machine[4] for machine in expected["machines"].values() if runs is not None), None)) == (
        state,
        runs,
    )
    for kill_at in range(1, steps + 1):
        root = tmp_path / "killed"
        shutil.copytree(worlds[deed], root)
        assert server.run(root, ROUTE, minutes=1, kill_at=kill_at, deed=deed)["killed"]
        if done(root) == before:  # the command was killed before its commit: whoever gave it gives it again
            server.run(root, ROUTE, minutes=0, deed=deed)
        assert settled(root, server) == expected, f"killed at step {kill_at} of {steps}"
        shutil.rmtree(root)
