"""The clock of this machine, and one that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class SystemClock:
    """This machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class MemoryClock:
    """`Clock` that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = _aware(start)

    def now(self) -> datetime:
        return self._now

    def set(self, moment: datetime) -> None:
        """May also go back, as real clocks do."""
        self._now = _aware(moment)

    def advance(self, by: timedelta) -> None:
        self._now += by


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("the clock needs a moment with a time zone")
    return moment
