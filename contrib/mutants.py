"""Changes one thing in the core at a time and looks whether a test notices: `make mutants` (see docs/mutants.md).

1. Every place where a comparison, sum, `and`, `not`, condition, number or truth value could be another one is a mutant.
2. A sample of them is drawn by a seed, so that it can be drawn again; `--all` takes every one.
3. Each is written into a copy of the checkout, and the tests run there until one fails: first the quick ones, then the rest.
4. What no test notices has survived: it is printed with its place.  The exit status is 1 where fewer than `--least` per cent were killed.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("mailbot/lifecycle", "mailbot/trust", "mailbot/turns", "mailbot/tokens.py", "mailbot/policy.py")
COPIED = ("mailbot", "parsers", "provisioner", "migrations", "templates_email", "tests", "fixtures", "contrib", "docs")
STAGES = (
    tuple(
        f"tests/unit/test_{name}.py"
        for name in (
            *("lifecycle", "extension", "lease", "notice", "commands", "policy", "tokens", "trust", "letter_brake"),
            *("brake", "bounces", "operator", "outlook"),
        )
    ),
    ("tests/flow/test_conversations.py", "tests/threats", "tests/contract/test_store_letter_brake.py"),
    ("tests/flow", "tests/property/test_life.py", "tests/property/test_lease_life.py", "tests/property/test_offers.py"),
)
"""Tests that run for a mutant, stage after stage until one fails."""
LONGEST_SECONDS = 300
"""A mutant that makes the tests run so long is noticed too."""

_OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the file, the line, the source before and after of what changed, and the whole file's new text."""

    file: str
    line: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.before}  ->  {self.after}"


def mutants_of(file: Path, root: Path = ROOT) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    source = file.read_text(encoding="utf-8")
    number = 0
    while True:
        tree = ast.parse(source)
        change = _Change(number)
        changed = change.visit(tree)
        if not change.made:
            return
        number += 1
        line, before, after = change.made
        yield Mutant(str(file.relative_to(root)), line, before, after, ast.unparse(ast.fix_missing_locations(changed)))


class _Change(ast.NodeTransformer):
    """Makes the change of that number; annotations and docstrings are left alone."""

    def __init__(self, number: int) -> None:
        self.left = number
        self.made: tuple[int, str, str] | None = None

    def visit(self, node: ast.AST) -> ast.AST:
        """Depth first, one change in all."""
        if self.made is None:
            for other in _others(node):
                if self.left == 0:
                    line = getattr(node, "lineno", 0)
                    self.made = (line, ast.unparse(node)[:120], ast.unparse(ast.fix_missing_locations(other))[:120])
                    return other
                self.left -= 1
        return self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Everything below a node but its annotations."""
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "decorator_list"} or isinstance(node, ast.ImportFrom | ast.Import):
                continue
            if isinstance(value, list):
                setattr(node, name, [self.visit(one) if isinstance(one, ast.AST) else one for one in value])
            elif isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))
        return node


def _others(node: ast.AST) -> Iterator[ast.AST]:
    """What could stand there instead."""
    match node:
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            for at, operator in enumerate(ops):
                if type(operator) in _OTHER:
                    yield ast.copy_location(
                        ast.Compare(left, [*ops[:at], _OTHER[type(operator)](), *ops[at + 1 :]], comparators), node
                    )
        case ast.BoolOp(op=operator, values=values):
            yield ast.copy_location(ast.BoolOp(_OTHER[type(operator)](), values), node)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OTHER:
            yield ast.copy_location(ast.BinOp(left, _OTHER[type(operator)](), right), node)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Constant(value=bool() as truth):
            yield ast.copy_location(ast.Constant(not truth), node)
        case ast.Constant(value=int() as number):
            yield ast.copy_location(ast.Constant(number + 1), node)
        case (
            ast.If(test=ast.Name() | ast.Attribute() | ast.Call())
            | ast.IfExp(test=ast.Name() | ast.Attribute() | ast.Call())
        ):
            other = type(node)(**dict(ast.iter_fields(node)))
            other.test = ast.UnaryOp(ast.Not(), node.test)
            yield ast.copy_location(other, node)
        case _:
            return


def is_noticed(mutant: Mutant, tree: Path, stages: int) -> bool:
    """Whether a test fails in the copy of the checkout while the mutant is in it."""
    file = tree / mutant.file
    original = file.read_text(encoding="utf-8")
    file.write_text(mutant.text, encoding="utf-8")
    try:
        return any(not passes(tree, stage) for stage in STAGES[:stages])
    finally:
        file.write_text(original, encoding="utf-8")


def passes(tree: Path, tests: Sequence[str]) -> bool:
    """Whether those tests pass in the copy."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree)}
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, timeout=LONGEST_SECONDS, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def copy_of_checkout(folder: Path) -> Path:
    """The parts of the checkout that tests need."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "Makefile"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def chosen(sample: int | None, seed: int, only: str = "") -> list[Mutant]:
    """The mutants to try: so many of them as the seed draws them, None for all; of files whose path has `only` in it."""
    files = [file for place in PLACES for file in sorted((ROOT / place).rglob("*.py")) or [ROOT / place]]
    every = [mutant for file in files if only in str(file.relative_to(ROOT)) for mutant in mutants_of(file)]
    return every if sample is None else random.Random(seed).sample(every, min(sample, len(every)))


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="", help="only files whose path has this in it")
    parser.add_argument("--least", type=float, default=90.0, help="per cent that must be killed")
    parser.add_argument("--stages", type=int, default=len(STAGES), help="how many of the stages of tests to run")
    arguments = parser.parse_args()
    mutants = chosen(None if arguments.all else arguments.sample, arguments.seed, arguments.only)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = copy_of_checkout(Path(folder))
        if not all(passes(tree, stage) for stage in STAGES[: arguments.stages]):
            print("the tests fail without any mutant", file=sys.stderr)
            return 2
        survived = 0
        for number, mutant in enumerate(mutants, start=1):
            noticed = is_noticed(mutant, tree, arguments.stages)
            survived += not noticed
            print(f"{number}/{len(mutants)} {'killed  ' if noticed else 'SURVIVED'} {mutant}", flush=True)
    killed = 100 * (len(mutants) - survived) / max(len(mutants), 1)
    print(f"{len(mutants)} mutants, {survived} survived, {killed:.1f} % killed")
    return 0 if killed >= arguments.least else 1


if __name__ == "__main__":
    sys.exit(main())
