"""The README: every command in it exists, those that look are run, and its links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mailbot import journal
from mailbot.cli import main
from tests.world import World, request_words

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
OF_THE_SYSTEM = {"adduser", "apt-get", "systemctl", "virsh"}


def words() -> list[list[str]]:
    """Every command as words; those joined by && are told apart."""
    return [shlex.split(part) for line in COMMANDS for part in line.split("&&")]


def test_there_are_commands() -> None:
    assert len(words()) > 10


@pytest.mark.parametrize("command", words(), ids=" ".join)
def test_a_command_of_the_readme_exists(command: list[str]) -> None:
    if command[0] == "make":
        done = subprocess.run(["make", "-n", *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    elif command[0] == "mailbot":
        assert main([*command[1:2], "--help"]) == 0
    else:
        assert command[0] in OF_THE_SYSTEM
        named = [word for word in command[1:] if word.startswith("contrib/")]
        assert [word for word in named if not (ROOT / word).exists()] == []


@pytest.mark.parametrize(
    "command", [c for c in words() if c[:2] in (["mailbot", w] for w in ("list", "show", "explain"))]
)
def test_what_the_readme_looks_at_can_be_looked_at(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(tmp_path)
    world.writes("alice@example.org", request_words())
    world.close()
    example = (ROOT / "mailbot" / "examples" / "config.example.toml").read_text(encoding="utf-8")
    path = tmp_path / "config.toml"
    path.write_text(example.replace('#url = "sqlite:////var/lib/mailbot/mailbot.db"', f'url = "{world.url}"'))
    monkeypatch.setenv("MAILBOT_CONFIG", str(path))
    monkeypatch.chdir(ROOT)
    capsys.readouterr()
    try:
        assert main(command[1:], world.clock) == os.EX_OK
        assert capsys.readouterr().out
    finally:
        journal.configure()


def test_every_link_leads_to_a_file() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_has_its_parts_in_order() -> None:
    assert re.findall(r"^## (.+)$", README, re.MULTILINE) == [
        "A conversation",
        "What it does, and what it does not do",
        "Try it",
        "Install for real",
        "How it works",
        "Trust",
        "Operating",
        "Developing",
        "Status",
    ]


def test_a_wheel_holds_all_that_the_program_needs(tmp_path: Path) -> None:
    """Letters and migrations travel with the program; tests and demonstration do not."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", str(wheel)], capture_output=True, text=True, check=True
    ).stdout
    for name in (
        "templates_email/vm-ready.txt.j2",
        "templates_email/fr/messages.po",
        "migrations/env.py",
        "mailbot/cli/app.py",
        "parsers/values.py",
    ):
        assert name in held
    assert "tests/" not in held
