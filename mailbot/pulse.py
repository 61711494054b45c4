"""What a supervisor is told: that every loop lives (`WATCHDOG=1`), and what the bot does (`STATUS=…`), sd_notify(3)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from time import monotonic

from mailbot import journal
from mailbot.notify import notify

LONGEST_FEED_SECONDS = 30.0
"""Without a watchdog the loops are looked at that often, so that a silent one is a line in the log there, too."""


class Pulse:
    """When each loop last showed that it lives.  Any thread may call; `keep` has one of its own.

    `allowed` is how many seconds each loop may be silent: longer than its longest lawful step.
    """

    def __init__(
        self,
        address: str | None = None,
        allowed: Mapping[str, float] | None = None,
        *,
        feed_seconds: float = LONGEST_FEED_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._address = address
        self._allowed = dict(allowed or {})
        self._feed_seconds = feed_seconds
        self._clock = clock
        self._last = dict.fromkeys(self._allowed, clock())
        self._told: frozenset[str] = frozenset()

    def beat(self, loop: str) -> None:
        """A loop lives."""
        self._last[loop] = self._clock()

    def tell(self, state: str) -> None:
        """Pass a state on, such as `READY=1`; nothing where nobody supervises."""
        notify(state, self._address)

    def status(self, text: str) -> None:
        """Have `systemctl status` show a line."""
        self.tell(f"STATUS={' '.join(text.split())}")

    def silent(self) -> frozenset[str]:
        """The loops that have been silent for too long."""
        now = self._clock()
        return frozenset(loop for loop, most in self._allowed.items() if now - self._last[loop] > most)

    def feed(self) -> None:
        """Feed the watchdog, unless a loop is silent; a loop that falls silent is a line in the log, once."""
        silent = self.silent()
        for loop in sorted(silent - self._told):
            journal.loop_silent(loop=loop, seconds=round(self._allowed[loop]))
            self.status(f"the loop for {loop} has been silent for too long")
        self._told = silent
        if not silent:
            self.tell("WATCHDOG=1")

    def keep(self, stopping: threading.Event) -> None:
        """Feed until `stopping`."""
        while not stopping.wait(self._feed_seconds):
            self.feed()


def feed_seconds(environment: Mapping[str, str]) -> float:
    """How often the watchdog wants to be fed: a third of what `$WATCHDOG_USEC` allows (sd_watchdog_enabled(3)).

    The variables may be meant for another process: then, as without them, there is no watchdog.
    """
    allowed, process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    ours = allowed.isdecimal() and process in {"", str(os.getpid())}
    return min(LONGEST_FEED_SECONDS, int(allowed) / 3e6) if ours else LONGEST_FEED_SECONDS
