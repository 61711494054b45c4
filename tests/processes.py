"""Processes that the program starts, as the kernel shows them (proc(5))."""

from __future__ import annotations

import time
from pathlib import Path

_LIMIT_SECONDS = 30


def children(parent: int) -> list[int]:
    """The processes that a process has started and not yet seen the end of."""
    return [int(one) for one in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def ended(pid: int) -> bool:
    """Whether a process ends within half a minute."""
    until = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < until:
        try:
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False
