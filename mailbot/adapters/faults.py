"""What shall go wrong in a stand-in, and when."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailbot.errors import MailServerUnavailable


@dataclass(slots=True)
class _Fault:
    operation: str
    error: Exception
    after: int
    times: int


@dataclass(slots=True)
class Faults:
    """What shall go wrong, and when.  Operations are named like the methods (`fetch` counts each mail)."""

    planned: list[_Fault] = field(default_factory=list)

    def plan(self, operation: str, error: Exception | None = None, *, after: int = 0, times: int = 1) -> None:
        """Let the operation fail `times` times, once it has gone well `after` times."""
        self.planned.append(_Fault(operation, error or MailServerUnavailable("the server went away"), after, times))

    def check(self, operation: str) -> None:
        for fault in self.planned:
            if fault.operation != operation or fault.times == 0:
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.times -= 1
            raise fault.error
