"""What the daemon's log says about the machine that the demonstration waits for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# One postponement may pass by itself; a second one has a cause that a person must look at.
POSTPONED_AT_MOST = 1
_FIELD = re.compile(r' {2}(\w+)=("(?:[^"\\]|\\.)*"|\S+)')


@dataclass(frozen=True, slots=True)
class Waiting:
    """`last` is what was waited for last, "" before anything was; `postponed` holds a reason for each postponement."""

    last: str
    postponed: tuple[str, ...]

    @property
    def hopeless(self) -> bool:
        return len(self.postponed) > POSTPONED_AT_MOST


def read(log: str) -> Waiting:
    """Read the daemon's log in its console format; lines of other events say nothing here."""
    last, postponed = "", []
    for event, fields in _lines(log):
        if event == "machine_progress":
            last = fields["waiting_for"]
        elif event == "machine_postponed":
            postponed.append(fields["why"])
            last = f"another try, because of: {fields['why']}"
    return Waiting(last, tuple(postponed))


def _lines(log: str) -> Iterator[tuple[str, dict[str, str]]]:
    for line in log.splitlines():
        head, _, _ = line.partition("  action=")
        fields = {name: _plain(value) for name, value in _FIELD.findall(line)}
        yield head.rpartition(" ")[2], fields


def _plain(value: str) -> str:
    return value[1:-1].replace('\\"', '"') if value.startswith('"') else value
