"""SIGKILL before and after every step of what an admin does at the command line, and of what follows from it."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mailbot.adapters.database.store import Database
from tests.crash.child import DEEDS, SITES, begin
from tests.crash.test_kill_everywhere import AFTER_A_CRASH_MINUTES, Route, Server, end_of, play

ROUTE = Route("deed", "approve until 2027-01-31", 1)
FAILED = Route("failed", "approve until 2027-01-31", 0, foreign_at=SITES)
LONGER_THAN_A_SHUTDOWN = 10
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
}
"""The state of the ticket in the end, and whether the machine runs."""
FOUND = {
    "start": "stopped", "restore": "removed", "retry": "failed", "approve": "wanted", "deny": "wanted", "withdraw": "wanted",
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
    for name, deed in (("stopped", "stop"), ("removed", "end")):
        shutil.copytree(book / "running", book / name)
        server.run(book / name, ROUTE, minutes=LONGER_THAN_A_SHUTDOWN, deed=deed)
        settled(book / name, server)
    return {deed: book / FOUND.get(deed, "running") for deed in DEEDS}


def done(root: Path) -> tuple[int, int]:
    """How many lines the history has, and which row of the outbox would be the next: what a deed leaves behind at once."""
    store = Database(f"sqlite:///{root / 'mailbot.sqlite'}")
    try:
        assert [chain.broken for chain in store.archive.chains()] == [""]
        rows = next(row for row in count(1) if store.overview.row(row) is None)
        return len(store.history(1)), rows
    finally:
        store.close()


def settled(root: Path, server: Server) -> dict[str, Any]:
    """All that there is once nothing is left to be done; letters are counted, since a crash puts their moments off."""
    for minutes in (AFTER_A_CRASH_MINUTES, LONGER_THAN_A_SHUTDOWN):
        server.run(root, ROUTE, minutes=minutes)
    end = end_of(root)
    return end | {"letters": Counter(end["letters"])}


@pytest.mark.parametrize("deed", DEEDS)
def test_killed_at_any_step_a_deed_is_done_once_or_not_at_all(
    deed: str, worlds: dict[str, Path], server: Server, tmp_path: Path
) -> None:
    calm, before = tmp_path / "calm", done(worlds[deed])
    shutil.copytree(worlds[deed], calm)
    steps = server.run(calm, ROUTE, minutes=1, deed=deed)["steps"]
    expected = settled(calm, server)
    state, runs = WANTED[deed]
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
