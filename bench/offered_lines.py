"""Whole lives whose people answer with the lines that letters offer: how many lines were tried, and how many refused.

Run from the checkout: `python -m bench.offered_lines` (`--lives 1000`, `--seed 1`).
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter

from tests.offered import OfferedLife


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--lives", type=int, default=1000)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    started, tried, refused = time.perf_counter(), 0, 0
    letters: set[str] = set()
    ends: Counter[str] = Counter()
    for number in range(given.lives):
        life = OfferedLife(random.Random(f"{given.seed}:{number}"))
        life.lives()
        tried, refused = tried + life.tried, refused + len(life.refused)
        letters |= life.offering
        ends[life.ticket.state] += 1
        for line in life.refused[:3]:
            print(f"life {number}: {line}")
    print(
        f"{given.lives} lives in {time.perf_counter() - started:.0f} s, of {len(letters)} letters that offer something"
    )
    print(
        f"{tried} lines tried, {refused} refused; ends: {', '.join(f'{n} {state}' for state, n in ends.most_common())}"
    )


if __name__ == "__main__":
    main()
