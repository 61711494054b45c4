"""The manual page mailbot(1), made from the command line: `python -m contrib.manual` writes it to standard output."""

from __future__ import annotations

from collections.abc import Iterator

from contrib.command_tree import Command, Option, tree

_EXIT_CODES = {
    "0": "done",
    "64": "wrong usage",
    "65": "it cannot be done, the message says why",
    "66": "a file cannot be read",
    "69": "a server does not answer",
    "70": "a fault of the program",
    "74": "reading or writing failed",
    "75": "try again later",
    "77": "a right is missing",
    "78": "the configuration or the database's revision is wrong",
}
_FILES = {
    "/etc/mailbot/config.toml": "the configuration; mailbot examples config.example.toml shows every setting",
    "/etc/mailbot/users.toml": "the users, where no LDAP server knows them",
    "/etc/mailbot/tokens.keys": "the keys that sign what a reply must carry: whoever has one can forge answers",
    "/var/lib/mailbot/mailbot.db": "what the bot remembers, where that is not in PostgreSQL",
}


def manual() -> str:
    """The page in the macros of man(7)."""
    root = tree()
    lines = [
        '.TH MAILBOT 1 "" "mailbot" "User Commands"',
        ".SH NAME",
        "mailbot \\- virtual machines by mail",
        ".SH SYNOPSIS",
    ]
    lines += [
        ".B mailbot",
        r"[\fB\-c\fR \fIFILE\fR] \fICOMMAND\fR [\fIARGUMENTS\fR]",
        ".SH DESCRIPTION",
        _text(root.text),
    ]
    lines += [".SH OPTIONS", *(line for option in root.options for line in _option(option)), ".SH COMMANDS"]
    lines += [line for command in root.all() if command.words and not command.below for line in _command(command)]
    lines += [".SH EXIT STATUS", *_pairs(_EXIT_CODES), ".SH FILES", *_pairs(_FILES)]
    lines += [".SH SIGNALS", *_pairs({"SIGTERM, SIGINT": "end mailbot run; the step at hand is finished first"})]
    lines += _pairs({"SIGHUP": "have mailbot run read its configuration again"})
    lines += [".SH SEE ALSO", r"\fBsystemctl\fR(1), \fBvirsh\fR(1)"]
    return "\n".join((*lines, ""))


def _command(command: Command) -> Iterator[str]:
    yield f".SS mailbot {_text(' '.join((*command.words, *command.arguments)))}"
    yield _text(command.text)
    for option in command.options:
        yield from _option(option)


def _option(option: Option) -> Iterator[str]:
    yield ".TP"
    names = ", ".join(rf"\fB{_text(name)}\fR" for name in option.names)
    yield names + (r" \fI" + _text("|".join(option.choices) or "WORD") + r"\fR" if option.takes_word else "")
    yield _text(option.text) or " "


def _pairs(pairs: dict[str, str]) -> Iterator[str]:
    for name, text in pairs.items():
        yield from (".TP", rf"\fB{_text(name)}\fR", _text(text))


def _text(text: str) -> str:
    """Plain text as man(7) wants it: no line of it is a macro, hyphens stay hyphens."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("…", "...")
    lines = [rf"\&{line}" if line.startswith((".", "'")) else line for line in escaped.splitlines()]
    return "\n".join(line or ".PP" for line in lines)


if __name__ == "__main__":
    print(manual(), end="")
