"""The documents for strangers: each is in the index, each link leads somewhere, each command and each setting exists."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mailbot.cli import main
from mailbot.cli.table import ROWS, Commands
from mailbot.config import load

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "decisions" not in path.parts)
BY_HAND = [path for path in PAGES if path.parent.name == "how-to" or path.stem in {"README", "tutorial", "glossary"}]


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def ids(path: Path) -> str:
    return str(path.relative_to(DOCS))


def test_the_index_has_every_page() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    lacking = [ids(path) for path in PAGES if path.name != "README.md" and f"]({ids(path)})" not in index]
    assert lacking == []


@pytest.mark.parametrize("path", PAGES, ids=ids)
def test_every_link_of_a_page_leads_to_a_file(path: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#\s]+)\)", path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def commands(path: Path) -> set[str]:
    """The commands of mailbot that a page shows, in blocks for a shell and in code within sentences."""
    text = path.read_text(encoding="utf-8")
    lines = [line for block in blocks(path, "sh") for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", text)
    parts = [re.sub(r" -c \S+", "", part).split() for line in lines for part in line.split("&&")]
    return {part[1] for part in parts if part[:1] == ["mailbot"] and len(part) > 1 and not part[1].startswith("-")}


COMMANDS = sorted(set().union(*map(commands, BY_HAND)))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_a_page_names_exists(command: str) -> None:
    assert main([command, "--help"]) == 0


def shown(path: Path) -> set[str]:
    """The commands of mailbot that a page shows with what follows them, each as one text."""
    text = path.read_text(encoding="utf-8")
    lines = [line for block in blocks(path, "sh") for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", text)
    parts = (re.sub(r" -c \S+", "", part).partition(" #")[0].strip() for line in lines for part in line.split("&&"))
    return {part for part in parts if re.match(r"mailbot [a-z]", part)}


SHOWN = sorted(set().union(*map(shown, [*BY_HAND, DOCS / "runbook.md"])))


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_that_a_page_shows_has_these_options_and_lacks_none(line: str) -> None:
    """Of a command that is shown with arguments, every option that it cannot do without is shown, too."""
    name, *words = shlex.split(line)[1:]
    command = Commands(ROWS)[name]
    if hasattr(command, "commands") and words and not words[0].startswith("-"):
        command, words = command.commands[words[0]], words[1:]
    said = {word.partition("=")[0] for word in words if word.startswith("--")}
    options = [one for one in command.params if one.param_type_name == "option"]
    assert said <= {spelling for one in options for spelling in (*one.opts, *one.secondary_opts, "--help")}
    if words:
        assert [one.opts[0] for one in options if one.required and not said & set(one.opts)] == []


ELSE = {
    "mailbox": {"host": "localhost", "username": "support", "password_file": "/etc/mailbot/password"},
    "smtp": {"host": "localhost", "from_address": "support@example.org"},
    "tokens": {"keys": ["a-key-for-tests-only-of-at-least-32-characters"]},
    "admins": [{"login": "carol", "name": "Carol Admin", "address": "carol@example.org"}],
    "sites": [{"name": "main", "dns_domain": "main.testbed.example"}],
}
"""What a configuration needs besides what a page is about."""


def written(value: Any) -> str:
    """A value as TOML has it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {written(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(one, id=f"{ids(path)}-{n}")
        for path in [*BY_HAND, DOCS / "directory.md"]
        for n, one in enumerate(blocks(path, "toml"))
        if "[[person]]" not in one  # a file of users
    ],
)
def test_a_configuration_with_the_settings_that_a_page_shows_can_be_used(block: str, tmp_path: Path) -> None:
    shown = tomllib.loads(block)
    whole = ELSE | shown
    (tmp_path / "config.toml").write_text("".join(f"{name} = {written(said)}\n" for name, said in whole.items()))
    assert load(tmp_path / "config.toml", {})


def test_the_glossary_is_in_order_and_has_each_word_once() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| ([a-z ]+) \|", text, re.MULTILINE)[1:]
    assert words == sorted(set(words))
