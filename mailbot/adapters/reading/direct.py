"""Reading in this very process: for tests, and held to the same contract as the confined reader.  Not for strangers' mail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from parsers import read, understand
from parsers.values import ReadingRules, Understanding


class DirectReader:
    """`Reader` without a child."""

    def __init__(self, rules: ReadingRules) -> None:
        self._rules = rules

    def read(self, raw: bytes, now: datetime) -> Understanding:
        rules = replace(self._rules, now=now)
        return understand(read(raw, rules), rules)

    def begin(self, raw: bytes, now: datetime) -> Callable[[], Understanding]:
        return partial(self.read, raw, now)

    def layers(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        """Nothing to end."""
