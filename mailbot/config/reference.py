"""The example file and the reference of settings, written from the sections themselves."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin

from mailbot.config.printing import literal
from mailbot.config.schema import documentation, hints, is_secret, names, nested
from mailbot.config.sections import Config

__all__ = ["documentation", "example_file", "limits", "names", "reference", "sections"]

_WIDTH = 100

_EXAMPLE_HEAD = """# Configuration of mailbot, with every setting.
#
# A setting behind a # has the value shown, unless its text says otherwise; the others must be given.
# Each can also come from the environment (MAILBOT_MAILBOX__HOST) or from a file in systemd's
# credentials directory (mailbox.password). Relative paths start at the directory of this file.
#
# Generated from the code; `make docs` writes it again."""

_REFERENCE_HEAD = """# Configuration

Generated from `mailbot/config/sections.py` and `mailbot/rules.py`; `make docs` writes it again.

mailbot reads one TOML file: the one given with `-c`, otherwise `$MAILBOT_CONFIG`, otherwise `/etc/mailbot/config.toml`.
`mailbot init` writes a first one; `mailbot examples config.example.toml` shows every setting. Settings come from three sources: the environment, such as `MAILBOT_MAILBOX__HOST` (with lists as JSON), overrides the file; systemd's credentials directory (`$CREDENTIALS_DIRECTORY`, one file per setting, such as `mailbox.password`) provides what neither of them sets. Relative paths start at the file's directory. Unknown settings are refused, and everything is checked at start: `mailbot check` lists all problems, and `mailbot --print-config` shows the settings in force, with secrets masked."""


def sections() -> Iterator[tuple[str, type, bool]]:
    """Name, class and whether it is a list (`[[name]]`), in the order of the file."""
    for name, hint in hints(Config).items():
        several = get_origin(hint) is tuple
        owner = cast("type", get_args(hint)[0] if several else hint)
        yield name, owner, several
        yield from ((f"{name}.{below}", inner, True) for below, inner in nested(owner).items())


def example_file() -> str:
    """`mailbot/examples/config.example.toml`: loads as it is, and gives the defaults wherever they exist."""
    lines = [_EXAMPLE_HEAD]
    for name, owner, several in sections():
        below = "#" if "." in name or name in _MAY_BE else ""  # what may be there and need not: all of it behind a #
        lines += ["", "", *_comment(inspect.getdoc(owner) or ""), f"{below}[[{name}]]" if several else f"[{name}]"]
        for field in _flat(owner):
            allowed = limits(owner, field.name)
            lines += ["", *_comment(documentation(owner).get(field.name, ""))]
            setting = _setting(name, field)
            hidden = "" if setting.startswith("#") else below
            lines.append(f"{hidden}{setting}{f'  # {allowed}' if allowed else ''}")
    return "\n".join((*lines, ""))


def _flat(owner: type) -> list[Field[Any]]:
    """The settings of a section without the sections below it."""
    return [field for field in fields(owner) if field.name not in nested(owner)]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False)


def _setting(section: str, field: Field[Any]) -> str:
    """One line: a value that must be given, or a default behind a #."""
    shown = field.metadata.get("example")
    if field.default is MISSING:
        return f"{field.name} = {literal(shown)}"
    if field.default is None and (section, field.name) in _GIVEN:
        return f"{field.name} = {literal(shown)}"
    return f"#{field.name} = {literal(shown if field.default is None else field.default)}"


_MAY_BE = {"zones"}
_GIVEN = {("mailbox", "password_file"), ("tokens", "key_file")}
"""Settings that only a check across fields asks for: the example gives them."""


def limits(owner: type, name: str) -> str:
    """The allowed values of a setting in words: `1 to 20`, `one of tls, starttls, plain`; empty where anything goes."""
    return _limits(hints(owner)[name])


def _limits(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    bounds: dict[str, int] = {}
    for mark in getattr(hint, "__metadata__", ()):
        bounds |= {key: getattr(mark, key) for key in ("ge", "gt", "le") if hasattr(mark, key)}
    if not bounds:
        return next(filter(None, map(_limits, _inner(hint))), "")
    least = bounds.get("ge", bounds.get("gt", -1) + 1)
    return f"{least} to {bounds['le']}" if "le" in bounds else f"at least {least}"


def _inner(hint: Any) -> tuple[Any, ...]:
    """The types inside a list or an option; not those behind `Annotated`, which are its base."""
    return () if hasattr(hint, "__metadata__") else get_args(hint)


def reference() -> str:
    """`docs/configuration.md`."""
    lines = [_REFERENCE_HEAD]
    for name, owner, several in sections():
        lines += ["", f"## `{f'[[{name}]]' if several else f'[{name}]'}`", "", inspect.getdoc(owner) or "", ""]
        lines += ["| setting | default | allowed | meaning |", "|---|---|---|---|"]
        lines += [_row(owner, field) for field in _flat(owner)]
    return "\n".join((*lines, ""))


def _row(owner: type, field: Field[Any]) -> str:
    if field.default is MISSING:
        default = "**must be given**"
    elif field.default is None or field.default in ("", ()):
        default = "none"
    else:
        default = f"`{literal(field.default)}`"
    allowed = limits(owner, field.name) or _kind(hints(owner)[field.name])
    meaning = documentation(owner).get(field.name, "").replace("|", "\\|")
    return f"| `{field.name}` | {default} | {allowed} | {meaning} |"


def _kind(hint: Any) -> str:
    """The kind of a value in words."""
    if is_secret(hint):
        return "secret"
    if get_origin(hint) is tuple:
        return "list"
    kinds = {bool: "true or false", int: "whole number", Path: "path", str: "text"}
    for candidate in (hint, *get_args(hint)):
        if candidate in kinds:
            return kinds[candidate]
    return "text"
