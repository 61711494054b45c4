"""How long one letter takes, text and HTML and all its headers: `python -m bench.letters [rounds]`."""

from __future__ import annotations

import sys
import time

from mailbot.letters.compose import compose
from tests.trying import SAMPLES, SETTINGS


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    samples = SAMPLES
    started = time.perf_counter()
    for sample in samples:
        compose(sample.item, sample.ticket, SETTINGS, sample.now)
    print(
        f"first of each of {len(samples)} letters, templates compiled: {(time.perf_counter() - started) * 1000:.0f} ms"
    )
    slowest: list[tuple[float, str]] = []
    busy = 0.0
    for sample in samples:
        before = time.process_time()
        for _ in range(rounds):
            compose(sample.item, sample.ticket, SETTINGS, sample.now)
        spent = time.process_time() - before
        busy += spent
        slowest.append((spent / rounds * 1000, sample.name))
    print(f"mean of {rounds * len(samples)} letters: {busy / rounds / len(samples) * 1000:.2f} ms of CPU each")
    for milliseconds, name in sorted(slowest, reverse=True)[:5]:
        print(f"  {milliseconds:.2f} ms  {name}")


if __name__ == "__main__":
    main()
