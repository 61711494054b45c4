"""How fast requests and dates are read, and that hostile text costs no more than its length: `python bench/request_reading.py`.

The second table grows each hostile text by two: a time that more than doubles each step would be super-linear.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from parsers.dates import read_date
from parsers.dates.reading import LONGEST_TEXT
from parsers.request.reading import find_request
from parsers.values import Address, Mail, ReadingRules

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, tzinfo=UTC), timezone=UTC)
SUBJECT = "Persistent Virtual Machine Creation"
REQUEST = (
    "Hello,\n\nusername: bob\n\nintended usage: A runner for the integration of our scheduler.\n"
    "I need 40 GB because one trace has 30 GB.\n\nexpiration date: 31 March 2027\n\n-- \nBob\n"
)
DATES = ("2027-03-31", "31 March 2027", "end of March 2027", "in 18 months", "until 31 March 2027 (end of internship)")
HOSTILE = (
    "username: a\n", "> username: a\n", "intended usage: x\n", "intended usage: I need 40 GB\n", "usernmae: a\n", "From: a\nTo: b\n",
    "<Fill with your ", "<", "> ", "*", "-", " ", "\t", "|", "(", ":", "a@", "40 GB because ", "I need disk ", "username intended usage: ",
    "\n", "31 March ", "to ",
)  # fmt: skip
SIZES = (50_000, 100_000, 200_000, 400_000)


def a_mail(text: str, subject: str = SUBJECT) -> Mail:
    return Mail("", len(text), None, Address("bob@example.org"), subject, text=text)


def milliseconds(work: Callable[[], object], rounds: int = 1) -> float:
    started = time.process_time()
    for _ in range(rounds):
        work()
    return (time.process_time() - started) * 1000 / rounds


def main() -> None:
    print(f"a request            {milliseconds(lambda: find_request(a_mail(REQUEST), RULES), 500):8.3f} ms")
    other = a_mail("I approve of this.\n" * 200, "Re: something else")
    print(f"another mail         {milliseconds(lambda: find_request(other, RULES), 500):8.3f} ms")
    for text in DATES:
        print(f"{text[:20]:20} {milliseconds(lambda text=text: read_date(text, RULES), 500):8.3f} ms")
    print(f"\nhostile text, ms by size: {'  '.join(f'{size:>8}' for size in SIZES)}")
    slowest = 0.0
    for piece in HOSTILE:
        texts = [f"intended usage: {piece * (size // len(piece))}" for size in SIZES]
        times = [milliseconds(lambda text=text: find_request(a_mail(text), RULES)) for text in texts]
        slowest = max(slowest, *times)
        print(f"{piece[:24]!r:26}{'  '.join(f'{one:8.1f}' for one in times)}")
    dates = [
        milliseconds(lambda piece=piece: read_date((piece * LONGEST_TEXT)[:LONGEST_TEXT], RULES)) for piece in HOSTILE
    ]
    print(f"\nslowest mail {slowest:.0f} ms; slowest date text of {LONGEST_TEXT} characters {max(dates):.1f} ms")


if __name__ == "__main__":
    main()
