"""The real clock."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """This machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)
