"""What a supervisor is told, and that it is told nothing good of a loop that hangs."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot.pulse import LONGEST_FEED_SECONDS, Pulse, feed_seconds


class Supervisor:
    """The other end of sd_notify(3)."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(60)

    def next(self) -> str:
        """The next datagram; a test fails where none comes."""
        return self._socket.recv(1000).decode()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "notify")
    yield supervisor
    supervisor.close()


class Time:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_watchdog_is_fed_while_every_loop_lives_and_not_when_one_hangs(supervisor: Supervisor) -> None:
    time = Time()
    pulse = Pulse(supervisor.address, {"mail": 100.0, "letters": 500.0}, clock=time)
    time.now = 99.0
    pulse.feed()
    assert supervisor.next() == "WATCHDOG=1"
    time.now = 101.0
    pulse.feed()
    pulse.feed()
    pulse.tell("MARK")
    assert supervisor.next() == "STATUS=the loop for mail has been silent for too long"
    assert supervisor.next() == "MARK"
    pulse.beat("mail")
    pulse.feed()
    assert supervisor.next() == "WATCHDOG=1"


def test_a_status_is_one_line(supervisor: Supervisor) -> None:
    Pulse(supervisor.address).status("IMAP server:\nno answer\nREADY=1")
    assert supervisor.next() == "STATUS=IMAP server: no answer READY=1"


def test_feeding_ends_with_the_daemon(supervisor: Supervisor) -> None:
    stopping = threading.Event()
    thread = threading.Thread(target=Pulse(supervisor.address, feed_seconds=0.001).keep, args=(stopping,))
    thread.start()
    assert supervisor.next() == "WATCHDOG=1"
    stopping.set()
    thread.join(60)
    assert not thread.is_alive()


def test_the_watchdog_is_fed_three_times_as_often_as_it_asks_and_only_where_it_is_meant_for_us() -> None:
    assert feed_seconds({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}) == 20.0
    assert feed_seconds({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}) == LONGEST_FEED_SECONDS
    assert feed_seconds({"WATCHDOG_USEC": "x"}) == LONGEST_FEED_SECONDS
    assert feed_seconds({}) == LONGEST_FEED_SECONDS
