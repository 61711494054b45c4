"""The rules of the house, as tests: style, types, import directions, sizes, documents in step with the code, a repository that stands alone."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import pytest

from contrib.docs import DOCUMENTS

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PACKAGES = ("mailbot", "parsers", "provisioner", "migrations", "contrib")

LONGEST_FUNCTION = 60
LONGEST_FILE = 450
LONG_FUNCTION = 30
LONG_FILE = 300


def run(*command: str) -> None:
    """Run a tool in the project; its output is the failure's message."""
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def tracked() -> list[Path]:
    """Every file that belongs to the repository: what git lists, or (in an export without git) all but what is made."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    made = {".venv", ".git", ".demo", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not made & set(path.relative_to(ROOT).parts)]


def test_ruff_finds_nothing() -> None:
    run("ruff", "check", "--quiet", ".")


def test_the_code_is_formatted() -> None:
    run("ruff", "format", "--check", "--quiet", ".")


@pytest.mark.timeout(600)
def test_the_types_hold() -> None:
    run("mypy")


SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma)\b")
LINES_FOR_ONE = 1_000


def test_there_are_few_suppressions() -> None:
    """A finding is put right, not switched off: at most one in a thousand lines, tests and benches with them."""
    texts = [path.read_text(encoding="utf-8") for path in tracked() if path.suffix == ".py"]
    lines = sum(len(text.splitlines()) for text in texts)
    count = sum(1 for text in texts for line in text.splitlines() if SUPPRESSION.search(line))
    print(f"suppressions: {count} in {lines} lines")
    assert count <= lines / LINES_FOR_ONE


def test_imports_go_down_only() -> None:
    run("lint-imports", "--no-cache")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_generated_document_is_in_step_with_the_code(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == DOCUMENTS[name](), "run `make docs`"


@dataclass(frozen=True, order=True)
class Size:
    """How long something is, in lines, and where it stands."""

    lines: int
    where: str


def functions() -> Iterator[Size]:
    """Every function and method of the program, with its docstring."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield Size(lines, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def summary(sizes: list[Size], long: int) -> str:
    """Median, 90 %, largest, and how many are long."""
    lines = [size.lines for size in sizes]
    beyond = sum(line > long for line in lines)
    return (
        f"{len(lines)}: median {median(lines):.0f}, 90 % {quantiles(lines, n=10)[-1]:.0f}, "
        f"over {long}: {beyond}, largest {max(sizes).lines} ({max(sizes).where})"
    )


def test_functions_are_short() -> None:
    sizes = list(functions())
    print(f"functions: {summary(sizes, LONG_FUNCTION)}")
    assert [size for size in sizes if size.lines > LONGEST_FUNCTION] == []
    assert sum(size.lines > LONG_FUNCTION for size in sizes) <= len(sizes) * 0.03


def test_files_are_short() -> None:
    sizes = [
        Size(len(path.read_text(encoding="utf-8").splitlines()), str(path.relative_to(ROOT))) for path in sources()
    ]
    print(f"files: {summary(sizes, LONG_FILE)}")
    assert [size for size in sizes if size.lines > LONGEST_FILE] == []
    assert sum(size.lines > LONG_FILE for size in sizes) <= len(sizes) * 0.1


# Written in two parts, so that this file does not contain them.
FOREIGN = re.compile(
    "|".join(
        (
            r"/work" + r"/(?:main|shared)",
            r"/tmp" + r"/w\b",
            r"mail" + r"-corpus",
            r"https?://(?![^\s/]*\.example\b)[^\s/]*(?:pypi|mirror|artifactory|nexus|proxy)",
            r"(?:index|find)-" + r"(?:url|links)",
        )
    ),
    re.IGNORECASE,
)


def test_the_repository_stands_alone() -> None:
    """Nothing names the machine it was written on, or an index that packages came from."""
    found = []
    for path in tracked():
        if path == Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), start=1):
            if match := FOREIGN.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    assert found == []


LOCKS = {
    name: (ROOT / "locks" / f"{name}.txt").read_text(encoding="utf-8") for name in ("run", "build", "demo", "tests")
}


def locked(text: str) -> dict[str, str]:
    """What a lock file pins, each with the rest of its entry."""
    found = re.findall(r"^([a-z0-9][\w.-]*)==(\S+)(.*(?:\n .*)*)", text, re.MULTILINE)
    return {name: version + rest for name, version, rest in found}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_hashes_for_everything_and_no_addresses(name: str) -> None:
    entries = locked(LOCKS[name])
    assert entries
    assert [name for name, rest in entries.items() if "--hash=sha256:" not in rest] == []
    assert "://" not in LOCKS[name]


def test_a_service_gets_no_tools_of_the_tests_and_nothing_is_locked_twice() -> None:
    names = [name for text in LOCKS.values() for name in locked(text)]
    assert sorted(set(names)) == sorted(names)
    assert {"aiosmtpd", "hypothesis", "mypy", "pytest", "ruff"} & set(locked(LOCKS["run"])) == set()


IMPORTS_ONLY_HERE = {
    "libvirt": "provisioner/libvirt_driver/",
    "jinja2": "mailbot/letters/",
    "typer": "mailbot/cli/",
    "imapclient": "mailbot/adapters/imap/",
    "bonsai": "mailbot/adapters/directory/ldap_child.py",
    "smtplib": "mailbot/adapters/",
    "sqlalchemy": "mailbot/adapters/",
    "alembic": "mailbot/adapters/ migrations/",
    "prometheus_client": "mailbot/metrics.py",
    "apscheduler": "mailbot/daemon.py",
}


@pytest.mark.parametrize("library", IMPORTS_ONLY_HERE)
def test_one_outside_thing_is_imported_in_one_place(library: str) -> None:
    places = tuple(IMPORTS_ONLY_HERE[library].split())
    found = [
        str(path.relative_to(ROOT))
        for path in sources()
        if re.search(rf"^\s*(?:import|from) {library}\b", path.read_text(encoding="utf-8"), re.MULTILINE)
        and path.parts[len(ROOT.parts)] != "contrib"
    ]
    assert found, f"nothing imports {library} any more"
    allowed = (*places, "migrations/") if library == "sqlalchemy" else places
    assert [path for path in found if not path.startswith(allowed)] == []


IMPORTING = """
import importlib, pkgutil, socket, sys, os
before = dict(os.environ)
def refuse(*_):
    raise AssertionError("a socket was made while importing")
socket.socket.connect = refuse
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if not module.name.startswith("migrations.") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
assert dict(os.environ) == before
import threading
assert threading.active_count() == 1, threading.enumerate()
"""


def test_importing_every_module_does_nothing() -> None:
    command = [sys.executable, "-c", IMPORTING, "mailbot", "parsers", "provisioner"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


LIGHT = "import sys, mailbot.cli.explaining, mailbot.config; print([m for m in ('typer', 'pydantic', 'sqlalchemy', 'libvirt') if m in sys.modules])"


def test_explain_starts_without_the_heavy_libraries() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_test_reads_the_wall_clock() -> None:
    """But `tests.clock.wall`, for programs that are processes of their own: else the suite is red on some day."""
    word = re.compile(r"\b(?:datetime\.now|date\.today|datetime\.today|time\.time)\(")
    files = (path for path in (ROOT / "tests").rglob("*.py") if path.name != "clock.py")
    assert [str(path) for path in files if word.search(path.read_text(encoding="utf-8"))] == []


def test_no_test_replaces_parts_of_the_program() -> None:
    word = "mock" + ".patch"
    assert [path for path in (ROOT / "tests").rglob("*.py") if word in path.read_text(encoding="utf-8")] == []


def test_no_two_test_files_have_one_name() -> None:
    """pytest imports them by name alone, and ends where a whole run meets the second."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
