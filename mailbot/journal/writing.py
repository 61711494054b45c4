"""How a log line is declared, counted and written; what lines there are is in the package itself."""

from __future__ import annotations

import inspect
import json
import logging
import re
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import wraps
from pathlib import Path
from threading import Lock
from typing import Any, Literal, ParamSpec, Protocol

P = ParamSpec("P")
Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "console"]

LONGEST_VALUE = 500
"""Characters of one field; what is longer is cut, with a mark."""

_MESSAGE_ID = re.compile(r"<[^<>\s]{0,400}@[^<>\s]{0,400}>")
_LEVELS: dict[Level, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_FIRST_KEYS = frozenset({"at", "level", "ticket", "event"})
_TO_BE_QUOTED = re.compile(r'[\s"=]')


@dataclass(frozen=True, slots=True)
class Line:
    """One declared line: `fields` in the order of the arguments."""

    name: str
    level: Level
    fields: tuple[str, ...]
    meaning: str


LINES: dict[str, Line] = {}
"""All lines by name, in the order in which they are declared."""

COUNTS: Counter[str] = Counter()
"""How often each line was written since the program started, also where the level keeps it out of the log."""

TOOK: dict[str, tuple[int, float]] = {}
"""How many lines said how long an action took (fields `action` and `took`), and how many seconds in all, since the start."""


def line(level: Level) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Turn a declaration into a function that writes the line; what stands in its body is done before."""

    def declare(function: Callable[P, None]) -> Callable[P, None]:
        name = function.__name__
        fields = tuple(inspect.signature(function).parameters)
        LINES[name] = Line(name, level, fields, inspect.getdoc(function) or "")

        @wraps(function)
        def write(*args: P.args, **kwargs: P.kwargs) -> None:
            COUNTS[name] += 1
            facts: dict[str, Any] = dict(zip(fields, args, strict=False)) | kwargs
            if "action" in facts and isinstance(facts.get("took"), timedelta):
                count, seconds = TOOK.get(facts["action"], (0, 0.0))
                TOOK[facts["action"]] = (count + 1, seconds + facts["took"].total_seconds())
            if "mail" in facts:
                facts["mail"] = short(facts["mail"])
            function(*args, **kwargs)
            if _LOG.takes(level):
                _LOG.write(level, name, {key: _plain(value) for key, value in facts.items() if value is not None})

        return write

    return declare


def short(sha256: str) -> str:
    """How lines name an incoming mail: by the first twelve hex digits of its SHA-256."""
    return sha256[:12]


class Stream(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


@dataclass(slots=True)
class _Log:
    """Where lines go, from which level on, and in which form; a line is written whole, whatever other threads write."""

    to: Stream
    least: int
    form: Callable[[dict[str, Any]], str]
    one: Lock = field(default_factory=Lock)

    def takes(self, level: Level) -> bool:
        return _LEVELS[level] >= self.least

    def write(self, level: Level, event: str, facts: dict[str, Any]) -> None:
        """Write a line: time, level, ticket and event first, then the rest as given."""
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        ticket = {"ticket": facts.pop("ticket")} if "ticket" in facts else {}
        text = self.form({"at": at, "level": level, **ticket, "event": event, **facts}) + "\n"
        with self.one:
            self.to.write(text)
            self.to.flush()


def configure(format: Format = "console", level: Level = "info", stream: Stream | None = None) -> None:  # noqa: A002
    """Say how and where lines are written (standard error by default); may be called again.

    What libraries say through `logging` comes out the same way, from `warning` up, as the line `library`.
    """
    _LOG.to = _StandardError() if stream is None else stream
    _LOG.least = getattr(logging, level.upper())
    _LOG.form = _json if format == "json" else _console
    root = logging.getLogger()
    for handler in [known for known in root.handlers if isinstance(known, _Libraries)]:
        root.removeHandler(handler)
    root.addHandler(_Libraries(level=logging.WARNING))


class _StandardError:
    """Whatever is standard error at the moment of writing; a log that nobody takes any more stops no work."""

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


class _Libraries(logging.Handler):
    """Writes the warnings of libraries as lines; their message is data, never a format."""

    def emit(self, record: logging.LogRecord) -> None:
        level: Level = "error" if record.levelno >= logging.ERROR else "warning"
        facts = {"name": record.name, "message": _plain(record.getMessage())}
        if record.exc_info and record.exc_info[1] is not None:
            facts["error"] = _plain(record.exc_info[1])
        if _LOG.takes(level):
            _LOG.write(level, "library", facts)


def _plain(value: object) -> object:
    """Make a field's value one line of JSON-able data without Message-IDs, cut where it is too long."""
    if type(value) is str and len(value) <= LONGEST_VALUE and "<" not in value:
        return value  # most are
    match value:
        case Enum():
            return _plain(value.value)
        case bool() | int() | float() | None:
            return value
        case datetime():
            return value.isoformat(timespec="seconds")
        case timedelta():
            return round(value.total_seconds(), 3)
        case BaseException():
            at = getattr(value, "raised_at", "") or places(value)  # in another process, if it comes from one
            return _plain(f"{type(value).__name__}: {value}{f' ({at})' if at else ''}")
        case _:
            text = _MESSAGE_ID.sub(_hide_long, str(value))
            return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text)} characters)"


def _hide_long(found: re.Match[str]) -> str:
    """Keep `<alice@example.org>`, hide what is long enough to carry a token."""
    return found[0] if len(found[0]) <= 42 else "<…>"


def places(error: BaseException) -> str:
    """The innermost three places of a traceback, without source lines or values."""
    frames = reversed(traceback.extract_tb(error.__traceback__)[-3:])
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames)


def _json(line: dict[str, Any]) -> str:
    """One JSON object a line; ASCII only, so that nothing in it can steer a terminal."""
    return json.dumps(line, ensure_ascii=True, default=str)


def _console(line: dict[str, Any]) -> str:
    """`TIME level  #ticket event  field=value …`, control, bidi and zero-width characters escaped."""
    about = f"#{line['ticket']} " if "ticket" in line else ""
    head = f"{line['at'][:19]}Z {line['level']:<7} {about}{line['event']}"
    rest = [f"{key}={_quoted(value)}" for key, value in line.items() if key not in _FIRST_KEYS]
    return "  ".join([_escape(head), *rest])


def _quoted(value: object) -> str:
    """A value as it is, or in double quotes where it has blanks, quotes or nothing in it."""
    text = _escape(str(value))
    return text if text and not _TO_BE_QUOTED.search(text) else '"' + text.replace('"', '\\"') + '"'


_LOG = _Log(_StandardError(), logging.INFO, _console)


def _escape(text: str) -> str:
    """Write what is not printable (control, format, surrogate, line separator) as \\xNN or \\uNNNN."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _code(letter) for letter in text)


def _code(letter: str) -> str:
    return f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\u{ord(letter):04x}"


def reference() -> str:
    """The reference of all lines, as Markdown: `docs/log.md`."""
    rows = [f"| `{line.name}` | {line.level} | {_field_list(line)} | {line.meaning} |" for line in LINES.values()]
    return "\n".join([_REFERENCE_HEAD, *rows, ""])


def _field_list(line: Line) -> str:
    return ", ".join(f"`{name}`" for name in line.fields) or "none"


_REFERENCE_HEAD = """# Log lines

Generated from `mailbot/journal`; `make docs` writes it again.

Every line has `at` (UTC), `level` and `event`; a line about a ticket has `ticket`. `[log] format = "json"` writes one
JSON object per line, `"console"` the same for people. `mail` is the beginning of the SHA-256 of an incoming mail (`mailbot
show` lists it), `row` the number of an outbox row. No line contains the text of a message, a secret or a token. `library` is
a warning of a library, with its `name` and `message`.

| event | level | fields | meaning |
|---|---|---|---|"""
