"""How fast mails are read: ordinary ones, ever larger ones, and monsters.

    python -m bench.parse_speed [FOLDER]     FOLDER: any folder with *.eml, default fixtures/mail

1. Ordinary mails per second after start-up: in one process, `read` and `understand`, and through the confined reader,
   to which as many are sent ahead as the daemon does.
2. Growth of the processor time: each hostile pattern at n, 2n, 4n and 8n; the exponent says how time grows (1 = linear, 2 = square).
   It is taken from the best of three runs at the two largest sizes; on a busy machine it is not sharper than ±0.3.
3. Monsters through the confined reader: seconds, and the largest memory of the parent in MiB.
   (The child cannot pass its limit, and its own count starts with the parent's.)
"""

from __future__ import annotations

import math
import resource
import sys
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from mailbot.adapters.reading.reader import ConfinedReader
from mailbot.turns.ahead import READ_AHEAD
from parsers import ReadingRules, read, understand

ROOT = Path(__file__).resolve().parents[1]
RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)
HEAD = b"From: alice@example.org\nTo: support@testbed.example\nSubject: Re: VM\n"
HTML = HEAD + b"Content-Type: text/html\n\n"
TEXT = HEAD + b"\n"

GROWING: dict[str, Callable[[int], bytes]] = {
    "words": lambda n: TEXT + b"some words and more\n" * n,
    "blank lines": lambda n: TEXT + b" \n" * n + b"approve",
    "quote marks": lambda n: TEXT + b">" * n,
    "quoted lines": lambda n: TEXT + b"> some words\n" * n,
    "On On On": lambda n: TEXT + b"On " * n + b"wrote:",
    "On in lines": lambda n: TEXT + b"On \n" * n,
    "wrote in lines": lambda n: TEXT + b"wrote 2026\n" * n,
    "labels": lambda n: TEXT + b"From: a\n" * n,
    "labels and words": lambda n: TEXT + b"From: a\nx\n" * n,
    "dashes": lambda n: TEXT + b"--- \n" * n,
    "one line of dashes": lambda n: TEXT + b"-" * n,
    "spaces": lambda n: TEXT + b" " * n + b"x",
    "template lines": lambda n: TEXT + b"username: a\nintended usage: b\nexpiration date: c\n" * (n // 20),
    "addresses in a bounce": lambda n: b"From: mailer-daemon@example.org\n\n" + b"a@b.org " * n,
    "delivery reports": lambda n: (
        HEAD + b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
        b"" + b"Final-Recipient: rfc822; a@b.org\nAction: failed\n\n" * (n // 10) + b"--b--\n"
    ),
    "html paragraphs": lambda n: HTML + b"<p>hi" * n,
    "html quotes": lambda n: HTML + b"<blockquote>hi</blockquote>" * (n // 4),
    "html cells": lambda n: HTML + b"<table><tr>" + b"<td>x" * (n // 4),
    "html attributes": lambda n: HTML + b"<a " + b"x=y " * n + b">hi",
    "html less-than": lambda n: HTML + b"<" * n,
    "html styles": lambda n: HTML + b"<p style='" + b"display :" * n + b"'>hi",
    "mojibake": lambda n: TEXT + "Ã©".encode() * n,
    "flowed": lambda n: HEAD + b"Content-Type: text/plain; format=flowed\n\n" + b"a \n" * n,
    "quoted-printable": lambda n: HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=\n" * n,
    "encoded words": lambda n: b"From: a@b.org\nSubject: " + b"=?utf-8?q?=41?= " * min(n // 20, 900) + b"\n\nhi",
    "addresses": lambda n: HEAD + b"Cc: " + b"a@b.c," * min(n // 10, 2_500) + b"\n\nhi",
    "open comments": lambda n: HEAD + b"Cc: " + b"(" * min(n // 2, 16_000) + b"\n\nhi",
}
SIZES = (4_000, 8_000, 16_000, 32_000)

MONSTERS: dict[str, Callable[[], bytes]] = {
    "100 MB": lambda: TEXT.ljust(100_000_000, b"x"),
    "31 MB in one line": lambda: TEXT.ljust(31_000_000, b"x"),
    "31 MB of attachment": lambda: (
        HEAD
        + b"Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\n"
        + b"QUJD" * 19 * 400_000
    ),
    "30 million empty lines": lambda: TEXT.ljust(30_000_000, b"\n"),
    "10,000 levels": lambda: (
        HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(10_000))
    ),
    "39 levels, many lines": lambda: (
        HEAD
        + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(39))
        + b"--hello\n" * 300_000
    ),
    "100,000 parts": lambda: HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
    "100,000 fields": lambda: HEAD + b"X: y\n" * 100_000 + b"\n",
    "50,000 cells": lambda: HTML + b"<table><tr>" + b"<td>x" * 50_000,
    "70,000 quotes": lambda: HTML + b"<blockquote>hi</blockquote>" * 70_000,
    "400,000 divs": lambda: HTML + b"<div>" * 400_000,
}


def judge(raw: bytes) -> None:
    understand(read(raw, RULES), RULES)


def ordinary(folder: Path) -> None:
    raws = [path.read_bytes() for path in sorted(folder.glob("**/*.eml"))]
    if not raws:
        sys.exit(f"There is no mail (*.eml) in {folder} to be read.")
    for raw in raws[:50]:
        judge(raw)
    times = []
    for raw in raws:
        started = time.perf_counter()
        judge(raw)
        times.append(time.perf_counter() - started)
    times.sort()
    rate, median, worst = len(raws) / sum(times), times[len(times) // 2], times[-1]
    print(
        f"ordinary: {len(raws)} mails of {sum(map(len, raws)) / len(raws) / 1e3:.1f} kB, {rate:.0f} mails/s, "
        f"median {median * 1e3:.1f} ms, slowest {worst * 1e3:.0f} ms"
    )
    print(f"through the confined reader: {max(confined(raws) for _ in range(3)):.0f} mails/s, the best of three\n")


def confined(raws: list[bytes]) -> float:
    """Mails per second, none of which is waited for before the next ones are there to be read."""
    with ConfinedReader(RULES) as reader:
        for raw in raws[:50]:
            reader.read(raw, RULES.now)
        started = time.perf_counter()
        answers: deque[Callable[[], object]] = deque()
        for raw in raws:
            answers.append(reader.begin(raw, RULES.now))
            if len(answers) > READ_AHEAD:
                answers.popleft()()
        while answers:
            answers.popleft()()
        return len(raws) / (time.perf_counter() - started)


def best_of_three(raw: bytes) -> float:
    found = math.inf
    for _ in range(3):
        started = time.process_time()
        judge(raw)
        found = min(found, time.process_time() - started)
    return found


def growth() -> None:
    print(f"{'pattern':24}" + "".join(f"{size:>10,}" for size in SIZES) + f"{'exponent':>10}   (milliseconds)")
    worst = 0.0
    for name, make in GROWING.items():
        times = [best_of_three(make(size)) for size in SIZES]
        exponent = math.log2(times[-1] / times[-2])
        worst = max(worst, exponent)
        print(f"{name:24}" + "".join(f"{seconds * 1e3:>10.1f}" for seconds in times) + f"{exponent:>10.2f}")
    print(f"largest exponent {worst:.2f}\n")


def monsters() -> None:
    print(f"{'monster':24}{'seconds':>10}  outcome")
    with ConfinedReader(RULES) as reader:
        for name, make in MONSTERS.items():
            raw = make()
            started = time.perf_counter()
            understood = reader.read(raw, RULES.now)
            print(f"{name:24}{time.perf_counter() - started:>10.2f}  {understood.kind}: {understood.why}")
            del raw
    parent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"largest memory of the parent, which holds the mail: {parent:.0f} MiB; the child may map at most 200 MiB")


if __name__ == "__main__":
    ordinary(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "fixtures" / "mail")
    growth()
    monsters()
