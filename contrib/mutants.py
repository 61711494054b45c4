"""Changes one thing in the core at a time and looks whether a test notices: `make mutants` (see docs/mutants.md).

1. Every place where a comparison, sum, `and`, `not`, condition, number or truth value could be another one is a mutant.
2. A sample of them is drawn by a seed, so that it can be drawn again; `--all` takes every one.
3. Once, all tests are run to see which lines of the core each of them executes, and how long it takes.
4. Each mutant meets the tests that execute its line, until one fails (contrib/mutant_trials.py).
5. What no test notices has survived: it is printed with its place.  The exit status is 1 where fewer than `--least` per cent were killed.

Results are kept in `.mutants/`: what was killed stays so until its file changes, so a run that was ended goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys

from contrib.mutant_trials import Trials, statement_of
from contrib.mutations import ROOT, Mutant, chosen

TESTS = (
    *("tests/unit", "tests/flow", "tests/threats", "tests/property"),
    *("tests/contract/test_store.py", "tests/contract/test_store_letter_brake.py", "tests/contract/test_reading.py"),
)
RESULTS = ROOT / ".mutants" / "results.jsonl"


def rows() -> list[dict[str, str]]:
    """What this and earlier runs found, oldest first: `key` and `change` of a mutant, and the test that killed it."""
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]


def tell(mutant: Mutant, killer: str) -> None:
    """Prints and keeps what one trial has come to."""
    print(f"{'killed  ' if killer else 'SURVIVED'} {mutant}", flush=True)
    with RESULTS.open("a", encoding="utf-8") as results:
        row = {"key": mutant.key, "change": mutant.change, "killer": killer}
        results.write(json.dumps(row) + "\n")


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", nargs="+", default=[""], help="only files whose path has one of these in it")
    parser.add_argument("--least", type=float, default=97.0, help="per cent that must be killed")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="files and folders of tests to run")
    parser.add_argument("--seconds", type=float, default=60.0, help="of tests that a mutant meets at the most")
    parser.add_argument("--jobs", type=int, default=2, help="mutants that are tried side by side")
    parser.add_argument(
        "--quick", action="store_true", help="without what is made at import, which takes a process each"
    )
    parser.add_argument("--again", action="store_true", help="also those that were killed before")
    arguments = parser.parse_args()
    mutants = chosen(None if arguments.all else arguments.sample, arguments.seed, arguments.only)
    RESULTS.parent.mkdir(exist_ok=True)
    mutants = [one for one in mutants if not arguments.quick or statement_of(one) is not None]
    tried = {row["key"]: row["killer"] for row in rows()}
    noticed = {row["change"]: row["killer"] for row in rows() if row["killer"]}
    left = [one for one in mutants if not tried.get(one.key) or arguments.again]
    Trials(RESULTS.parent, arguments.tests, arguments.seconds, arguments.jobs, noticed, tell).run(left)
    killers = {row["key"]: row["killer"] for row in rows()}
    survivors = [one for one in mutants if not killers[one.key]]
    share = 100 * (1 - len(survivors) / max(len(mutants), 1))
    print(*survivors, sep="\n")
    print(f"{len(mutants)} mutants, {len(survivors)} survived, {share:.1f} % killed")
    return 0 if share >= arguments.least else 1


if __name__ == "__main__":
    sys.exit(main())
