"""`mailbot explain`: what mails are understood to be, without typer, settings library, database or network."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfo

from mailbot.adapters.clock import SystemClock
from mailbot.adapters.reading.reader import ConfinedReader
from mailbot.errors import ConfigurationError
from mailbot.explain import explain, in_words
from mailbot.policy import for_reading, reading_rules
from mailbot.ports import Clock
from mailbot.rules import Rules
from parsers.translatable import Translatable
from parsers.values import Kind, ReadingRules, Understanding, Unreadable


@dataclass(frozen=True, slots=True)
class Site:
    """What of a site's configuration matters for reading."""

    rules: Rules
    own_addresses: frozenset[str] = frozenset()
    message_id_domain: str = ""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"mailbot explain: {message}\nTry: mailbot explain --help\n")
        raise SystemExit(os.EX_USAGE)


def run(arguments: Sequence[str], clock: Clock | None = None) -> int:
    """The words after `mailbot explain`; gives the exit code."""
    parser = _Parser(prog="mailbot explain", add_help=False)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("--now")
    parser.add_argument("-c", "--config", type=Path)
    try:
        wanted = parser.parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    return explain_files(
        wanted.files, as_json=wanted.as_json, now=wanted.now, config=wanted.config, clock=clock or SystemClock()
    )


def explain_files(files: Sequence[str], *, as_json: bool, now: str | None, config: Path | None, clock: Clock) -> int:
    """Write what each file is understood to be, in order; give the exit code."""
    try:
        site = _site(config)
        moment = _moment(now, site.rules, clock)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_CONFIG
    except ValueError:
        sys.stderr.write(f"mailbot explain: --now: {now} is not a moment such as 2026-11-22T09:00+01:00\n")
        return os.EX_USAGE
    reading = reading_rules(
        site.rules, moment, own_addresses=site.own_addresses, message_id_domain=site.message_id_domain
    )
    check, missing = for_reading(site.rules), 0
    for file, understood in _understood(files, reading):
        missing += understood.mail is None and not understood.notes and understood.why.startswith("The file ")
        told = explain(understood, file, reading, check)
        _write(json.dumps(told) if as_json else in_words(told))
    return os.EX_NOINPUT if missing else os.EX_OK


def _understood(files: Sequence[str], reading: ReadingRules) -> Iterator[tuple[str, Understanding]]:
    """One understanding for each file, also where it cannot be opened."""
    with ConfinedReader(reading) as reader:
        for file in files:
            try:
                raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
            except (OSError, ValueError) as error:
                why = f"The file cannot be opened: {getattr(error, 'strerror', None) or error}."
                yield file, Understanding(None, Unreadable("", 0, Translatable(why)), Kind.UNREADABLE, why)
            else:
                yield file, reader.read(raw, reading.now)


def _site(config: Path | None) -> Site:
    """The site's rules from the file that was named, or from the usual one where there is one, or the defaults."""
    named = config or (Path(value) if (value := os.environ.get("MAILBOT_CONFIG")) else None)
    usual = Path("/etc/mailbot/config.toml")
    path = named or (usual if os.access(usual, os.R_OK) else None)
    if path is None:
        return Site(Rules())
    from mailbot.config import load, load_rules  # noqa: PLC0415 - most calls have no configuration

    try:
        whole = load(path)
    except ConfigurationError:
        return Site(load_rules(path))
    return Site(whole.rules, frozenset({whole.smtp.from_address.lower()}), whole.smtp.message_ids)


def _moment(now: str | None, rules: Rules, clock: Clock) -> datetime:
    """The moment that relative dates count from; without an offset it is the site's time.  Raises ValueError."""
    if now is None:
        return clock.now()
    moment = datetime.fromisoformat(now)
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(rules.service.timezone))).astimezone(UTC)


def _write(text: str) -> None:
    """Line by line, whatever the terminal can show; a lone surrogate is escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
