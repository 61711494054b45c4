"""docs/threats.md and the tests say the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "threats.md"
ROWS = 42
_ROW = re.compile(r"^\| (\d+) \|.*\| ([^|]+) \|$", re.MULTILINE)


def _named() -> dict[int, list[str]]:
    """The tests of each row."""
    text = DOCUMENT.read_text(encoding="utf-8")
    return {int(number): re.findall(r"`([^`]+)`", cell) for number, cell in _ROW.findall(text)}


def _tests(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def _exists(name: str) -> bool:
    file, _, test = name.partition("::")
    path = ROOT / file
    if not test:
        return path.suffix == ".md" and path.parent == ROOT / "fixtures" / "conversations" and path.is_file()
    return path.is_file() and test in _tests(path)


def test_every_row_has_a_test_that_exists() -> None:
    named = _named()
    assert sorted(named) == list(range(1, ROWS + 1))
    assert [number for number, tests in named.items() if not tests] == []
    assert [name for tests in named.values() for name in tests if not _exists(name)] == []


def test_every_test_of_threats_stands_in_the_document() -> None:
    named = {name for tests in _named().values() for name in tests}
    mine = Path(__file__).name
    there = {
        f"tests/threats/{file.name}::{test}"
        for file in Path(__file__).parent.glob("test_*.py")
        if file.name != mine
        for test in _tests(file)
    }
    assert there - named == set()
    assert len(there) > 20
