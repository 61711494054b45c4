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
from typing import Any

from mailbot.adapters.reading import frames
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


class _Server:
    def __init__(self, answers: int) -> None:
        self._answers = answers
        self._writing = threading.Lock()
        self._parts: dict[tuple[Role, str], tuple[SiteSettings, LibvirtSite | LiveMigration]] = {}

    def serve(self) -> None:
        while True:
            try:
                call: Call = pickle.loads(frames.read(COMMANDS))  # noqa: S301 - written by our parent process
            except EOFError:
                return
            on = self._made(call.on)
            values = [self._made(one) if isinstance(one, Callee) else one for one in call.values]
            name = f"at-{call.on.settings.name}"
            threading.Thread(target=self._answer, args=(call, on, values), name=name, daemon=True).start()

    def _made(self, callee: Callee) -> LibvirtSite | LiveMigration:
        """What speaks with the host in that role: the same as before, unless its settings have changed."""
        where = callee.role, callee.settings.name
        known = self._parts.get(where)
        if known is not None and known[0] == callee.settings:
            return known[1]
        made = (LiveMigration if callee.role is Role.MIGRATION else LibvirtSite)(callee.settings)
        self._parts[where] = callee.settings, made
        return made

    def _answer(self, call: Call, on: LibvirtSite | LiveMigration, values: list[Any]) -> None:
        try:
            message = pickle.dumps((call.number, getattr(on, call.method)(*values, **call.named), None))
        except AtTarget as error:
            message = pickle.dumps((call.number, None, error))
        except BaseException as error:  # noqa: BLE001 - told to the caller, whatever it is
            message = pickle.dumps((call.number, None, _told(error, call.on.settings.name)))
        with self._writing:
            frames.write(self._answers, message)


def _told(error: BaseException, site: str) -> ProvisionerError:
    told = error
    if not isinstance(told, ProvisionerError):
        told = ProvisionerError(f"{site}: {type(error).__name__}: {error}")
    told.raised_at = places(error)
    return told


if __name__ == "__main__":
    main()
