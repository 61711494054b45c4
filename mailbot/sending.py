"""Letters that leave while a long pass over the mailbox still goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

MAILS_BETWEEN = 25
"""After so many mails letters are looked for: fewer would make many small batches, and each settles on the disk for itself."""


@dataclass
class EveryFewMails:
    """Counts mails that were handled, and tells after every few of them."""

    tell: Callable[[], None]
    _count: int = 0

    def __call__(self) -> None:
        self._count += 1
        if self._count % MAILS_BETWEEN == 0:
            self.tell()


class Beside:
    """Runs `work` in a thread of its own, each time that `more` is called while it does not run; `end` waits for it.

    The thread exists only where `more` was called: a pass over a few mails has none.  `work` must not raise.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._wanted = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None

    def more(self) -> None:
        """There may be something to do."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="letters", daemon=True)
            self._thread.start()
        self._wanted.set()

    def end(self) -> None:
        """Give back when nothing runs any more."""
        self._over = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _loop(self) -> None:
        while True:
            self._wanted.wait()
            if self._over:
                return
            self._wanted.clear()
            self._work()
