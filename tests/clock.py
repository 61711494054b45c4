"""Which time it is in a test.

Tests have a clock of their own (`tests.world.START`); the suite passes at any date and hour.  Only what runs
as a real process beside real servers lives in real time, and asks `wall` here and nowhere else.
"""

from __future__ import annotations

from datetime import UTC, datetime

import time_machine


def wall() -> datetime:
    """The moment on this machine's clock, for tests whose program is a process of its own."""
    hatch = time_machine.escape_hatch
    # Other programs do not see `--today`.
    now: datetime = hatch.datetime.datetime.now(UTC) if hatch.is_travelling() else datetime.now(UTC)
    return now
