"""The command line as values, for what is made from it: the manual page and the completions of three shells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from mailbot.cli.app import app


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its spellings, what it is for, and whether a word follows."""

    names: tuple[str, ...]
    text: str
    takes_word: bool
    is_path: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """One command: the words after `mailbot`, the line and the text about it, its options, arguments and commands below it."""

    words: tuple[str, ...]
    text: str
    options: tuple[Option, ...]
    arguments: tuple[str, ...]
    below: tuple[Command, ...] = ()

    @property
    def line(self) -> str:
        """The first line of the text."""
        return self.text.partition("\n")[0]

    def all(self) -> Iterator[Command]:
        """This command and all below it."""
        yield self
        for command in self.below:
            yield from command.all()


def tree() -> Command:
    """The whole command line."""
    return _command(typer.main.get_command(app), ())


def _command(command: Any, words: tuple[str, ...]) -> Command:
    options = tuple(_option(one) for one in command.params if one.param_type_name == "option")
    arguments = tuple(_argument(one) for one in command.params if one.param_type_name == "argument")
    below = tuple(_command(one, (*words, name)) for name, one in getattr(command, "commands", {}).items())
    return Command(words, "\n".join((command.help or "").splitlines()), options, arguments, below)


_OF_FILES = {"path", "file", "directory"}
"""What typer calls the types of values that are in the file system."""


def _option(option: Any) -> Option:
    names = tuple(sorted((*option.opts, *option.secondary_opts), key=len))
    choices = tuple(str(one) for one in getattr(option.type, "choices", ()))
    return Option(names, option.help or "", not option.is_flag, option.type.name in _OF_FILES, choices)


def _argument(argument: Any) -> str:
    name = argument.name.upper()
    shown = f"{name}…" if argument.nargs != 1 else name
    return shown if argument.required else f"[{shown}]"
