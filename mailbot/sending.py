"""Letters that leave while a long pass over the mailbox still goes on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from time import monotonic

MAILS_BETWEEN = 25
"""After so many mails letters are looked for: fewer would make many small batches, and each settles on the disk for itself."""
LETTERS_BETWEEN = 2
"""At most so many letters are written between two mails: as many as most mails lead to, and no mail waits for thousands."""
QUICK_SECONDS = 10.0
"""Where letters between two mails took longer (a mail server to which no connection can be made), the rest leaves when all mails were read."""


@dataclass
class EveryFewMails:
    """Counts mails that were handled, and tells after every few of them."""

    tell: Callable[[], None]
    _count: int = 0

    def __call__(self) -> None:
        self._count += 1
        if self._count % MAILS_BETWEEN == 0:
            self.tell()


def _nothing_to_wait_for() -> bool:
    return True


@dataclass
class BetweenMails:
    """Has letters written between mails, and on their way while mails are handled: no mail waits for the mail server's answer.

    What `begin` gives sends a batch, and stops after each letter with what goes on with those that are on their way
    (`turns.deliver.Delivery`).
    """

    begin: Callable[[], Generator[Callable[[], bool], None, None]]
    _delivery: Generator[Callable[[], bool], None, None] | None = None
    _go_on: Callable[[], bool] = _nothing_to_wait_for
    _mails: int = 0
    _is_slow: bool = False

    def mail_was_handled(self) -> None:
        """Write the next letters, where the server has answered to those before."""
        self._mails += 1
        if self._delivery is None and self._mails >= MAILS_BETWEEN:
            self._mails, self._delivery = 0, self.begin()
        if self._delivery is None or self._is_slow:
            return
        began = monotonic()
        for _ in range(LETTERS_BETWEEN):
            if not self._go_on() or not self._next(self._delivery):
                break
        self._note(began)

    def go_on(self) -> None:
        """Called between the steps of a mail; waits for nothing but a connection that has to be made anew."""
        if not self._is_slow:
            began = monotonic()
            self._go_on()
            self._note(began)

    def finish(self) -> None:
        """Send the rest of the batch that was begun."""
        while self._delivery is not None:
            self._next(self._delivery)

    def close(self) -> None:
        """Break off: no other letter is begun."""
        if self._delivery is not None:
            self._delivery.close()

    def _note(self, began: float) -> None:
        self._is_slow = self._is_slow or monotonic() - began > QUICK_SECONDS

    def _next(self, delivery: Generator[Callable[[], bool], None, None]) -> bool:
        """Have the next letter written; False where the batch has come to its end."""
        go_on = next(delivery, None)
        if go_on is None:
            self._delivery = None
        self._go_on = go_on or _nothing_to_wait_for
        return go_on is not None
