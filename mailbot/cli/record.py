"""What `doctor` reads in the database: what the daemon could not do, what is stuck, what drifts, what waits for an admin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from mailbot.cli.acting import turn_context
from mailbot.cli.columns import moment
from mailbot.cli.findings import Finding, fail, ok, warn
from mailbot.cli.site import Settings
from mailbot.errors import MailbotError
from mailbot.turns import drift, letter_brake, sight
from mailbot.turns.context import TurnContext
from mailbot.turns.digest import Week

SILENT_AFTER = timedelta(hours=1)
"""A mailbox that was not read to its end for so long is read by nobody."""
_WEEK = timedelta(days=7)
_MOST = 20
"""Lines about what is stuck; `mailbot queue` and the report have them all."""


def on_record(settings: Settings) -> Iterator[Finding]:
    """Everything that the daemon has put on record and an operator should know."""
    try:
        with turn_context(settings) as turn:
            yield from _blind(turn)
            yield from _chosen(turn)
            yield from _stuck(turn)
            yield from _drifted(turn)
    except MailbotError:
        return  # told as the trouble of the database, the directory or the keys


def _blind(turn: TurnContext) -> Iterator[Finding]:
    """What the daemon could not do when it last tried, and whether it still tries."""
    zone, now = turn.rules.service.timezone, turn.clock.now()
    failing = sight.what_is_blind(turn.store)
    for one in failing:
        said = f"has not worked since {moment(one.since, zone)}: {one.why}"
        fix = f"see what doctor says about it here; until it works again, {sight.MEANWHILE[one.sense]}"
        yield fail(one.what, said, fix)
    read = sight.last_read(turn.store)
    if any(one.sense in {sight.Sense.MAILBOX, sight.Sense.BACKLOG} for one in failing):
        return
    if read is None:
        yield ok("daemon", "has not read the mailbox yet")
    elif now - read > SILENT_AFTER:
        said = f"the mailbox was last read to its end at {moment(read, zone)}: nothing is reading it now"
        yield fail("daemon", said, "systemctl status mailbot; journalctl -u mailbot")
    else:
        yield ok("daemon", f"read the mailbox to its end at {moment(read, zone)}")


def _chosen(turn: TurnContext) -> Iterator[Finding]:
    """What an admin has stopped, and what the brake on letters has: easily forgotten."""
    if paused := turn.paused():
        yield warn("pause", f"paused by {paused}", "mailbot resume --as ADMIN")
    if closed := turn.closed():
        yield warn("requests", f"no new ones are accepted: {closed}", "mailbot open --as ADMIN")
    pulled = letter_brake.current(turn)
    if pulled is not None and not pulled.released_by and (held := len(turn.store.held_letters(_MOST))):
        said = f"{held if held < _MOST else f'{_MOST} or more'} are held back by brake {pulled.number}"
        yield warn("letters held back", said, "answer the letter of that brake")


def _stuck(turn: TurnContext) -> Iterator[Finding]:
    """What does not get on: the same lines as in the report."""
    now = turn.clock.now()
    lines = list(Week(turn, now - _WEEK, now).stuck())
    for kind, line in lines[:_MOST]:
        yield warn(f"stuck, {kind}", line, "mailbot show TICKET; mailbot queue")
    if len(lines) > _MOST:
        yield warn("stuck", f"and {len(lines) - _MOST} more", "mailbot report --html FILE")
    if not lines:
        yield ok("stuck", "nothing is")


def _drifted(turn: TurnContext) -> Iterator[Finding]:
    """Where sites and tickets disagreed at the last look."""
    kept = drift.kept(turn.store)
    for site, findings in kept.items():
        for one in findings:
            yield warn(f"site {site}, drift", one.said, "mailbot reconcile; docs/how-to/incidents.md")
    if not kept:
        yield ok("drift", "the sites matched their tickets at the last check")
