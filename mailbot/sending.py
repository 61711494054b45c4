"""Letters that leave while a long pass over the mailbox still goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

MAILS_BETWEEN = 25
"""After so many mails letters are looked for: fewer would make many small batches, and each settles on the disk for itself."""
QUICK_SECONDS = 10.0
"""So long mails of a pass wait for letters, once: a mail server that needs longer gets the rest when they were read."""


@dataclass
class EveryFewMails:
    """Counts mails that were handled, and tells after every few of them."""

    tell: Callable[[], None]
    _count: int = 0

    def __call__(self) -> None:
        self._count += 1
        if self._count % MAILS_BETWEEN == 0:
            self.tell()


@dataclass
class WhileQuick:
    """Does `work` each time that it is called, until that was slow once; `work` is given what says that it was long enough."""

    work: Callable[[Callable[[], bool]], None]
    _is_slow: bool = False

    def __call__(self) -> None:
        if self._is_slow:
            return
        until = monotonic() + QUICK_SECONDS
        self.work(lambda: monotonic() > until)
        self._is_slow = monotonic() > until
