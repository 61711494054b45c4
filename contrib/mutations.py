"""What could be another thing in the core: every place where a comparison, sum, `and`, `not`, condition, number or truth value stands."""

from __future__ import annotations

import ast
import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("mailbot/lifecycle", "mailbot/trust", "mailbot/turns", "mailbot/tokens.py", "mailbot/policy.py")

_OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the file (from the root of the checkout), its source, which of its changes, where, and the source before and after."""

    file: str
    source: str
    number: int
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.before}  ->  {self.after}"

    @property
    def key(self) -> str:
        """The same for the same change to the same file."""
        return f"{self.file} {state_of(self.source)} {self.number}"

    @property
    def change(self) -> str:
        """The same wherever in its file it stands."""
        return f"{self.file}: {self.before}  ->  {self.after}"

    def tree(self) -> ast.Module:
        """The whole file with this change, every other line where it was."""
        tree = ast.parse(self.source)
        for number, place in enumerate(_places(tree)):
            if number == self.number:
                place.change()
                break
        return ast.fix_missing_locations(tree)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a tree something could be something else: `parent.field`, or `parent.field[at]`."""

    parent: ast.AST
    field: str
    at: int | None
    node: ast.AST
    other: ast.AST

    def change(self) -> None:
        if self.at is None:
            setattr(self.parent, self.field, self.other)
        else:
            getattr(self.parent, self.field)[self.at] = self.other


def state_of(source: str) -> str:
    """A short name for the text of a file."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def mutants_of(file: Path, root: Path = ROOT) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    source = file.read_text(encoding="utf-8")
    for number, place in enumerate(_places(ast.parse(source))):
        line = getattr(place.node, "lineno", 0)
        before, after = (ast.unparse(one).partition("\n")[0][:160] for one in (place.node, place.other))
        yield Mutant(str(file.relative_to(root)), source, number, line, before, after)


def _places(parent: ast.AST) -> Iterator[_Place]:
    """Depth first; annotations and imports are left alone."""
    if isinstance(parent, ast.ImportFrom | ast.Import):
        return
    for field, value in ast.iter_fields(parent):
        if field in {"annotation", "returns", "decorator_list"}:
            continue
        children = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for at, child in children:
            if isinstance(child, ast.AST):
                yield from (_Place(parent, field, at, child, other) for other in _others(child))
                yield from _places(child)


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
            other.test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
            yield ast.copy_location(other, node)
        case _:
            return


def core_files() -> list[Path]:
    """The files that are changed."""
    return [file for place in PLACES for file in sorted((ROOT / place).rglob("*.py")) or [ROOT / place]]


def chosen(sample: int | None, seed: int, only: Sequence[str] = ("",)) -> list[Mutant]:
    """The mutants to try: so many of them as the seed draws them, None for all; of files whose path has one of `only` in it."""
    files = [file for file in core_files() if any(one in str(file.relative_to(ROOT)) for one in only)]
    every = [mutant for file in files for mutant in mutants_of(file)]
    return every if sample is None else random.Random(seed).sample(every, min(sample, len(every)))
