"""What `check` and `doctor` found: one thing that was looked at, how it is, and how to put right what is not well."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from mailbot.cli.output import as_json as to_json
from mailbot.cli.output import say, visible
from mailbot.errors import MailbotError


class Level(StrEnum):
    """How something is."""

    OK = "ok"
    WARN = "warn"
    """The service works, and somebody should know what it does without, or what waits for them."""
    FAIL = "fail"
    """The service does not work as it should, or will not for long."""


_SHOWN = {Level.OK: "ok  ", Level.WARN: "warn", Level.FAIL: "FAIL"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `fix` says what to do where it is not well."""

    what: str
    level: Level
    said: str
    fix: str = ""
    code: int = os.EX_OK
    """The exit code that a failure ends with."""


def ok(what: str, said: str) -> Finding:
    """It is as it should be."""
    return Finding(what, Level.OK, said)


def warn(what: str, said: str, fix: str = "") -> Finding:
    """It works, and somebody should know."""
    return Finding(what, Level.WARN, said, fix)


def fail(what: str, said: str, fix: str = "", code: int = os.EX_UNAVAILABLE) -> Finding:
    """It does not work."""
    return Finding(what, Level.FAIL, said, fix, code)


def report(findings: Iterable[Finding], *, as_json: bool) -> int:
    """Write every finding as it is made, and how many there were of each level; gives the exit code.

    That is 0, or that of the first failure: a warning is no failure.
    """
    code, counts = os.EX_OK, Counter[Level]()
    for finding in findings:
        counts[finding.level] += 1
        code = code or finding.code
        if as_json:
            told = {"what": finding.what, "level": finding.level, "said": finding.said, "fix": finding.fix}
            say(to_json(told))
        else:
            say(f"{_SHOWN[finding.level]} {finding.what}: {visible(finding.said)}")
            if finding.fix:
                say(f"     fix: {finding.fix}")
    if not as_json:
        say(_summary(counts))
    return code


def _summary(counts: Counter[Level]) -> str:
    warnings, failures = counts[Level.WARN], counts[Level.FAIL]
    return ", ".join(
        (
            f"{counts.total()} looked at: {counts[Level.OK]} ok",
            f"{warnings} {'warning' if warnings == 1 else 'warnings'}",
            f"{failures} {'failure' if failures == 1 else 'failures'}",
        )
    )


def tried(what: str, look: Callable[[], str], fix: str, code: int = os.EX_UNAVAILABLE) -> Finding:
    """What a look says, or the error that it ends with."""
    try:
        return ok(what, look())
    except MailbotError as error:
        return fail(what, str(error), fix, code)
