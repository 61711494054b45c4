"""What the terminal gets: plain text that nothing in a mail can bend, or JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from mailbot.ports import Clock


@dataclass(frozen=True, slots=True)
class Named:
    """What stands before a command: the configuration file, if one was named, and the clock of a test."""

    config: Path | None
    clock: Clock | None


def say(text: str = "") -> None:
    """One or more lines to standard output, in whatever the terminal can show."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    """One or more lines to standard error."""
    _write(sys.stderr, text)


def _write(stream: Any, text: str) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


def visible(text: object) -> str:
    """Text that may come from a mail, on one line, with control, bidi and zero-width characters escaped."""
    words = str(text)
    if words.isprintable():
        return words
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in words)


def _escaped(letter: str) -> str:
    return " ⏎ " if letter == "\n" else f"\\u{ord(letter):04x}"


def as_json(value: object) -> str:
    """JSON on one line, ASCII only: dates as ISO strings, values by the fields that their repr shows."""
    return json.dumps(_plain(value), ensure_ascii=True)


def _plain(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Path() | UUID():
            return str(value)
        case dict():
            return {str(_plain(key)): _plain(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(inner) for inner in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            shown = (field.name for field in fields(value) if field.repr)
            return {name: _plain(getattr(value, name)) for name in shown}
        case _:
            return value
