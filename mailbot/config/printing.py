"""The configuration as TOML that loads back, but for its secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any

from mailbot.config.schema import names, nested
from mailbot.config.secret import Secret
from mailbot.config.sections import Config


def as_toml(config: Config) -> str:
    """Every setting that is in force, secrets masked."""
    lines: list[str] = ["# The configuration in force, with defaults. Secrets are masked."]
    for name in names(Config):
        value = getattr(config, name)
        for section in value if isinstance(value, tuple) else (value,):
            lines += ["", f"[[{name}]]" if isinstance(value, tuple) else f"[{name}]", *_lines(section)]
            for below in nested(type(section)):
                for one in getattr(section, below):
                    lines += ["", f"[[{name}.{below}]]", *_lines(one)]
    return "\n".join((*lines, ""))


def _lines(section: Any) -> Iterator[str]:
    for field in fields(section):
        value = getattr(section, field.name)
        if value is not None and field.name not in nested(type(section)):
            yield f"{field.name} = {literal(value)}"


def literal(value: object) -> str:
    """A value in TOML.  JSON's strings are TOML's basic strings where no surrogates and no DEL are left bare."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case Enum():
            return literal(value.value)
        case str() | Path():
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
        case Secret():
            return literal(str(value))
        case tuple() | list():
            return f"[{', '.join(map(literal, value))}]"
        case _:
            raise TypeError(f"{type(value).__name__} has no form in TOML")
