"""The process that speaks with hosts: `python -m mailbot.adapters.sites.child`, its commands on descriptor 0, its answers on 1.

It alone loads libvirt and what belongs to it.  Each call is made in a thread of its own, so that a host that hangs holds
up no other.  It ends when the daemon closes its end, however that ended, and never goes on with what was being done:
the next daemon looks what is there.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from mailbot.adapters import frames
from mailbot.adapters.sites.apart import Call, Callee, Role
from mailbot.journal import places
from provisioner.api import AtTarget, ProvisionerError, SiteSettings
from provisioner.libvirt_driver import LibvirtSite, LiveMigration

COMMANDS, ANSWERS = 0, 1


def main() -> None:
    """Serve until the daemon is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # They are for the daemon, which finishes its step first.  A handler, since what is ignored stays so in ssh, too.
        signal.signal(number, lambda *_: None)
    answers = os.dup(ANSWERS)
    os.dup2(2, ANSWERS)  # whatever a library prints does not come between
    _Server(answers).serve()
    os._exit(os.EX_OK)  # no thread is waited for


@dataclass(frozen=True, slots=True)
class _Part:
    """Who speaks with a host in a role; `turn` is held while it does, where only one thread may."""

    settings: SiteSettings
    asked: LibvirtSite | LiveMigration
    turn: AbstractContextManager[object]


class _Server:
    def __init__(self, answers: int) -> None:
        self._answers = answers
        self._writing = threading.Lock()
        self._parts: dict[tuple[Role, str], _Part] = {}

    def serve(self) -> None:
        while True:
            try:
                call: Call = pickle.loads(frames.read(COMMANDS))  # noqa: S301 - written by our parent process
            except EOFError:
                return
            part = self._part(call.on)
            values = [self._part(one).asked if isinstance(one, Callee) else one for one in call.values]
            name = f"at-{call.on.settings.name}"
            threading.Thread(target=self._answer, args=(call, part, values), name=name, daemon=True).start()

    def _part(self, callee: Callee) -> _Part:
        """The same as before, unless the host's settings have changed.  Two bots may ask it, around a reload."""
        where = callee.role, callee.settings.name
        known = self._parts.get(where)
        if known is not None and known.settings == callee.settings:
            return known
        if callee.role is Role.MIGRATION:
            made = _Part(callee.settings, LiveMigration(callee.settings), nullcontext())
        else:
            turn = threading.Lock() if callee.role is Role.SITE else nullcontext()
            made = _Part(callee.settings, LibvirtSite(callee.settings), turn)
        self._parts[where] = made
        return made

    def _answer(self, call: Call, part: _Part, values: list[Any]) -> None:
        # That it is begun with.  Not said by the thread that takes calls, which must never wait for the other side.
        self._send(pickle.dumps(call.number))
        try:
            with part.turn:
                message = pickle.dumps((call.number, getattr(part.asked, call.method)(*values, **call.named), None))
        except BaseException as error:  # noqa: BLE001 - told to the caller, whatever it is
            message = pickle.dumps((call.number, None, _told(error, call.on.settings.name)))
        self._send(message)

    def _send(self, message: bytes) -> None:
        with self._writing:
            frames.write(self._answers, message)


def _told(error: BaseException, site: str) -> ProvisionerError | AtTarget:
    """An error that can be sent: those of the contract as they are, anything else in words."""
    if isinstance(error, AtTarget):
        error.error.raised_at = places(error.error)
        return error
    told = (
        error if isinstance(error, ProvisionerError) else ProvisionerError(f"{site}: {type(error).__name__}: {error}")
    )
    told.raised_at = places(error)
    return told


if __name__ == "__main__":
    main()
