"""The one place where adapters are constructed: from the configuration to a bot that can be run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mailbot.handlers.machines import Sites
from mailbot.handlers.office import Office
from mailbot.ports import Inbox, Postman, Reader


@dataclass(frozen=True, slots=True)
class Bot:
    """Everything that the loops need.

    `watcher` is a second connection to the mailbox, for IDLE only; None where polling has to do.
    `account` names the mailbox that one daemon at a time reads.
    """

    office: Office
    inbox: Inbox
    reader: Reader
    postman: Postman
    sites: Sites
    account: str
    watcher: Inbox | None = None
    poll_seconds: float = 60.0
    notify_socket: str | None = None
    closers: tuple[Callable[[], None], ...] = field(default=())

    def close(self) -> None:
        """Close every connection; never raises."""
        for connection in (self.inbox, self.watcher, self.postman):
            if connection is not None:
                connection.close()
        for closer in self.closers:
            closer()
