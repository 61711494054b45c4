"""The loops: what one pass does, and how the threads of the daemon wake each other and end.

Waiting is by events, never by the clock: a limit only turns a test that would hang into one that fails.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from mailbot import daemon, operator, passes
from mailbot.adapters.imap.memory import MemoryInbox
from mailbot.adapters.sites.bounded import BoundedSite, InThread
from mailbot.errors import MailServerUnavailable
from mailbot.machines.work import Site
from mailbot.model import Letter, MailKey, OutboundMail, TicketState
from mailbot.ports import Fetched, Postman
from provisioner.api import VmFacts, VmSpec
from provisioner.fake import FakeSite
from provisioner.fake_machine import Faults
from tests.world import ALICE, BOB, CAROL, Listening, World, kind_of, request_words
from tests.writing import mail, reply

LIMIT_SECONDS = 60.0
NEVER_SECONDS = 10**6


def request(world: World, login: str) -> bytes:
    return mail(f"{login}@example.org", "Persistent Virtual Machine Creation", request_words(login), world.now)


# one pass


def test_once_ends_when_nothing_is_due(world: World) -> None:
    world.inbox.deliver(request(world, "alice"))
    tally = world.once()
    assert (tally.mails, tally.letters, tally.troubles) == (1, 3, [])
    assert world.once().done == 0


def test_a_mailbox_that_is_away_delays_no_letter(world: World) -> None:
    world.inbox.deliver(request(world, "alice"))
    world.inbox.faults.plan("file_away", MailServerUnavailable("gone"), times=99)
    tally = passes.tick(world.bot)
    assert (tally.mails, tally.letters) == (0, 3)
    assert tally.troubles == ["gone"]


def test_once_ends_where_there_is_trouble_instead_of_trying_for_ever(world: World) -> None:
    world.inbox.faults.plan("position", RuntimeError("a defect"), times=10**6)
    assert world.once().troubles == ["receive: a defect"]


def test_only_one_reads_a_mailbox(world: World) -> None:
    world.inbox.deliver(request(world, "alice"))
    with world.bot.context.store.mailbox_lock(world.bot.account) as mine:
        assert mine
        assert passes.tick(world.bot).mails == 0
    assert passes.tick(world.bot).mails == 1


# the loop


class Gate(MemoryInbox):
    """A mailbox whose first look waits in the middle until it is let go."""

    def __init__(self, real: MemoryInbox) -> None:
        super().__init__(folders=real._folders)
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.looks = 0

    def fetch(
        self, after: MailKey | None, also: Sequence[MailKey] = (), since: date | None = None
    ) -> Iterator[Fetched]:
        found = list(super().fetch(after, also, since))
        self.looks += 1
        self.entered.set()
        assert self.go_on.wait(LIMIT_SECONDS)
        yield from found


class Told:
    """What was sent, for a test that waits for it."""

    def __init__(self, world: World) -> None:
        self._world, self._came = world, threading.Condition()
        world.postman._on_sent = lambda _letter: self._notify()

    def _notify(self) -> None:
        with self._came:
            self._came.notify_all()

    def wait_for(self, letter: Letter, to: str) -> None:
        def there() -> bool:
            return any(kind_of(one) is letter and one.envelope_to == to for one in self._world.letters)

        with self._came:
            assert self._came.wait_for(there, LIMIT_SECONDS), f"no {letter} to {to}"


@pytest.fixture
def running() -> Iterator[Callable[[daemon.Bot], daemon.Loop]]:
    loops: list[daemon.Loop] = []

    def start(bot: daemon.Bot) -> daemon.Loop:
        loops.append(daemon.Loop(bot))
        loops[-1].start()
        return loops[-1]

    yield start
    for loop in loops:
        loop.stop()


def test_mail_that_comes_while_a_tick_runs_is_handled_without_waiting_for_a_poll(
    world: World, running: Callable[[daemon.Bot], daemon.Loop]
) -> None:
    told, gate = Told(world), Gate(world.inbox)
    loop = running(replace(world.bot, inbox=gate, poll_seconds=NEVER_SECONDS))
    assert gate.entered.wait(LIMIT_SECONDS)
    world.inbox.deliver(request(world, "alice"))
    loop.soon()
    gate.go_on.set()
    told.wait_for(Letter.REQUEST_RECEIVED, ALICE.email)


def test_idle_wakes_the_loop(world: World, running: Callable[[daemon.Bot], daemon.Loop]) -> None:
    told = Told(world)
    watcher = MemoryInbox(folders=world.inbox._folders)
    running(replace(world.bot, watcher=watcher, poll_seconds=NEVER_SECONDS))
    world.inbox.deliver(request(world, "alice"))
    told.wait_for(Letter.REQUEST_RECEIVED, ALICE.email)


def test_a_watcher_that_fails_in_any_way_stops_nothing(
    world: World, running: Callable[[daemon.Bot], daemon.Loop]
) -> None:
    told = Told(world)
    watcher = MemoryInbox(folders=world.inbox._folders)
    watcher.faults.plan("wait", RuntimeError("a defect"))
    running(replace(world.bot, watcher=watcher, poll_seconds=NEVER_SECONDS))
    world.inbox.deliver(request(world, "alice"))
    told.wait_for(Letter.REQUEST_RECEIVED, ALICE.email)


@pytest.mark.parametrize("unit", ["mailbot.service", "mailbot@.service"])
def test_the_units_leave_room_for_what_the_end_waits_for(unit: str) -> None:
    text = (files("mailbot.examples") / unit).read_text()
    found = re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert found
    closing = 15  # QUIT, and the process that asks hosts
    assert int(found.group(1)) >= daemon.LONGEST_ANSWER_SECONDS + closing


class Hanging(FakeSite):
    """A hypervisor whose calls do not come back until they are let go."""

    def __init__(self) -> None:
        super().__init__("north")
        self.hangs, self.let_go = threading.Event(), threading.Event()

    def ensure(self, spec: VmSpec) -> VmFacts:
        self.hangs.set()
        self.let_go.wait(LIMIT_SECONDS)
        return super().ensure(spec)


class HangingPostman:
    """A mail server that takes a letter only when it is let go."""

    def __init__(self, postman: Postman) -> None:
        self._postman = postman
        self.hangs, self.let_go = threading.Event(), threading.Event()

    def send(self, letter: OutboundMail) -> str:
        self.hangs.set()
        self.let_go.wait(LIMIT_SECONDS)
        return self._postman.send(letter)

    def close(self) -> None:
        """Nothing is open."""


def test_a_mail_server_that_hangs_delays_no_mail(world: World) -> None:
    postman, pulse = HangingPostman(world.postman), Listening()
    loop = daemon.Loop(replace(world.bot, postman=postman, poll_seconds=NEVER_SECONDS), pulse)
    world.inbox.deliver(request(world, "alice"))
    loop.start()
    try:
        assert postman.hangs.wait(LIMIT_SECONDS)
        assert "all is well" in pulse.said.get(timeout=LIMIT_SECONDS)
        world.inbox.deliver(request(world, "bob"))
        loop.soon()
        assert "all is well" in pulse.said.get(timeout=LIMIT_SECONDS)
        assert world.bot.context.store.open_ticket_of("bob") is not None
        assert world.letters == []
    finally:
        postman.let_go.set()
        loop.stop()


def test_the_end_waits_longer_for_what_a_mail_server_says_than_for_a_hypervisor(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "LONGEST_FAREWELL_SECONDS", 0.0)
    postman = HangingPostman(world.postman)
    loop = daemon.Loop(replace(world.bot, postman=postman, poll_seconds=NEVER_SECONDS))
    world.inbox.deliver(request(world, "alice"))
    loop.start()
    assert postman.hangs.wait(LIMIT_SECONDS)
    answers = threading.Timer(0.5, postman.let_go.set)
    answers.start()
    loop.stop()
    world.restart()
    passes.once(world.bot)
    assert len(world.letters) == len({letter.message_id for letter in world.letters}), "none was sent twice"
    assert len(world.letters) == 3


def test_a_hypervisor_that_hangs_delays_no_mail(world: World, running: Callable[[daemon.Bot], daemon.Loop]) -> None:
    told, hanging = Told(world), Hanging()
    sites = {"north": Site(BoundedSite("north", InThread(hanging)), "north.testbed.example")}
    loop = running(replace(world.bot, sites=sites, poll_seconds=NEVER_SECONDS))
    try:
        world.inbox.deliver(request(world, "alice"))
        loop.soon()
        told.wait_for(Letter.ADMIN_DECISION, CAROL.address)
        world.inbox.deliver(
            reply(world.last(Letter.ADMIN_DECISION, CAROL.address), CAROL.address, "approve", world.now)
        )
        loop.soon()
        assert hanging.hangs.wait(LIMIT_SECONDS)
        world.inbox.deliver(request(world, "bob"))
        loop.soon()
        told.wait_for(Letter.REQUEST_RECEIVED, BOB.email)
        assert world.ticket().state is TicketState.APPROVED
    finally:
        hanging.let_go.set()


def test_a_hypervisor_that_hangs_delays_no_machine_elsewhere(
    world: World, running: Callable[[daemon.Bot], daemon.Loop]
) -> None:
    told, hanging = Told(world), Hanging()
    south = FakeSite("south", faults=Faults(polls_until_ready=0))
    sites = {
        "north": Site(BoundedSite("north", InThread(hanging)), "north.testbed.example"),
        "south": Site(south, "south.testbed.example"),
    }
    loop = running(replace(world.bot, sites=sites, poll_seconds=NEVER_SECONDS))
    try:
        for login in ("alice", "bob"):
            world.inbox.deliver(request(world, login))
        loop.soon()
        told.wait_for(Letter.REQUEST_RECEIVED, BOB.email)
        operator.approve(world.bot.context, 1, CAROL.login)
        loop.soon()
        assert hanging.hangs.wait(LIMIT_SECONDS)
        operator.approve(world.bot.context, 2, CAROL.login)
        loop.soon()
        told.wait_for(Letter.VM_READY, BOB.email)
        assert [world.ticket(number).site for number in (1, 2)] == ["north", "south"]
        assert world.ticket(1).state is TicketState.APPROVED
    finally:
        hanging.let_go.set()


# the process

CHILD = """
import sys
from dataclasses import replace
from pathlib import Path
from mailbot import daemon, operator, passes
from tests.world import World

world = World(Path(sys.argv[1]))
daemon.run(replace(world.bot, poll_seconds=3600, notify_socket=sys.argv[2]), "0")
print("ended")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_daemon_in_order(number: signal.Signals, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(LIMIT_SECONDS)
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), address],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        try:
            said = [systemd.recv(100)]
            while said[-1] != b"READY=1":
                said.append(systemd.recv(100))
            os.kill(child.pid, number)
            while said[-1] != b"STOPPING=1":
                said.append(systemd.recv(100))
            output, _ = child.communicate(timeout=LIMIT_SECONDS)
        finally:
            child.kill()
            child.wait()
    assert {one for one in said if not one.startswith(b"STATUS=")} <= {b"READY=1", b"WATCHDOG=1", b"STOPPING=1"}
    assert child.returncode == 0, output
    assert output.rstrip().endswith("ended")
    assert "Traceback" not in output


# another bot in its place


def test_another_bot_takes_over_between_two_steps(world: World) -> None:
    told = Told(world)
    before = daemon.Loop(replace(world.bot, poll_seconds=NEVER_SECONDS))
    before.start()
    after = daemon._changed(before, lambda bot: replace(world.bot, poll_seconds=NEVER_SECONDS + 1))
    try:
        assert before.stopping.is_set()
        assert after.bot.poll_seconds == NEVER_SECONDS + 1
        world.inbox.deliver(request(world, "alice"))
        after.soon()
        told.wait_for(Letter.REQUEST_RECEIVED, ALICE.email)
    finally:
        after.stop()


def test_a_configuration_that_cannot_be_used_leaves_the_loop_as_it_was(world: World) -> None:
    loop = daemon.Loop(replace(world.bot, poll_seconds=NEVER_SECONDS))
    loop.start()
    try:
        assert daemon._changed(loop, lambda _bot: None) is loop
        assert not loop.stopping.is_set()
    finally:
        loop.stop()


def test_a_hangup_has_the_running_daemon_read_its_configuration_again(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(LIMIT_SECONDS)
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), address],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=Path(__file__).parents[2],
            start_new_session=True,  # without a terminal, like a service
        ) as child:  # fmt: skip
            try:
                for number, answers in (
                    (signal.SIGHUP, [b"READY=1"]),
                    (signal.SIGTERM, [b"RELOADING=1", b"READY=1"]),
                ):
                    said = []
                    while said != answers:
                        word = systemd.recv(500)
                        said += [word] if not word.startswith((b"STATUS=", b"WATCHDOG=")) else []
                    os.kill(child.pid, number)
                output, _ = child.communicate(timeout=LIMIT_SECONDS)
            finally:
                child.kill()
    assert output.rstrip().endswith("ended")
