"""Hosts asked by a process of their own (`child`): libvirt's libraries take no memory of the daemon, and cannot take it down.

The process is started when a host is first asked, and again when it has ended.  It knows no configuration: each call says
which host it is about, so that it goes on while the daemon changes its own.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from select import select
from typing import Any, Concatenate, ParamSpec, TypeVar

from mailbot import journal
from mailbot.adapters import frames
from mailbot.adapters.pipes import child, opened
from parsers.translatable import say
from provisioner.api import Disks, Part, SiteSettings, SiteUnreachable, VmSpec
from provisioner.migration import Migration, Whereabouts

P = ParamSpec("P")
T = TypeVar("T")
_END_SECONDS = 5.0
LONGEST_UNTAKEN_SECONDS = 60.0
"""For so long the process may not take a call; one that stands still is ended, so that the next call has another."""


class Role(StrEnum):
    """What asks a host; each has a connection of its own."""

    SITE = "site"
    DISKS = "disks"
    MIGRATION = "migration"


@dataclass(frozen=True, slots=True)
class Callee:
    """What asks that host in that role."""

    role: Role
    settings: SiteSettings


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent to the process; a `Callee` among the values stands for what it names."""

    number: int
    on: Callee
    method: str
    values: tuple[Any, ...]
    named: Mapping[str, Any]


class _Child:
    """A process, ended where it takes no call in time: stopped, or in a library that keeps Python's lock, it would leave every host unanswered."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._own = threading.Lock()
        self._untaken: set[int] = set()
        self._timer: threading.Timer | None = None
        self.stood_still = False

    def sent(self, number: int) -> None:
        """A call leaves now."""
        with self._own:
            self._untaken.add(number)
            if self._timer is None:
                self._wait()

    def taken(self, number: int) -> None:
        """The process has begun with that call."""
        with self._own:
            self._untaken.discard(number)
            self._stop()
            if self._untaken:
                self._wait()

    def over(self) -> None:
        """The process has ended."""
        with self._own:
            self._stop()

    def _wait(self) -> None:
        timer = threading.Timer(LONGEST_UNTAKEN_SECONDS, self._look)
        timer.daemon = True
        with suppress(RuntimeError):  # no thread can be started: the process is not watched this time
            timer.start()
            self._timer = timer

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """End the process, unless it has said something after all: then it is we who did not listen."""
        with self._own:
            if self._timer is not threading.current_thread():
                return
            if select([opened(self.process.stdout)], [], [], 0)[0]:
                self._wait()
                return
            self.stood_still = True
            self.process.kill()


class HostsProcess:
    """The daemon's end.  Starts nothing before the first call."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._child: _Child | None = None
        self._waiting: dict[int, tuple[str, Future[Any]]] = {}
        self._calls = 0
        self._closed = False

    def of(self, role: Role, settings: SiteSettings) -> Callable[..., Future[Any]]:
        """By which the methods of one host's part are called; see `bounded.Calls`."""
        return partial(self.begin, Callee(role, settings))

    def begin(self, on: Callee, method: str, /, *values: Any, **named: Any) -> Future[Any]:
        """Begin a call.  The answer raises `SiteUnreachable` where the process ends before it; after `close` none comes any more."""
        answer: Future[Any] = Future()
        site = on.settings.name
        with self._turn:
            if self._closed:
                return answer
            self._calls += 1
            message = pickle.dumps(Call(self._calls, on, method, values, named))
            try:
                ready = self._ready()
                self._waiting[self._calls] = site, answer
                ready.sent(self._calls)
                frames.write(opened(ready.process.stdin).fileno(), message)
            except OSError as error:
                self._waiting.pop(self._calls, None)
                answer.set_exception(_gone(site, str(error), begun=False))
        return answer

    def close(self) -> None:
        """End the process, whatever it is doing; never raises.

        Who waits for an answer hears nothing any more: that mailbot ends says nothing of a host.
        """
        free = self._turn.acquire(timeout=_END_SECONDS)
        ended, self._child, self._closed = self._child, None, True
        if free:
            self._turn.release()
        if ended is not None:
            process = ended.process
            if not free:  # it takes no more calls, and somebody waits for that
                process.kill()
            opened(process.stdin).close()
            _status(process)

    def _ready(self) -> _Child:
        """Raises OSError."""
        if self._child is None:
            started = child("mailbot.adapters.sites.child", environment=os.environ, stderr=None)
            self._child = _Child(started)
            # A daemon thread: a process that hangs must not keep this one from ending.
            threading.Thread(target=self._listen, args=(self._child,), name="hosts", daemon=True).start()
        return self._child

    def _listen(self, asked: _Child) -> None:
        """Hand on what the process answers until it ends; then nobody waits for it any more."""
        process = asked.process
        answers = opened(process.stdout)
        # Until it ends, or says something that is no answer, as after an upgrade of the program under us.
        with suppress(Exception):
            while True:
                said = pickle.loads(frames.read(answers.fileno()))  # noqa: S301 - our own child
                if isinstance(said, int):
                    asked.taken(said)
                    continue
                number, result, error = said
                with self._turn:
                    _, answer = self._waiting.pop(number)
                if error is not None:
                    answer.set_exception(error)
                else:
                    answer.set_result(result)
        with self._turn:
            unexpected = self._child is asked
            if unexpected:
                self._child = None
                left, self._waiting = self._waiting, {}
        asked.over()
        why = _ending(_status(process))
        if asked.stood_still:
            why += f", after it took no call for {LONGEST_UNTAKEN_SECONDS:.0f} seconds"
        answers.close()
        if not unexpected:
            return
        opened(process.stdin).close()
        journal.hosts_process_ended(why=why)
        for site, answer in left.values():
            answer.set_exception(_gone(site, why, begun=True))


def _status(process: subprocess.Popen[bytes]) -> int:
    """How a process ended that has nothing more to do; the end comes by us where it does not come by itself."""
    try:
        return process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _ending(status: int) -> str:
    """How a process ended, by its exit status as `subprocess` has it."""
    with suppress(ValueError):
        return signal.Signals(-status).name
    return f"exit status {status}"


def _gone(site: str, why: str, *, begun: bool) -> SiteUnreachable:
    told = say(
        "The site {site} cannot be asked: the process that speaks with it has ended ({why}).", site=site, why=why
    )
    return SiteUnreachable(told, begun=begun)


class _Apart:
    """Somebody in the process; calls take as long as they take."""

    def __init__(self, process: HostsProcess, role: Role, settings: SiteSettings) -> None:
        self._process = process
        self.callee = Callee(role, settings)

    def _ask(self, method: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = self._process.begin(self.callee, method.__name__, *args, **kwargs).result()
        return result


class DisksApart(_Apart):
    """`Disks` of one host."""

    def __init__(self, process: HostsProcess, settings: SiteSettings) -> None:
        super().__init__(process, Role.DISKS, settings)

    def parts(self, spec: VmSpec) -> tuple[Part, ...]:
        return self._ask(Disks.parts, spec)

    def has(self, part: Part) -> bool:
        return self._ask(Disks.has, part)

    def there(self, part: Part) -> bool:
        return self._ask(Disks.there, part)

    def make(self, part: Part, room_gib: int) -> None:
        self._ask(Disks.make, part, room_gib)

    def copy(self, part: Part, offset: int, length: int, to: DisksApart) -> None:
        """The bytes do not come by here: the process has both hosts."""
        self._process.begin(self.callee, Disks.copy.__name__, part, offset, length, to.callee).result()


class MigrationApart(_Apart):
    """One host's part in live migrations."""

    def __init__(self, process: HostsProcess, settings: SiteSettings) -> None:
        super().__init__(process, Role.MIGRATION, settings)

    @property
    def settings(self) -> SiteSettings:
        return self.callee.settings

    def whereabouts(self, spec: VmSpec) -> Whereabouts:
        return self._ask(Migration.whereabouts, spec)

    def expect(self, spec: VmSpec) -> None:
        self._ask(Migration.expect, spec)

    def send(self, spec: VmSpec, to: SiteSettings) -> None:
        self._ask(Migration.send, spec, to)

    def failure(self, spec: VmSpec) -> str:
        return self._ask(Migration.failure, spec)

    def give_up(self, spec: VmSpec) -> None:
        self._ask(Migration.give_up, spec)

    def resume(self, spec: VmSpec) -> None:
        self._ask(Migration.resume, spec)

    def let_go(self, spec: VmSpec) -> None:
        self._ask(Migration.let_go, spec)
