"""The parts without servers pass on other days too: no test may depend on the day on which it is run.

`make test` runs one such day, with the first case of each test; `make test-dates` all days and all cases. What depends on
the day is the code of a test or of the program, and hardly ever a value among its cases.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ALL = bool(os.environ.get("MAILBOT_ALL_DATES"))
PURE = ("tests/unit", "tests/flow", "tests/property", "tests/threats", "tests/test_readme.py")
DAYS = {
    "a leap day, shortly before midnight": "2028-02-29T23:30+00:00",
    "half a year later": "2027-06-01T12:00+00:00",
    "the night in which an hour is left out": "2027-03-28T00:59+00:00",
    "the night in which an hour comes twice": "2027-10-31T00:59+00:00",
}


@pytest.mark.long
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("day", DAYS if ALL else list(DAYS)[:1])
def test_the_parts_without_servers_pass_on_another_day(day: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-x",
        "-p",
        "no:cacheprovider",
        "--today",
        DAYS[day],
        *(() if ALL else ("--one-of-each",)),
        *PURE,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
