"""Leases are kept while work goes on: claimed for a minute, renewed every third of it, and lost rows are left alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType

from mailbot import journal
from mailbot.model import OutboxItem
from mailbot.turns.context import TurnContext

LEASE_SECONDS = 60.0
"""How long a row is ours: what a killed daemon was working on is taken over by another after this."""
RENEW_SECONDS = LEASE_SECONDS / 3


class Leases:
    """The leases of claimed rows, renewed in a thread of their own until the block is left.

    A call to a hypervisor or a mail server may take minutes, and nobody else may begin the same meanwhile.  A daemon that was
    stopped for longer than a lease (a suspended host, a database that was away) finds out before it acts: `holds`.
    """

    def __init__(self, context: TurnContext, items: Sequence[OutboxItem]) -> None:
        self._context = context
        self._items = items
        self._held = frozenset(item.id for item in items)
        self._renewed = context.clock.elapsed()
        self._one = threading.Lock()
        self._left = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="leases", daemon=True)

    def __enter__(self) -> Leases:
        if self._items:
            self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        if self._items:
            self._keeper.join()

    def holds(self, item: OutboxItem) -> bool:
        """Whether the row is still ours to work on; asks the database where it was not asked of late."""
        if self._context.clock.elapsed() - self._renewed > RENEW_SECONDS:
            self.renew()
        return item.id in self._held

    def renew(self) -> None:
        """Lease for a minute from now on what is still ours."""
        with self._one:
            began = self._context.clock.elapsed()
            self._held = self._context.store.renew(self._items, self._context.clock.now(), LEASE_SECONDS)
            self._renewed = began

    def _keep(self) -> None:
        while not self._left.wait(RENEW_SECONDS):
            try:
                self.renew()
            except Exception as error:  # noqa: BLE001 - tried again; `holds` asks before anything further is begun
                journal.trouble(about="renewing the leases of work under way", error=error)
