"""The clock of this machine, and one that a test moves."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


class SystemClock:
    """This machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)  # unlike CLOCK_MONOTONIC it goes on while the machine sleeps

    def start(self) -> str:
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:  # a container without /proc
            return "unknown"


class MemoryClock:
    """`Clock` that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = _aware(start)
        self._elapsed = 0.0
        self._starts = 1

    def now(self) -> datetime:
        return self._now

    def elapsed(self) -> float:
        return self._elapsed

    def start(self) -> str:
        return f"start {self._starts}"

    def set(self, moment: datetime) -> None:
        """Time passes until then; or, where that lies back, the clock is set back, as real ones are."""
        self._elapsed += max((_aware(moment) - self._now).total_seconds(), 0.0)
        self._now = moment

    def jump(self, moment: datetime) -> None:
        """The clock is set, forward or back, and no time passes by it."""
        self._now = _aware(moment)

    def reboot(self, moment: datetime) -> None:
        """The machine is started again, and its clock then shows that."""
        self._now, self._elapsed = _aware(moment), 0.0
        self._starts += 1

    def advance(self, by: timedelta) -> None:
        self._now += by
        self._elapsed += by.total_seconds()


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("the clock needs a moment with a time zone")
    return moment
