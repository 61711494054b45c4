"""SIGKILL before and after every step of a machine's later life: warned, extended, stopped, started, given back, restored, removed.

The story is told once; each test kills the process at every step of one beat of it, lets it run again, and
compares all that there is with the same beat in calm.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailbot.adapters.spool import SpoolClock, SpoolInbox, SpoolPostman
from mailbot.model import Letter
from tests.crash.child import begin, happens
from tests.crash.test_kill_everywhere import AFTER_A_CRASH_MINUTES, Route, Server, end_of
from tests.world import ALICE, CAROL, kind_of
from tests.writing import SUPPORT, reply

DAY = 24 * 60
LONGER_THAN_A_SHUTDOWN = 10
"""Minutes: a machine that runs when it is to be started is looked at for as long as a shutdown may take."""
ROUTE = Route("life", "approve until 2026-12-03", 0)


@dataclass(frozen=True)
class Beat:
    """What happens, and then the bot runs: who answers which letter how, and how much time passes before."""

    name: str
    minutes: int = 1
    answers: Letter | None = None
    words: str = ""
    sender: str = ALICE.email
    killed: bool = True


STORY = (
    Beat("ready", killed=False),
    Beat("warned", 4 * DAY),
    Beat("warned-again", 4 * DAY, killed=False),
    Beat("extension-asked", 1, Letter.WARNING, "extend until 2026-12-20"),
    Beat("extension-granted", 1, Letter.ADMIN_DECISION, "approve", CAROL.address),
    Beat("warned-about-the-new-date", 9 * DAY, killed=False),
    Beat("warned-about-it-again", 7 * DAY, killed=False),
    Beat("warned-for-the-last-time", 2 * DAY + 12 * 60, killed=False),
    Beat("stopped", 2 * DAY),
    Beat("told-of-the-removal", 7 * DAY),
    Beat("extension-asked-when-stopped", 1, Letter.GRACE_HALF, "extend until 2027-01-15"),
    Beat("started-again", 1, Letter.ADMIN_DECISION, "approve", CAROL.address),
    Beat("release-asked", 10, Letter.EXTENSION_GRANTED, "release"),
    Beat("kept-after-all", 10, Letter.RELEASE_CONFIRM, "keep"),
    Beat("reinstallation-asked", 10, Letter.VM_KEPT, "reinstall"),
    Beat("installed-again", 10, Letter.REINSTALL_CONFIRM, "confirm"),
    Beat("release-asked-again", 10, Letter.VM_KEPT, "release", killed=False),
    Beat("released", 1, Letter.RELEASE_CONFIRM, "confirm"),
    Beat("return-asked", 2 * DAY, Letter.VM_ARCHIVED, "restore until 2027-01-30"),
    Beat("restored", 1, Letter.ADMIN_DECISION, "approve", CAROL.address),
    Beat("ready-again", 1),
    Beat("warned-20-days-before", 11 * DAY, killed=False),
    Beat("warned-10-days-before", 10 * DAY, killed=False),
    Beat("warned-2-days-before", 7 * DAY, killed=False),
    Beat("warned-a-day-before", DAY + 12 * 60, killed=False),
    Beat("stopped-for-good", 2 * DAY, killed=False),
    Beat("half-of-the-grace-period", 7 * DAY + 60, killed=False),
    Beat("last-call", 4 * DAY, killed=False),
    Beat("removed", 3 * DAY),
    Beat("disk-deleted", 30 * DAY + 60),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="module")
def chapters(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The world as it is right before the bot runs, for every beat that is killed, and at the end."""
    book = tmp_path_factory.mktemp("story")
    root = book / "now"
    begin(root)
    for part in range(2):
        happens(root, part, ROUTE.answer)
        server.run(root, ROUTE, minutes=1)
    chapters = {}
    for number, beat in enumerate(STORY):
        if beat.answers is not None:
            _answer(root, beat, number)
        shutil.copytree(root, book / beat.name)
        chapters[beat.name] = book / beat.name
        server.run(root, ROUTE, minutes=beat.minutes)
        server.run(root, ROUTE, minutes=AFTER_A_CRASH_MINUTES)
    chapters["the end"] = root
    return chapters


def _answer(root: Path, beat: Beat, number: int) -> None:
    letters = [one for one in SpoolPostman(root).letters if kind_of(one) is beat.answers]
    letter = next(one for one in reversed(letters) if one.envelope_to == beat.sender)
    now = SpoolClock(root).now()
    raw = reply(letter, beat.sender, beat.words, now, Message_ID=f"<story-{number}@example.org>")
    SpoolInbox(root, SUPPORT).deliver(raw)


def told(root: Path) -> dict[str, Any]:
    """What must be the same.  Later letters are named after moments, which a crash puts off: they are counted."""
    end = end_of(root)
    end["letters"] = Counter(end["letters"])
    return end


def test_the_story_goes_as_it_is_told(chapters: dict[str, Path]) -> None:
    end = end_of(chapters["the end"])
    happened = [line[0] for line in end["history"]]
    assert end["tickets"][0][1] == "removed"
    assert end["machines"] == {}
    assert end["waiting or given up"] == []
    assert [happened.count(event) for event in ("ExtensionAsked", "Released", "Kept", "Restored", "Retired")] == [
        2, 1, 1, 1, 2,
    ]  # fmt: skip
    counted = Counter(kind for _, kind in end["letters"])
    assert counted[Letter.VM_STOPPED] == 2
    assert counted[Letter.VM_REMOVED] == 1
    assert counted[Letter.DATE_MOVED] == 1, "the first warning came half a day late, the lease is short"


@pytest.mark.parametrize("beat", [beat for beat in STORY if beat.killed], ids=lambda beat: beat.name)
def test_killed_at_any_step_the_machine_is_where_it_would_be(
    beat: Beat, chapters: dict[str, Path], server: Server, tmp_path: Path
) -> None:
    calm = tmp_path / "calm"
    shutil.copytree(chapters[beat.name], calm)
    steps = server.run(calm, ROUTE, minutes=beat.minutes)["steps"]
    server.run(calm, ROUTE, minutes=AFTER_A_CRASH_MINUTES)
    server.run(calm, ROUTE, minutes=LONGER_THAN_A_SHUTDOWN)
    expected = told(calm)
    assert steps > 0
    for kill_at in range(1, steps + 1):
        root = tmp_path / "killed"
        shutil.copytree(chapters[beat.name], root)
        assert server.run(root, ROUTE, minutes=beat.minutes, kill_at=kill_at)["killed"]
        server.run(root, ROUTE, minutes=AFTER_A_CRASH_MINUTES)
        server.run(root, ROUTE, minutes=LONGER_THAN_A_SHUTDOWN)
        assert told(root) == expected, f"killed at step {kill_at} of {steps}"
        shutil.rmtree(root)
