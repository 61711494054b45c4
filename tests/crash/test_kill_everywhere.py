"""The process is killed with SIGKILL after every step; started again, it comes to the same end.

A step is a commit, a call to a mail server, or a change at a hypervisor.  The same end: tickets, history,
letters by Message-ID, machines and their parts, and the folder of every mail.
"""

from __future__ import annotations

import email
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailbot.adapters.database.store import Database
from mailbot.adapters.spool import SpoolInbox, SpoolPostman
from mailbot.model import Letter
from mailbot.ports import Folder
from provisioner.fake import FakeSite
from tests.crash.child import SITES, begin, happens
from tests.world import kind_of
from tests.writing import SUPPORT

AFTER_A_CRASH_MINUTES = 15
"""Longer than any lease: what the dead process had claimed is free again."""


@dataclass(frozen=True)
class Route:
    """What happens to the bot: words of the admin's answer, how often it then runs, and where it cannot build."""

    name: str
    answer: str
    runs_after_it: int
    foreign_at: tuple[str, ...] = ()
    then: str = ""
    """What the owner answers to the letter of the approval."""

    @property
    def runs(self) -> int:
        return 2 + self.runs_after_it


ROUTES = (
    Route("ready", "approve until 2027-01-31", 1),
    Route("ready-at-another-site", "approve", 1, foreign_at=("north",)),
    Route("failed-everywhere", "approve", 0, foreign_at=SITES),
    Route("withdrawn-while-it-is-built", "approve", 1, then="withdraw"),
    Route("denied", "deny there is no room left", 0),
)
PARTS = [
    (route, part)
    for route in ROUTES
    for part in range(route.runs)
    if route is ROUTES[0] or part == (2 if route.then else 1)
]  # the first part is the same for all, and so is the last of those that end in a machine


class Server:
    """Runs the bot once in a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def run(self, root: Path, route: Route, minutes: int, kill_at: int = 0, deed: str = "") -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        job = {
            "root": str(root), "minutes": minutes, "kill_at": kill_at, "foreign_at": route.foreign_at, "deed": deed,
        }  # fmt: skip
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        ended: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert ended["killed"] or "steps" in ended, f"the child failed: {ended}"
        return ended

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def play(root: Path, server: Server, route: Route, first: int, last: int) -> list[int]:
    """Play the parts `first` to `last`, nobody killed; give the steps of each."""
    steps = []
    for part in range(first, last + 1):
        happens(root, part, route.answer, route.then)
        steps.append(server.run(root, route, minutes=1)["steps"])
    return steps


def letters_of(root: Path) -> list[tuple[str, Letter]]:
    """Every letter once, whatever was sent twice; Message-IDs hold the ticket's nonce, which is drawn when it is committed."""
    sent = {letter.message_id: (letter.envelope_to, kind_of(letter)) for letter in SpoolPostman(root).letters}
    return sorted(sent.values())


def end_of(root: Path) -> dict[str, Any]:
    """All that must be the same, whatever happened on the way."""
    store = Database(f"sqlite:///{root / 'mailbot.sqlite'}")
    inbox = SpoolInbox(root, SUPPORT)
    try:
        tickets = [
            (one.id, one.state, one.username, one.end_date, one.disk_gib, one.site, one.version)
            for one in store.tickets()
        ]
        history = [
            (line.event, line.before, line.after, line.actor.role, line.actor.who, line.summary)
            for line in store.history(1)
        ]
        waiting = store.outbox_counts()
    finally:
        store.close()
    machines = {
        f"{one.name}@{name}": (one.address, one.disk, one.seed, one.defined, one.running, one.fingerprints)
        for name in SITES
        for one in FakeSite(name, root / f"{name}.json").machines().values()
    }
    return {
        "tickets": tickets,
        "history": history,
        "waiting or given up": waiting,
        "letters": letters_of(root),
        "machines": machines,
        "inbox": inbox.inbox(),
        "handled": [email.message_from_bytes(raw)["Message-ID"] for raw in inbox.folder(Folder.HANDLED)],
        "quarantine": inbox.folder(Folder.QUARANTINE),
    }


@pytest.mark.parametrize(("route", "part"), PARTS, ids=[f"{route.name}-{part + 1}" for route, part in PARTS])
def test_killed_at_any_step_the_end_is_the_same(route: Route, part: int, server: Server, tmp_path: Path) -> None:
    begin(tmp_path / "calm")
    play(tmp_path / "calm", server, route, 0, part - 1)
    happens(tmp_path / "calm", part, route.answer, route.then)
    shutil.copytree(tmp_path / "calm", tmp_path / "before")
    steps = server.run(tmp_path / "calm", route, minutes=1)["steps"]
    play(tmp_path / "calm", server, route, part + 1, route.runs - 1)
    expected = end_of(tmp_path / "calm")
    assert steps > 0

    for kill_at in range(1, steps + 1):
        root = tmp_path / "killed"
        shutil.copytree(tmp_path / "before", root)
        assert server.run(root, route, minutes=1, kill_at=kill_at)["killed"]
        server.run(root, route, minutes=AFTER_A_CRASH_MINUTES)
        if part == route.runs - 1:
            server.run(root, route, minutes=1)
        play(root, server, route, part + 1, route.runs - 1)
        assert end_of(root) == expected, f"killed at step {kill_at} of {steps}"
        shutil.rmtree(root)


def test_the_calm_ends_are_those_that_are_meant(server: Server, tmp_path: Path) -> None:
    ends = {}
    for route in ROUTES:
        begin(tmp_path / route.name)
        play(tmp_path / route.name, server, route, 0, route.runs - 1)
        ends[route.name] = end_of(tmp_path / route.name)
    assert {name: end["tickets"][0][1] for name, end in ends.items()} == {
        "ready": "active", "ready-at-another-site": "active", "failed-everywhere": "failed", "denied": "denied",
        "withdrawn-while-it-is-built": "removed",
    }  # fmt: skip
    assert {name: list(end["machines"]) for name, end in ends.items()} == {
        "ready": ["alice-vm@north"], "ready-at-another-site": ["alice-vm@south"], "failed-everywhere": [], "denied": [],
        "withdrawn-while-it-is-built": [],
    }  # fmt: skip
    assert [name for name, end in ends.items() if end["waiting or given up"]] == ["failed-everywhere"]
    assert all(end["inbox"] == [] and end["quarantine"] == [] for end in ends.values())
