"""The operator's vocabulary: one function per log line.

A line is declared, not written: its name is the function's, its fields are the arguments, its
meaning is the docstring; `docs/log.md` is generated from the same declarations.  A line about a
ticket has it first.  Bodies, secrets and tokens are never arguments.  Our own Message-IDs carry
tokens, so no line names one: an incoming mail is named by the first twelve digits of its SHA-256,
a letter by its outbox row.
"""

from __future__ import annotations

import inspect
import json
import logging
import re
import sys
import traceback
from collections import Counter
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import wraps
from itertools import chain
from pathlib import Path
from typing import Any, Literal, ParamSpec, TextIO, cast

import structlog

P = ParamSpec("P")
Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "console"]

LONGEST_VALUE = 500
"""Characters of one field; what is longer is cut, with a mark."""

_MESSAGE_ID = re.compile(r"<[^<>\s]{0,400}@[^<>\s]{0,400}>")
_FIRST_KEYS = ("at", "level", "ticket", "event")


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

_log = structlog.get_logger("mailbot")


def _line(level: Level) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Turn a declaration into a function that writes the line."""

    def declare(function: Callable[P, None]) -> Callable[P, None]:
        name = function.__name__
        fields = tuple(inspect.signature(function).parameters)
        LINES[name] = Line(name, level, fields, inspect.getdoc(function) or "")

        @wraps(function)
        def write(*args: P.args, **kwargs: P.kwargs) -> None:
            COUNTS[name] += 1
            facts: dict[str, Any] = dict(zip(fields, args, strict=False)) | kwargs
            if "mail" in facts:
                facts["mail"] = short(facts["mail"])
            getattr(_log, level)(name, **{key: _plain(value) for key, value in facts.items() if value is not None})

        return write

    return declare


# mail


@_line("info")
def mail_received(*, mail: str, folder: str, uid: int, size_bytes: int) -> None:
    """A new mail was fetched; what became of it follows in a line with the same `mail`."""


@_line("info")
def mail_left(*, mail: str, why: str) -> None:
    """A mail is not for the bot: it stays in the inbox, untouched and unread."""


@_line("info")
def mail_handled(ticket: int | None, *, mail: str, kind: str, sender: str, why: str = "") -> None:
    """A mail was acted upon or answered, and the change is committed."""


@_line("info")
def mail_duplicate(*, mail: str, sender: str) -> None:
    """The same mail was handled before: it is moved, and nothing else happens."""


@_line("warning")
def mail_quarantined(*, mail: str, why: str, sender: str = "") -> None:
    """A mail could not be read or handled: it is kept in the quarantine folder, and admins are told."""


@_line("warning")
def mail_retried(*, mail: str, attempt: int, retry_at: datetime, error: BaseException | str) -> None:
    """Handling a mail went wrong; it is tried again at `retry_at`."""


@_line("info")
def mail_moved(*, count: int, shelf: str) -> None:
    """Mails were moved to a folder, after their changes were committed."""


@_line("warning")
def mailbox_renumbered(*, folder: str, before: int, after: int) -> None:
    """The folder has another UIDVALIDITY: every mail in it is looked at again, known ones by Message-ID and hash."""


@_line("warning")
def answer_withheld(*, mail: str, to: str, why: str) -> None:
    """A mail was handled, but its answer was not written: a limit on automatic answers was reached."""


# tickets


@_line("info")
def ticket_moved(ticket: int, *, happening: str, before: str, after: str, who: str, summary: str) -> None:
    """A ticket changed, and the change is committed; `before` is empty for a new ticket."""


@_line("info")
def decision_refused(ticket: int | None, *, mail: str, sender: str, why: str) -> None:
    """Somebody asked for something that they may not do, or that the ticket's state does not allow."""


@_line("info")
def ticket_contended(ticket: int | None, *, doing: str) -> None:
    """Somebody else changed the ticket first; the turn is taken again from the start."""


@_line("error")
def ticket_postponed(ticket: int, *, until: datetime, error: BaseException | str) -> None:
    """A ticket's turn raised; it is pushed forward so that the others go on, and admins are told."""


# letters


@_line("info")
def letter_sent(ticket: int | None, *, row: int, letter: str, to: str, answer: str) -> None:
    """The mail server accepted a letter, with its answer to the final dot."""


@_line("error")
def letter_refused(ticket: int | None, *, row: int, letter: str, to: str, answer: str) -> None:
    """The mail server refused a letter for good, or it was tried too often: it is given up."""


@_line("warning")
def letter_postponed(
    ticket: int | None, *, row: int, letter: str, to: str, attempt: int, retry_at: datetime, why: str
) -> None:
    """A letter could not be sent now; it is tried again at `retry_at`."""


@_line("error")
def letter_unwritable(ticket: int | None, *, row: int, letter: str, error: BaseException | str) -> None:
    """A letter could not be composed: its template or its facts are wrong."""


@_line("warning")
def letter_bounced(ticket: int | None, *, letter: str, to: str, permanent: bool | None, diagnostic: str = "") -> None:
    """A letter of ours came back; `permanent` is left out where the report does not say."""


# machines


@_line("info")
def machine_started(ticket: int | None, *, action: str, machine: str, attempt: int, site: str | None = None) -> None:
    """Work on a machine begins (or goes on, when `attempt` is above 1)."""


@_line("info")
def machine_progress(
    ticket: int | None, *, action: str, machine: str, waiting_for: str, site: str | None = None
) -> None:
    """Work on a machine is not finished: what it waits for."""


@_line("info")
def machine_done(
    ticket: int | None, *, action: str, machine: str, site: str | None = None, took: timedelta | None = None
) -> None:
    """Work on a machine is finished."""


@_line("error")
def machine_failed(ticket: int | None, *, action: str, machine: str, why: str, site: str | None = None) -> None:
    """Work on a machine is given up; admins are told."""


@_line("warning")
def machine_postponed(
    ticket: int | None, *, action: str, machine: str, retry_at: datetime, why: str, site: str | None = None
) -> None:
    """Work on a machine could not go on now; it is tried again at `retry_at`."""


@_line("warning")
def site_unwell(*, site: str, problem: str) -> None:
    """A site gets no new machines until this is mended."""


# the bot itself


@_line("debug")
def tick(*, mails: int, tickets: int, letters: int, machines: int, took: timedelta) -> None:
    """One round is over: how much was done in it."""


@_line("error")
def tick_failed(*, doing: str, error: BaseException | str) -> None:
    """A part of a round raised; the other parts and the next round go on."""


@_line("warning")
def connection_lost(*, server: str, why: str, retry_seconds: float | None = None) -> None:
    """A server (`imap`, `smtp`, `directory`, `libvirt`) does not answer; what waits for it is tried again."""


@_line("info")
def connection_restored(*, server: str) -> None:
    """A server that did not answer does again."""


@_line("info")
def daemon_started(*, version: str, pid: int) -> None:
    """The daemon is ready."""


@_line("info")
def daemon_stopping(*, why: str) -> None:
    """The daemon was asked to stop: it finishes the step at hand."""


@_line("info")
def daemon_stopped() -> None:
    """The daemon ends."""


@_line("info")
def config_loaded(*, file: str, sites: int, admins: int) -> None:
    """The configuration was read and found good."""


@_line("info")
def database_upgraded(*, before: str, after: str) -> None:
    """The database's schema was brought to another revision."""


@_line("warning")
def trouble(*, about: str, error: BaseException | str) -> None:
    """Something unexpected that did no harm; worth a look."""


# how a line is written


def short(sha256: str) -> str:
    """How lines name an incoming mail: by the first twelve hex digits of its SHA-256."""
    return sha256[:12]


def configure(format: Format = "console", level: Level = "info", stream: TextIO | None = None) -> None:  # noqa: A002
    """Say how and where lines are written (standard error by default); may be called again.

    What libraries say through `logging` comes out the same way, from `warning` up, as the line `library`.
    """
    to = cast("TextIO", _StandardError()) if stream is None else stream
    minimum = getattr(logging, level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _json if format == "json" else _console,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(minimum),
        logger_factory=structlog.WriteLoggerFactory(to),
        cache_logger_on_first_use=False,
    )
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
        level = "error" if record.levelno >= logging.ERROR else "warning"
        facts = {"name": record.name, "message": _plain(record.getMessage())}
        if record.exc_info and record.exc_info[1] is not None:
            facts["error"] = _plain(record.exc_info[1])
        getattr(_log, level)("library", **facts)


def _plain(value: object) -> object:
    """Make a field's value one line of JSON-able data without Message-IDs, cut where it is too long."""
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
            return _plain(f"{type(value).__name__}: {value}{_where(value)}")
        case _:
            text = _MESSAGE_ID.sub(_hide_long, str(value))
            return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text)} characters)"


def _hide_long(found: re.Match[str]) -> str:
    """Keep `<alice@example.org>`, hide what is long enough to carry a token."""
    return found[0] if len(found[0]) <= 42 else "<…>"


def _where(error: BaseException) -> str:
    """The innermost three places of a traceback, without source lines or values."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    if not frames:
        return ""
    places = (f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in reversed(frames))
    return f" ({' < '.join(places)})"


def _ordered(line: MutableMapping[str, Any]) -> dict[str, Any]:
    """Time, level, ticket and event first, then the rest as given."""
    keys = chain((key for key in _FIRST_KEYS if key in line), (key for key in line if key not in _FIRST_KEYS))
    return {key: line[key] for key in keys}


def _json(_logger: object, _method: str, line: MutableMapping[str, Any]) -> str:
    """One JSON object a line; ASCII only, so that nothing in it can steer a terminal."""
    return json.dumps(_ordered(line), ensure_ascii=True, default=str)


def _console(_logger: object, _method: str, line: MutableMapping[str, Any]) -> str:
    """`TIME level  #ticket event  field=value …`, control, bidi and zero-width characters escaped."""
    facts = _ordered(line)
    at, level, event = str(facts.pop("at", "")), str(facts.pop("level", "")), str(facts.pop("event", ""))
    ticket = facts.pop("ticket", None)
    head = f"{at[:19]}Z {level:<7} {'' if ticket is None else f'#{ticket} '}{event}"
    return "  ".join([_escape(head), *(f"{key}={_quoted(value)}" for key, value in facts.items())])


def _quoted(value: object) -> str:
    """A value as it is, or in double quotes where it has blanks, quotes or nothing in it."""
    text = _escape(str(value))
    return text if text and not re.search(r'[\s"=]', text) else '"' + text.replace('"', '\\"') + '"'


def _escape(text: str) -> str:
    """Write what is not printable (control, format, surrogate, line separator) as \\xNN or \\uNNNN."""
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

Generated from `mailbot/journal.py`; `make docs` writes it again.

Every line has `at` (UTC), `level` and `event`; a line about a ticket has `ticket`. `[log] format = "json"` gives one
JSON object a line, `"console"` the same for eyes. `mail` is the beginning of the SHA-256 of an incoming mail (`mailbot
show` lists it), `row` the number of an outbox row. No line holds the text of a mail, a secret or a token. `library` is
a warning of a library, with its `name` and `message`.

| event | level | fields | meaning |
|---|---|---|---|"""
