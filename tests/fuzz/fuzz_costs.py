"""A fuzz target that looks for time and memory: mails that are small and cost much.

    python -m tests.fuzz.fuzz_costs --seconds 3600

A piece of a mail of the project is repeated until the mail is large, and read in a process of its own, of which the kernel
counts processor time and memory.  The costliest so far are what the next ones are made of.  A mail beyond the limits is
written to `costly-<sha1>.eml` in the working directory, and the run ends with an error.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.fuzz_parsers import TOKENS, one_mail, seeds

SIZE = 300_000
KEPT = 40
PIECES = (
    *TOKENS,
    *(
        b"<table><tr><td>",
        b"<br>",
        b"<td>",
        b"<td>" + b"w" * 500,
        b"<p style='color:#fff'>",
        b".a{display:none}",
        b"<style>",
        b"</style>",
    ),
    *(
        b"; a=b",
        b'\\"',
        b"(",
        b"=?utf-8?q?a?= ",
        b"a@b.c, ",
        b"\n ",
        b"<ul><li>",
        b"style='font:",
        b"&#8203;",
        b"| a | b |\n",
    ),
)


@dataclass(frozen=True, order=True)
class Cost:
    """Processor seconds and MiB above an empty reading; `ended` where the kernel ended it."""

    seconds: float
    mib: float
    ended: bool = False


@dataclass(frozen=True)
class Limits:
    """What one mail may cost."""

    seconds: float = 1.8
    mib: float = 160.0

    def broken_by(self, cost: Cost) -> bool:
        return cost.ended or cost.seconds > self.seconds or cost.mib > self.mib


def resident_kib() -> int:
    """Memory of this process that is resident now, KiB (proc(5), statm)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def cost_of(raw: bytes, limits: Limits, target: Callable[[bytes], None] = one_mail) -> Cost:
    """What one mail costs, in a process of its own; an exception of the target is none of this run's business."""
    before = resident_kib()  # what is resident now, not the peak: a forked process begins with this
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (int(limits.seconds) + 1, int(limits.seconds) + 2))
        try:
            target(raw)
        finally:
            os._exit(0)
    _, status, used = os.wait4(child, 0)
    return Cost(used.ru_utime + used.ru_stime, max(0, used.ru_maxrss - before) / 1024, os.WIFSIGNALED(status))


def grown(raw: bytes, chance: random.Random) -> bytes:
    """A mail with one to three of its places filled: with a piece of itself, or of the list, repeated."""
    data = bytes(raw)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data) + 1)
        own = data[max(0, at - chance.randint(1, 60)) : at] or b" "
        piece = b"".join(chance.choice((own, *PIECES)) for _ in range(chance.randint(1, 3)))
        data = data[:at] + piece * (chance.choice((200, 4_000, 60_000, SIZE)) // len(piece)) + data[at:]
    return data[: 3 * SIZE]


def fuzz(
    *, rounds: int | None, seconds: float | None, seed: int, limits: Limits, target: Callable[[bytes], None] = one_mail
) -> tuple[int, Cost]:
    """Run until rounds or seconds are over; gives how many were read, and the costliest.  Raises AssertionError beyond the limits."""
    chance = random.Random(seed)
    start = [raw for raw in seeds() if len(raw) < 8_000]
    kept: list[tuple[Cost, bytes]] = []
    until = time.monotonic() + seconds if seconds is not None else None
    done = 0
    while (rounds is None or done < rounds) and (until is None or time.monotonic() < until):
        base = chance.choice(kept)[1] if kept and chance.random() < 0.3 else chance.choice(start)
        raw = grown(base, chance)
        cost = cost_of(raw, limits, target)
        done += 1
        if limits.broken_by(cost):
            name = f"costly-{hashlib.sha1(raw, usedforsecurity=False).hexdigest()}.eml"
            Path(name).write_bytes(raw)
            raise AssertionError(f"{name}: {cost}")
        kept = sorted([*kept, (cost, raw[: 2 * SIZE])], key=lambda one: one[0], reverse=True)[:KEPT]
    return done, kept[0][0] if kept else Cost(0, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    done, most = fuzz(rounds=None, seconds=chosen.seconds, seed=chosen.seed, limits=Limits())
    print(f"{done} mails; the costliest took {most.seconds:.2f} s of processor time and {most.mib:.0f} MiB")


if __name__ == "__main__":
    main()
