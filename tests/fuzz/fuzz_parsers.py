"""A coverage-guided fuzz target for the parsers: any bytes in, an `Understanding` out, never an exception.

Two engines drive the same target, `one_mail`:

    python -m tests.fuzz.fuzz_parsers --seconds 3600        the one below: no dependency, any Python
    python -m tests.fuzz.fuzz_parsers --atheris --seconds 3600   libFuzzer, after `pip install atheris` (x86-64)

The engine below keeps an input when it reaches a line of `parsers/` that none before it reached, and
mutates what it kept.  A crash is written to `crash-<sha1>.eml` in the working directory.
`read` turns unforeseen exceptions into `Unreadable`; here those count as crashes too, because behind
each stands a line that somebody did not think of.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from parsers import ReadingRules, Unreadable, read, understand

ROOT = Path(__file__).parents[2]
RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)
PARSERS = str(ROOT / "parsers")
TOKENS = (
    b"From: a@b.org\n|Content-Type: text/html\n\n|Content-Type: multipart/mixed; boundary=b\n\n--b\n|charset=utf-16|=?utf-8?b?|>>>"
    b"|<blockquote>|</div>|username:|intended usage:|expiration date:|approve until |deny |On 2026 a@b.c wrote:\n|-- \n|\r\n\r\n|\0|\xff\xfe"
    b"|Auto-Submitted: auto-replied\n|message/delivery-status|Final-Recipient: rfc822; |format=flowed|base64|=\n|end of March 2027|18 months"
).split(b"|")

Seen = set[tuple[CodeType, int]]


class Found(Exception):
    """An input that the parsers did not foresee."""


def one_mail(raw: bytes) -> None:
    """The target.  Raises whatever escapes, and Found where an unforeseen exception was caught inside."""
    understood = understand(read(raw, RULES), RULES)
    meaning = understood.meaning
    if isinstance(meaning, Unreadable) and meaning.why.startswith(
        ("It could not be parsed", "It could not be understood")
    ):
        raise Found(meaning.why)


def seeds() -> list[bytes]:
    """The project's own mails, small ones first."""
    return sorted((path.read_bytes() for path in (ROOT / "fixtures" / "mail").glob("*/*.eml")), key=len)


def mutated(raw: bytes, chance: random.Random, pool: list[bytes]) -> bytes:
    """One to six small changes: bytes, tokens, repeats, pieces of another mail."""
    data = bytearray(raw)
    for _ in range(chance.randint(1, 6)):
        at, size = chance.randrange(len(data) + 1), chance.randrange(24)
        match chance.randrange(5):
            case 0:
                data[at : at + size] = chance.randbytes(chance.randrange(4))
            case 1:
                data[at:at] = chance.choice(TOKENS)
            case 2:
                data[at:at] = data[max(0, at - size) : at] * chance.randint(1, 8)
            case 3:
                other = chance.choice(pool)
                start = chance.randrange(len(other) + 1)
                data[at:at] = other[start : start + chance.randrange(300)]
            case _:
                data[at : at + 1] = bytes([chance.choice(b'\n\r:;"<>=?()@\\-, ')])
    return bytes(data[:16_384])


def covered(raw: bytes) -> Seen:
    """The lines of `parsers/` that one mail reaches.  Raises what the target raises."""
    reached: Seen = set()

    def lines(frame: FrameType, event: str, _argument: object) -> Callable[..., object] | None:
        if event == "line":
            reached.add((frame.f_code, frame.f_lineno))
        return lines

    def calls(frame: FrameType, _event: str, _argument: object) -> Callable[..., object] | None:
        return lines if frame.f_code.co_filename.startswith(PARSERS) else None

    before = sys.gettrace()
    sys.settrace(calls)
    try:
        one_mail(raw)
    finally:
        sys.settrace(before)
    return reached


def fuzz(*, rounds: int | None, seconds: float | None, seed: int, start: list[bytes]) -> tuple[int, int, int]:
    """Run until rounds or seconds are over; gives rounds run, inputs kept, lines reached.  Raises on a crash."""
    chance = random.Random(seed)
    kept, seen = list(start), set[tuple[CodeType, int]]()
    for raw in start:
        seen |= covered(raw)
    until = time.monotonic() + seconds if seconds is not None else None
    done = 0
    while (rounds is None or done < rounds) and (until is None or time.monotonic() < until):
        raw = mutated(chance.choice(kept), chance, kept)
        done += 1
        try:
            reached = covered(raw)
        except Exception:
            name = f"crash-{hashlib.sha1(raw, usedforsecurity=False).hexdigest()}.eml"
            Path(name).write_bytes(raw)
            raise
        if not reached <= seen:
            seen |= reached
            kept.append(raw)
    return done, len(kept) - len(start), len(seen)


def with_atheris(seconds: int) -> None:
    """The same target under libFuzzer; never returns."""
    atheris: Any = import_module("atheris")  # no dependency of the project
    with atheris.instrument_imports(include=["parsers"]):
        for name in [name for name in sys.modules if name.split(".")[0] == "parsers"]:
            del sys.modules[name]
        message, understanding = import_module("parsers.mail.message"), import_module("parsers.understanding")

    def target(raw: bytes) -> None:
        understanding.understand(message.read(raw, RULES), RULES)

    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-max_len=16384"], target)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", action="store_true")
    chosen = parser.parse_args()
    if chosen.atheris:
        with_atheris(chosen.seconds)
    done, kept, lines = fuzz(rounds=None, seconds=chosen.seconds, seed=chosen.seed, start=seeds())
    print(f"{done} mails, {kept} of them reached new lines, {lines} lines reached, no crash")


if __name__ == "__main__":
    main()
