"""Runs the tests that can notice a mutant, the nearest first, until one of them fails.

pytest reads all tests once, in one process, which is then forked for each mutant: the child changes the code of the living functions
and runs the items.  What a module does while it is imported (a constant, a table, a default) cannot be changed afterwards: such a mutant
gets a process in which nothing of the program is imported yet, and which reads only the files of the tests it needs.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import gc
import hashlib
import importlib.machinery
import importlib.util
import itertools
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType

import pytest

from contrib.mutations import ROOT, Mutant, core_files, state_of

OPTIONS = (
    *("-q", "-q", "-s", "--tb=no", "--no-header", "--no-summary", "-p", "no:cacheprovider", "-n", "0"),
    *("--hypothesis-seed=0", "-o", "timeout=60", "-k", "not postgresql"),
)
LONGEST_TEST_SECONDS = 5.0
"""A test that took longer is left out: it would be run for too many mutants."""
LARGEST_BYTES = 8 << 30
"""A mutant that collects things for ever is ended here."""


@dataclass(slots=True)
class Seen:
    """What the tests execute: the seconds of each, and for each file and line of the core the tests that came there.

    `sources` are the texts of the files as they were then, as `Mutant.state` has them.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    lines: defaultdict[str, defaultdict[int, list[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def add(self, test: str, seconds: float, places: Iterable[tuple[str, int]]) -> None:
        """One test, and the files and lines that it executed."""
        self.seconds[test] = seconds
        for file, line in places:
            self.lines[file][line].append(test)

    def write(self, file: Path) -> None:
        text = json.dumps({"seconds": self.seconds, "sources": self.sources, "lines": self.lines})
        file.write_text(text, encoding="utf-8")

    def read(self, file: Path) -> None:
        """Adds what was written."""
        kept = json.loads(file.read_text(encoding="utf-8"))
        self.seconds |= kept["seconds"]
        self.sources |= kept["sources"]
        for name, lines in kept["lines"].items():
            for line, tests in lines.items():
                self.lines[name][int(line)] += tests

    def tests_for(self, mutant: Mutant) -> set[str]:
        """Those that execute the mutant's statement; all of its file where that has changed since, or what is imported changes."""
        lines, line = self.lines[mutant.file], statement_of(mutant)
        if line is None or self.sources.get(mutant.file) != state_of(mutant.source):
            return set(itertools.chain(*lines.values()))
        return set(lines[line])


def statement_of(mutant: Mutant) -> int | None:
    """The line of the innermost statement that holds a mutant; None where that runs while the module is imported."""
    around = [
        one.lineno
        for block in _blocks(ast.parse(mutant.source))
        for one in block
        if one.lineno <= mutant.line <= (one.end_lineno or 0)
    ]
    return max(around, default=None)


def _blocks(tree: ast.AST, in_function: bool = False) -> Iterator[list[ast.stmt]]:
    """The lists of statements that functions are made of, those inside other statements too."""
    in_function = in_function or isinstance(tree, ast.FunctionDef)
    for name, value in ast.iter_fields(tree):
        if in_function and name in {"body", "orelse", "finalbody"} and isinstance(value, list):
            yield value
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, ast.AST):
                yield from _blocks(one, in_function)


@dataclass(slots=True)
class Trials:
    """Tries mutants; what the tests execute is kept in the folder until a file of the core changes."""

    folder: Path
    tests: Sequence[str]
    seconds: float
    jobs: int
    noticed: Mapping[str, str]
    """Which test noticed a change when it was tried before."""
    tell: Callable[[Mutant, str], None]
    _seen: Seen = field(default_factory=Seen)
    _kills: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def run(self, mutants: Sequence[Mutant]) -> None:
        """Tells of each mutant which test killed it (empty: none), in the order in which they end."""
        self._look()
        at_import = [one for one in mutants if statement_of(one) is None]
        others = [one for one in mutants if one not in at_import]
        if others:
            # In a child too: here, nothing of the program may be imported before the others have been tried.
            self._await(
                _fork(lambda: _pytest(self.tests, lambda items: self._in_living_program(others, items)), silent=False)
            )
        self._side_by_side(at_import, lambda one: _in_new_program(one, self.tests_for(one, ()), self._seen))

    def _in_living_program(self, mutants: Sequence[Mutant], items: Sequence[pytest.Item]) -> None:
        by_name = {item.nodeid: item for item in items}
        unseen = [name for name in by_name if name not in self._seen.seconds]
        from tests.world import empty_database  # noqa: PLC0415 - imports the program, which the parent must not have

        functions = Functions.living()
        stale = {one.file for one in mutants if (ROOT / one.file).read_text(encoding="utf-8") != one.source}
        if stale:  # the code of another text would be put in the place of what is not there, and every mutant survive
            raise RuntimeError(f"changed since the mutants were drawn: {', '.join(sorted(stale))}")
        empty_database()  # made once here, and not by every child
        if failing := self._await(_fork(lambda: _first_failure([by_name[name] for name in unseen]))):
            raise RuntimeError(f"{failing} fails without any mutant, and would be taken to notice every one")
        gc.freeze()  # so that a child that looks for garbage does not copy everything

        def trial(one: Mutant) -> str:
            functions.change(one.tree(), ROOT / one.file)
            return _first_failure([by_name[name] for name in self.tests_for(one, unseen) if name in by_name])

        self._side_by_side(mutants, trial)

    def tests_for(self, mutant: Mutant, unseen: Sequence[str]) -> list[str]:
        """As many as the time allows: those first that noticed it before, or are new, or are short and have noticed others of the file.

        Never the name of none: a new process would take it for all tests that there are.
        """
        kills, seconds = self._kills[mutant.file], self._seen.seconds
        found = sorted(self._seen.tests_for(mutant), key=lambda test: (seconds[test] / (1 + 10 * kills[test]), test))
        ends = itertools.accumulate(seconds[test] for test in found)
        in_time = [test for test, end in zip(found, ends, strict=True) if end <= self.seconds]
        before = self.noticed.get(mutant.change, "")
        return list(dict.fromkeys((*([before] if before in seconds else ()), *unseen, *in_time)))

    def _look(self) -> None:
        """What was seen of the tests, or else a run of all of them."""
        name = hashlib.sha256(repr(self.tests).encode()).hexdigest()[:16]
        parts = [self.folder / f"seen-{name}-{part}.json" for part in range(2)]
        if not all(part.exists() for part in parts):
            print("looking which tests execute which lines", flush=True)
            self._await(_fork(lambda: _pytest(self.tests, lambda items: _watch(items, parts))))
        for part in parts:
            self._seen.read(part)

    def _await(self, child: tuple[int, int]) -> str:
        """What a child has found."""
        pid, pipe = child
        with os.fdopen(pipe) as said:
            found = said.read()
        if os.waitpid(pid, 0)[1]:
            raise RuntimeError(found)
        return found

    def _side_by_side(self, mutants: Iterable[Mutant], trial: Callable[[Mutant], str]) -> None:
        running: dict[int, tuple[Mutant, int]] = {}
        for one in mutants:
            if len(running) == self.jobs:
                self._await_one(running)
            pid, pipe = _fork(lambda one=one: trial(one))
            running[pid] = (one, pipe)
        while running:
            self._await_one(running)

    def _await_one(self, running: dict[int, tuple[Mutant, int]]) -> None:
        pid, status = os.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # what a test left behind
        mutant, pipe = running.pop(pid)
        with os.fdopen(pipe) as said:
            killer = said.read()
        if status:
            raise RuntimeError(f"{mutant} could not be tried: {killer}")
        self._kills[mutant.file][killer] += 1
        self.tell(mutant, killer)


def _fork(work: Callable[[], str], *, silent: bool = True) -> tuple[int, int]:
    """A child in a group of its own, and the pipe that what it found is read from."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    status = 1
    try:
        os.setpgid(0, 0)
        if silent:
            silence = os.open(os.devnull, os.O_RDWR)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
        resource.setrlimit(resource.RLIMIT_AS, (LARGEST_BYTES, LARGEST_BYTES))
        found = work()
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it is, the parent has to hear of it, and the child must end here
        found = traceback.format_exc()
    os.write(writing, found.encode())
    os._exit(status)


@dataclass(slots=True)
class _Instead:
    """A plugin of pytest: does something else with the items than to run them all."""

    act: Callable[[list[pytest.Item]], None]

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.act(session.items)
        return True


def _pytest(tests: Iterable[str], act: Callable[[list[pytest.Item]], None]) -> str:
    os.chdir(ROOT)
    status = pytest.main([*OPTIONS, *tests], plugins=[_Instead(act)])
    if status is pytest.ExitCode.INTERNAL_ERROR:
        raise RuntimeError("pytest has failed by itself")
    return ""


def _first_failure(items: Sequence[pytest.Item]) -> str:
    """The name of the first test that fails, empty where all pass."""
    for item in _one_by_one(items):
        if item.session.testsfailed:
            return item.nodeid
    return ""


def _one_by_one(items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
    """Each item after it has been run."""
    for item, following in itertools.zip_longest(items, items[1:]):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        yield item


def _watch(items: Sequence[pytest.Item], parts: Sequence[Path]) -> None:
    """Runs tests to see what each executes, the files of the tests dealt out to as many processes as there are parts."""
    came: set[tuple[str, int]] = set()
    # A name that is found from any module: what is put in front of every statement says that it is executed.
    builtins.__came__ = lambda file, line: came.add((file, line))  # type: ignore[attr-defined]
    functions = Functions.living()
    sources: dict[str, str] = {}
    for file in core_files():
        tree = ast.parse(text := file.read_text(encoding="utf-8"))
        for block in _blocks(tree):
            block[:] = [one for statement in block for one in (_probe(file, statement), statement)]
        functions.change(ast.fix_missing_locations(tree), file)
        sources[str(file.relative_to(ROOT))] = state_of(text)
    files = sorted({item.path for item in items})
    children = [
        _fork(
            lambda part=part, number=number: _watch_part(
                [item for item in items if files.index(item.path) % len(parts) == number], came, sources, part
            )
        )
        for number, part in enumerate(parts)
    ]
    for pid, pipe in children:
        os.waitpid(pid, 0)
        os.close(pipe)


def _probe(file: Path, statement: ast.stmt) -> ast.stmt:
    call = ast.parse(f"__came__({str(file.relative_to(ROOT))!r}, {statement.lineno})").body[0]
    return ast.copy_location(call, statement)


def _watch_part(items: Sequence[pytest.Item], came: set[tuple[str, int]], sources: dict[str, str], kept: Path) -> str:
    """Tests that fail without any mutant, or take long, are left out."""
    seen = Seen(sources=sources)
    start, failed = time.process_time(), 0
    for item in _one_by_one(items):
        seconds = time.process_time() - start
        fit = item.session.testsfailed == failed and seconds < LONGEST_TEST_SECONDS
        seen.add(item.nodeid, seconds if fit else float("inf"), came if fit else ())
        came.clear()
        start, failed = time.process_time(), item.session.testsfailed
    seen.write(kept)
    return ""


def _in_new_program(mutant: Mutant, tests: Sequence[str], seen: Seen) -> str:
    """What kills a mutant that has to be there when its module is imported: one of the tests, or of the others in their files.

    Those may use a default or a table of the module, and execute no statement of it.
    """
    sys.meta_path.insert(0, _Finder(mutant))
    killer = ["it cannot be imported"]

    def act(items: list[pytest.Item]) -> None:
        quick = [one for one in items if seen.seconds.get(one.nodeid, 0) < LONGEST_TEST_SECONDS]
        killer[:] = [_first_failure(sorted(quick, key=lambda one: one.nodeid not in tests))]

    for file in dict.fromkeys(test.partition("::")[0] for test in tests):
        _pytest([file], act)
        if killer[0]:
            return killer[0]
        killer[:] = ["it cannot be imported"]
    return ""


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module with the mutant in it."""

    def __init__(self, name: str, mutant: Mutant) -> None:
        super().__init__(name, str(ROOT / mutant.file))
        self.mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        assert fullname == self.name
        return compile(self.mutant.tree(), self.path, "exec")


@dataclass(frozen=True, slots=True)
class _Finder:
    """Knows one module, the mutant's."""

    mutant: Mutant

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if name != self.mutant.file.removesuffix(".py").removesuffix("/__init__").replace("/", "."):
            return None
        return importlib.util.spec_from_file_location(name, ROOT / self.mutant.file, loader=_Loader(name, self.mutant))


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


@dataclass(frozen=True, slots=True)
class Functions:
    """The functions of this process, by file, name and line: their code can be changed, wherever they have been taken to."""

    by_place: Mapping[tuple[str, str, int], Sequence[FunctionType]]

    @classmethod
    def living(cls) -> Functions:
        found: defaultdict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
        for one in gc.get_objects():
            if isinstance(one, FunctionType):
                found[cls._place(one.__code__)].append(one)
        return cls(found)

    @staticmethod
    def _place(code: CodeType) -> tuple[str, str, int]:
        return code.co_filename, code.co_qualname, code.co_firstlineno

    def change(self, tree: ast.Module, file: Path) -> None:
        """Gives the functions of a file the code that the tree has for them."""
        for code in _nested(compile(tree, str(file), "exec")):
            for function in self.by_place.get(self._place(code), ()):
                function.__code__ = code
