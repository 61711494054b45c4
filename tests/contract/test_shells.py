"""What a shell is given of the command line: completions that bash itself runs, and a manual page that man(1) shows."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from contrib.command_tree import tree
from contrib.completion import SHELLS
from contrib.manual import manual


def completed(words: Sequence[str], tmp_path: Path) -> list[str]:
    """What bash offers for the last of these words."""
    script = tmp_path / "mailbot.bash"
    script.write_text(SHELLS["bash"]())
    ask = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mailbot; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", ask, str(script), *words], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["mailbot", "doct"], ["doctor"]),
        (["mailbot", "-c", "x.toml", "image", "bu"], ["build"]),
        (["mailbot", "examples", "--in"], ["--into"]),
        (["mailbot", "db", "upg"], ["upgrade"]),
        (["mailbot", "nonsense", "x"], []),
    ],
)
def test_bash_completes_commands_and_options(words: list[str], offered: list[str], tmp_path: Path) -> None:
    assert completed(words, tmp_path) == offered


def test_bash_offers_every_command(tmp_path: Path) -> None:
    assert {one.words[-1] for one in tree().below} <= set(completed(["mailbot", ""], tmp_path))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_understands_its_completion(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_text(SHELLS[shell]())
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_manual_has_every_command_and_option() -> None:
    page = manual().replace(r"\-", "-")
    for command in tree().all():
        if command.words and not command.below:
            assert f".SS mailbot {' '.join(command.words)}" in page
        for option in command.options:
            assert all(name in page for name in option.names)
    assert ".SH EXIT STATUS" in page


def test_no_text_of_the_manual_is_taken_for_a_macro() -> None:
    macros = {line.split()[0] for line in manual().splitlines() if line.startswith((".", "'"))}
    assert macros <= {".TH", ".SH", ".SS", ".TP", ".PP", ".B"}
