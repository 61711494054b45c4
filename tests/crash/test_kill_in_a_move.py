"""SIGKILL after every step of a machine's move to another host: it arrives once, with its disk, and its owner hears so once."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailbot.adapters.database.store import Database
from mailbot.adapters.spool import SpoolClock
from mailbot.model import EventKind, Letter
from provisioner.fake import FakeSite
from tests.crash.child import SITES, begin
from tests.crash.test_kill_everywhere import AFTER_A_CRASH_MINUTES, Route, Server, end_of, play
from tests.world import ALICE

ROUTE = Route("move", "approve until 2027-01-31", 1)
REMINDED = datetime(2026, 12, 6, 6, 30, tzinfo=UTC)
BEGINS = datetime(2026, 12, 7, 8, 1, tzinfo=UTC)
RUNS = 6
"""So often the bot runs, a minute apart, until the machine is there."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def run_at(root: Path, server: Server, moment: datetime, deed: str = "") -> None:
    minutes = (moment - SpoolClock(root).now()).total_seconds() // 60
    server.run(root, ROUTE, minutes=int(minutes), deed=deed)


@pytest.fixture(scope="module")
def chapters(server: Server, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The world right before each run of the bot, from the moment at which the move begins until it has arrived, and after."""
    book = tmp_path_factory.mktemp("move")
    root = book / "now"
    begin(root)
    play(root, server, ROUTE, 0, ROUTE.runs - 1)
    server.run(root, ROUTE, minutes=1, deed="move")
    run_at(root, server, REMINDED)
    SpoolClock(root).set(BEGINS)
    chapters = []
    for number in range(RUNS):
        chapters.append(book / f"{number}")
        shutil.copytree(root, chapters[-1])
        server.run(root, ROUTE, minutes=1)
    return [*chapters, root]


def settled(root: Path, server: Server) -> dict[str, Any]:
    """All that there is once nothing is left to be done; letters are counted, since a crash puts their moments off."""
    for minutes in (AFTER_A_CRASH_MINUTES, *(2,) * RUNS):
        server.run(root, ROUTE, minutes=minutes)
    end = end_of(root)
    disks = {
        f"{one.name}@{name}": one.content
        for name in SITES
        for one in FakeSite(name, root / f"{name}.json").machines().values()
    }
    return end | {"letters": Counter(end["letters"]), "disks": disks}


def test_the_move_goes_as_it_should(chapters: list[Path], server: Server, tmp_path: Path) -> None:
    shutil.copytree(chapters[-1], tmp_path / "end")
    end = settled(tmp_path / "end", server)
    assert end["tickets"][0][5] == "south"
    assert end["letters"][ALICE.email, Letter.VM_MOVED] == 1
    assert end["disks"]["alice-vm@south"] == end["disks"]["alice-vm@north"]
    assert end["machines"]["alice-vm@south"][4], "it runs"
    assert end["machines"]["alice-vm@north"][:5] == (None, True, False, False, False), "only its disk is left"
    assert [line[0] for line in end["history"]][-3:] == [EventKind.MOVE_BEGUN, EventKind.RELOCATED, EventKind.ARRIVED]


@pytest.mark.parametrize("number", range(RUNS))
def test_killed_at_any_step_of_a_move_the_end_is_the_same(
    number: int, chapters: list[Path], server: Server, tmp_path: Path
) -> None:
    shutil.copytree(chapters[-1], tmp_path / "end")
    expected = settled(tmp_path / "end", server)
    shutil.copytree(chapters[number], tmp_path / "calm")
    steps = server.run(tmp_path / "calm", ROUTE, minutes=1)["steps"]
    for kill_at in range(1, steps + 1):
        root = tmp_path / "killed"
        shutil.copytree(chapters[number], root)
        assert server.run(root, ROUTE, minutes=1, kill_at=kill_at)["killed"]
        assert settled(root, server) == expected, f"killed at step {kill_at} of {steps}"
        shutil.rmtree(root)


def test_the_history_is_whole_after_it(chapters: list[Path]) -> None:
    store = Database(f"sqlite:///{chapters[-1] / 'mailbot.sqlite'}")
    try:
        assert [chain.broken for chain in store.archive.chains()] == [""]
    finally:
        store.close()
