"""What `check` and `doctor` found: one thing that was looked at, how it is, and how to put right what is not well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from mailbot.cli.output import as_json as to_json
from mailbot.cli.output import say, visible


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `mend` says what to do where it is not well."""

    what: str
    well: bool
    said: str
    mend: str = ""
    code: int = os.EX_UNAVAILABLE


def report(findings: Iterator[Finding], *, as_json: bool) -> int:
    """Write every finding as it is made; gives the exit code: 0, or that of the first that is not well."""
    code = os.EX_OK
    for finding in findings:
        code = code or (os.EX_OK if finding.well else finding.code)
        if as_json:
            told = {"what": finding.what, "well": finding.well, "said": finding.said, "mend": finding.mend}
            say(to_json(told))
        else:
            say(f"{'ok  ' if finding.well else 'BAD '} {finding.what}: {visible(finding.said)}")
            if finding.mend and not finding.well:
                say(f"     fix: {finding.mend}")
    return code
