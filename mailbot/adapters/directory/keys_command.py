"""SSH keys from a command of the site's own, in place of those in the directory."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess  # a command that the site has configured, without a shell
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from selectors import EVENT_READ, DefaultSelector
from time import monotonic
from typing import Final

from mailbot.adapters.directory.ldap_people import LOGIN
from mailbot.adapters.pipes import opened
from mailbot.errors import DirectoryUnavailable
from mailbot.model import Admin, Person
from mailbot.ports import Directory
from parsers.translatable import say

PLACEHOLDER: Final = "{login}"
MOST_BYTES: Final = 64 * 1024
_MOST_REMEMBERED: Final = 1000
_ENVIRONMENT: Final = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
"""All that the command is given: none of the bot's secrets."""


class KeysByCommand:
    """`Directory` whose people are another's, with the SSH keys that a command prints for their login, one a line.

    The command gives every key: those in the directory are left out.  Empty lines and lines that begin
    with # do not count.  A command that fails, is silent for too long or prints more than `MOST_BYTES` makes the
    directory unavailable: nobody is refused for it.  Keys are remembered for `cache_seconds`.  Thread-safe.
    """

    def __init__(
        self, people: Directory, argv: Sequence[str], *, timeout_seconds: float = 10, cache_seconds: float = 60
    ) -> None:
        self._people = people
        self._argv = tuple(argv)
        self._timeout_seconds = timeout_seconds
        self._cache_seconds = cache_seconds
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, tuple[str, ...]]] = OrderedDict()

    def by_login(self, login: str) -> Person | None:
        return self._with_keys(self._people.by_login(login))

    def by_address(self, address: str) -> Person | None:
        return self._with_keys(self._people.by_address(address))

    def by_id(self, person_id: str) -> Person | None:
        return self._with_keys(self._people.by_id(person_id))

    def issued(self, person_id: str) -> bool:
        return self._people.issued(person_id)

    def admins(self) -> tuple[Admin, ...]:
        return self._people.admins()

    def close(self) -> None:
        self._people.close()

    def _with_keys(self, person: Person | None) -> Person | None:
        return person and replace(person, ssh_keys=self.keys(person.login))

    def keys(self, login: str) -> tuple[str, ...]:
        """The keys of one login.  Raises DirectoryUnavailable."""
        with self._lock:
            until, keys = self._known.get(login, (0.0, ()))
        if until > monotonic():
            return keys
        keys = self._printed(login)
        with self._lock:
            self._known.pop(login, None)
            if self._cache_seconds:
                self._known[login] = (monotonic() + self._cache_seconds, keys)
                if len(self._known) > _MOST_REMEMBERED:
                    self._known.popitem(last=False)
        return keys

    def _printed(self, login: str) -> tuple[str, ...]:
        if not LOGIN.fullmatch(login):
            msg = say("{login} is no login that a command may be given.", login=repr(login))
            raise DirectoryUnavailable(msg)
        program, *arguments = self._argv
        argv = [program, *(argument.replace(PLACEHOLDER, login) for argument in arguments)]
        text = run(argv, self._timeout_seconds, MOST_BYTES)
        lines = (line.strip() for line in text.splitlines())
        return tuple(line for line in lines if line and not line.startswith("#"))


def run(argv: Sequence[str], timeout_seconds: float, most_bytes: int) -> str:
    """What a command prints, without a shell.  Raises DirectoryUnavailable where it fails in any way; nothing of it goes on running."""
    name = argv[0]
    try:
        child = subprocess.Popen(  # noqa: S603 - configured by the site, no shell
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        msg = say("{name} cannot be run: {error}", name=name, error=str(error.strerror))
        raise DirectoryUnavailable(msg) from None
    deadline = monotonic() + timeout_seconds
    try:
        printed = _output(child, deadline, most_bytes)
        status = None if printed is None else child.wait(max(0.0, deadline - monotonic()))
    except subprocess.TimeoutExpired:
        printed = status = None
    finally:
        _end(child)
    if printed is None or status is None:
        msg = say("{name} did not end within {seconds} seconds.", name=name, seconds=f"{timeout_seconds:g}")
    elif len(printed) > most_bytes:
        msg = say("{name} printed more than {number} bytes.", name=name, number=most_bytes)
    elif status != 0:
        msg = say("{name} ended with status {status}.", name=name, status=status)
    else:
        return printed.decode("utf-8", "replace")
    raise DirectoryUnavailable(msg)


def _output(child: subprocess.Popen[bytes], deadline: float, most_bytes: int) -> bytes | None:
    """All that is printed, or just too much of it; None where it did not end in time."""
    pipe, printed = opened(child.stdout), bytearray()
    with DefaultSelector() as selector:
        selector.register(pipe, EVENT_READ)
        while len(printed) <= most_bytes:
            if not selector.select(max(0.0, deadline - monotonic())):
                return None
            piece = os.read(pipe.fileno(), most_bytes + 1)
            if not piece:
                break
            printed += piece
        else:
            child.kill()  # it would wait for ever to print the rest
    return bytes(printed)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Nothing that the command has started goes on."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    if child.stdout is not None:
        child.stdout.close()
    child.wait()
