"""The stand-ins on disk: what a process has done is there after it was killed, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailbot.adapters.clock import MemoryClock
from mailbot.adapters.spool import SpoolClock, SpoolInbox, SpoolPostman
from mailbot.model import OutboundMail
from mailbot.ports import Folder

BUSY = """
import sys
from pathlib import Path
from mailbot.adapters.spool import SpoolInbox, SpoolPostman
from mailbot.model import OutboundMail
from mailbot.ports import Folder
inbox, postman = SpoolInbox(Path(sys.argv[1])), SpoolPostman(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    key = inbox.deliver(b"Subject: %d\\r\\n\\r\\n" % number + b"x" * 20000)
    postman.send(OutboundMail("", "alice@example.org", f"<{number}@example.org>", b"y" * 20000))
    if number % 2:
        inbox.file_away([key], Folder.HANDLED)
    print(number, flush=True)
"""


def test_whenever_its_process_is_killed_the_world_on_disk_is_whole(tmp_path: Path) -> None:
    done = 0
    for rounds in range(1, 6):
        with subprocess.Popen([sys.executable, "-c", BUSY, str(tmp_path)], stdout=subprocess.PIPE, text=True) as busy:
            assert busy.stdout is not None
            for _ in range(rounds * 7):
                busy.stdout.readline()
            busy.kill()
            done += rounds * 7 + len(busy.stdout.readlines())

        inbox = SpoolInbox(tmp_path)
        mails = [one.raw for one in inbox.fetch(None)] + inbox.folder(Folder.HANDLED)
        letters = SpoolPostman(tmp_path).letters
        # The kill may have come between doing and saying so: one more at most, each round.
        assert done <= len(mails) <= done + rounds
        assert done <= len(letters) <= done + rounds
        assert all(raw is not None and raw.endswith(b"x" * 20000) for raw in mails)
        assert all(letter.data == b"y" * 20000 for letter in letters)


def test_a_second_process_sees_what_the_first_one_did(tmp_path: Path) -> None:
    first, second = SpoolInbox(tmp_path), SpoolInbox(tmp_path)
    key = first.deliver(b"Subject: 1\r\n\r\n")
    assert [one.key for one in second.fetch(None)] == [key]
    second.file_away([key], Folder.HANDLED)
    assert first.inbox() == []
    first.recreate()
    assert second.position().uidvalidity == key.uidvalidity + 1

    SpoolPostman(tmp_path).send(OutboundMail("", "alice@example.org", "<1@example.org>", b"\xff\r\n"))
    assert [letter.data for letter in SpoolPostman(tmp_path).letters] == [b"\xff\r\n"]

    now = datetime(2027, 1, 31, 12, tzinfo=UTC)
    clock = SpoolClock(tmp_path, now)
    SpoolClock(tmp_path).set(now + timedelta(days=1))
    assert clock.now() == now + timedelta(days=1)


def test_a_clock_stands_still_until_it_is_moved_and_wants_a_time_zone(tmp_path: Path) -> None:
    now = datetime(2027, 1, 31, 12, tzinfo=UTC)
    clock = MemoryClock(now)
    assert clock.now() == clock.now() == now
    clock.advance(timedelta(hours=1))
    assert clock.now() == now + timedelta(hours=1)
    clock.set(now - timedelta(days=2))
    assert clock.now() == now - timedelta(days=2)

    naive = now.replace(tzinfo=None)
    for build in (lambda: MemoryClock(naive), lambda: clock.set(naive), lambda: SpoolClock(tmp_path, naive)):
        with pytest.raises(ValueError, match="time zone"):
            build()
